"""`dormouse`, as typed."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from fix_platform import Made, Platform, new_home, rows

from dormouse.uri import ConnectionParameters

PSQL = shutil.which("psql")
needs_psql = pytest.mark.skipif(PSQL is None, reason="psql is not on the PATH")


@pytest.fixture(scope="module")
def options(project: Made) -> list[str]:
    """The platform of the tests has several projects."""
    return ["--project", project.project]


def psql(url: str, query: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return subprocess.run(
        [str(PSQL), "-XAtc", query, url], env=environment, capture_output=True, text=True, timeout=60
    )


@needs_psql
def test_psql_connects_with_the_printed_url(platform: Platform, options: list[str]) -> None:
    url = platform.run("env", "--format", "url", *options).stdout.strip()
    assert "sslmode=require&channel_binding=require" in url

    done = psql(url, "SELECT current_user")

    assert done.stdout == "neondb_owner\n", done.stderr


@needs_psql
def test_psql_verifies_the_server_with_the_printed_authority(platform: Platform, options: list[str]) -> None:
    url = platform.run("env", "--format", "verify-full", *options).stdout.strip()
    assert "sslmode=verify-full&channel_binding=require" in url

    done = psql(url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")

    assert done.returncode == 0, done.stderr
    stranger = psql(url.replace(str(platform.ca), "/etc/ssl/certs/ca-certificates.crt"), "SELECT 1")
    assert "certificate verify failed" in stranger.stderr


@needs_psql
def test_the_pg_format_is_enough_for_a_shell(platform: Platform, options: list[str]) -> None:
    exports = platform.run("env", "--format", "pg", *options).stdout

    done = subprocess.run(
        ["/bin/sh", "-c", f"{exports}\nexec psql -XAtc 'SELECT 1'"], capture_output=True, text=True, timeout=60
    )

    assert done.stdout == "1\n", done.stderr


@needs_psql
@pytest.mark.parametrize("replica", [False, True], ids=["primary", "replica"])
def test_psql_opens_a_compute(platform: Platform, options: list[str], replica: bool) -> None:
    which = ["--replica"] if replica else []

    done = platform.run("psql", *options, *which, "--", "-XAtc", "SELECT pg_is_in_recovery()")

    assert done.stdout == ("t\n" if replica else "f\n")


def test_without_a_psql_of_its_own_the_machine_uses_the_bundled_one(
    platform: Platform, project: Made, options: list[str], tmp_path: Path
) -> None:
    platform.put_to_sleep(project, project.primary)
    bare = Platform(platform.home, {**platform.environment, "PATH": str(tmp_path)})

    done = bare.run("psql", *options, "--", "-XAtc", "SELECT current_user")

    assert done.stdout == "neondb_owner\n"


def test_the_other_format_needs_neither_sni_nor_hostaddr(platform: Platform, options: list[str]) -> None:
    url = platform.run("env", "--format", "other", *options).stdout.strip()

    assert "@localhost:" in url
    assert rows(url, "SELECT current_user") == [("neondb_owner",)]


def test_dotenv_names_the_primary_and_the_replica(platform: Platform, project: Made, options: list[str]) -> None:
    lines = platform.run("env", *options).stdout.splitlines()
    values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    assert project.primary in values["DATABASE_URL"]
    assert str(project.replica) in values["DATABASE_REPLICA_URL"]
    assert rows(values["DATABASE_REPLICA_URL"].strip('"'), "SELECT pg_is_in_recovery()") == [(True,)]


def test_env_as_json(platform: Platform, project: Made, options: list[str]) -> None:
    found = json.loads(platform.run("env", "--json", *options).stdout)

    assert found["endpoint_id"] == project.primary
    assert found["pg"]["PGHOSTADDR"] == "127.0.0.1"
    assert psycopg.conninfo.conninfo_to_dict(found["url"])["host"].startswith(project.primary)


def test_the_neonctl_format_points_neons_tools_here(platform: Platform) -> None:
    text = platform.run("env", "--format", "neonctl").stdout

    assert f"NEON_API_HOST={platform.there['http_url']}/api/v2" in text
    assert "NEON_API_KEY=napi_" in text


def test_several_projects_are_named_when_none_is_chosen(platform: Platform, project: Made) -> None:
    platform.create()

    done = platform.run("env", check=False)

    assert done.returncode == 1
    assert "there are several projects" in done.stderr
    assert project.project in done.stderr
    assert "--project" in done.stderr


def test_an_unknown_format_is_a_wrong_question(platform: Platform) -> None:
    done = platform.run("env", "--format", "yaml", check=False)

    assert done.returncode == 2
    assert "verify-full" in done.stderr


def test_status_lists_every_compute(platform: Platform, project: Made) -> None:
    found = json.loads(platform.run("status", "--json").stdout)

    assert found["running"] is True
    assert {project.primary, project.replica} <= {compute["compute"] for compute in found["computes"]}
    assert str(project.primary) in platform.run("status").stdout


def test_logs_of_the_platform_and_of_a_compute(platform: Platform, project: Made) -> None:
    rows(project.url)
    rows(project.replica_url)

    assert "the platform serves" in platform.run("logs", "-n", "10000").stdout
    for compute in (project.primary, str(project.replica)):
        assert "database system is ready to accept" in platform.run("logs", "--compute", compute).stdout
    unknown = platform.run("logs", "--compute", "ep-nobody", check=False)
    assert unknown.returncode == 1
    assert "there is no compute 'ep-nobody'" in unknown.stderr


def test_no_password_is_in_the_log(platform: Platform, project: Made) -> None:
    rows(project.url)
    with pytest.raises(psycopg.OperationalError):
        rows(psycopg.conninfo.make_conninfo(project.url, password="a wrong secret"))

    log = platform.log()

    assert str(ConnectionParameters.from_url(project.url).password) not in log
    assert "a wrong secret" not in log
    assert (platform.home / "api-key").read_text().strip() not in log


def test_doctor_says_which_postgres_and_why(platform: Platform) -> None:
    findings = json.loads(platform.run("doctor", "--json").stdout)

    assert any("default:" in f["text"] for f in findings if f["subject"] == "postgres")
    assert any(f["subject"] == "home" and str(platform.home) in f["text"] for f in findings)


def test_without_a_platform_each_verb_says_how_to_start_one() -> None:
    home = new_home()
    nobody = Platform(home, {**os.environ, "DORMOUSE_HOME": str(home)})

    for verb in (["env"], ["psql"]):
        done = nobody.run(*verb, check=False)
        assert done.returncode == 1
        assert f"no platform runs in {home}" in done.stderr
        assert "dormouse up" in done.stderr
    assert nobody.run("status", check=False).returncode == 1
    assert nobody.run("down").returncode == 0
    shutil.rmtree(home.parent)
