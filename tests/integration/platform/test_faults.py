"""What users, disks and environments do to a platform."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import psycopg
import pytest
from fix_platform import Made, Platform, new_home, platform_in, processes_of, rows

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(
    "name", ["with spaces", "100% %d %s", "ünïcödé ☃", 'quote\'s "double" $HOME', "back\\slash"], ids=str
)
def test_a_home_with_an_odd_path_works_whole(name: str) -> None:
    with platform_in(new_home(name)) as platform:
        made = platform.create(replica=True)
        rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
        assert rows(made.replica_url, "SELECT i FROM t") == [(1,)]
        platform.put_to_sleep(made)

        # From the archive alone, whose commands run in a shell.
        assert rows(made.replica_url, "SELECT i FROM t") == [(1,)]


def test_libpqs_variables_in_the_environment_do_no_harm() -> None:
    odd = {
        "PGHOSTADDR": "192.0.2.1",
        "PGHOST": "db.example.com",
        "PGPORT": "1",
        "PGOPTIONS": "-c no_such_setting=1",
        "PGSERVICE": "nowhere",
        "PGSSLMODE": "verify-full",
        "PGUSER": "nobody",
        "PGDATA": "/nowhere",
        "PGTZ": "Nowhere/Land",
    }
    with platform_in(new_home(), **odd) as platform:
        made = platform.create(replica=True)
        rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
        rows(made.replica_url)
        platform.put_to_sleep(made, made.primary)

        assert rows(made.replica_url, "SELECT i FROM t") == [(1,)]


def test_a_second_up_says_who_holds_the_home(platform: Platform) -> None:
    done = platform.run("up", check=False)

    assert done.returncode == 1
    assert f"a platform runs already in {platform.home} (pid {platform.there['pid']}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "option"), [("DORMOUSE_PG_PORT", "--pg-port"), ("DORMOUSE_HTTP_PORT", "--http-port")]
)
def test_a_taken_port_is_named_with_its_option(variable: str, option: str) -> None:
    home = new_home()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        there = Platform(home, {**os.environ, "DORMOUSE_HOME": str(home), "DORMOUSE_PG_PORT": "0",
                                "DORMOUSE_HTTP_PORT": "0", variable: str(port)})  # fmt: skip
        done = there.run("up", check=False)

    assert done.returncode == 1
    assert str(port) in done.stderr
    assert option in done.stderr
    assert variable in done.stderr
    assert "Traceback" not in done.stderr
    assert processes_of(home) == []
    shutil.rmtree(home.parent)


@pytest.mark.parametrize("home", ["/proc/dormouse", "/dev/null/dormouse"])
def test_a_home_that_cannot_be_made_is_named_with_what_to_do(home: str) -> None:
    done = Platform(Path(home), {**os.environ, "DORMOUSE_HOME": home}).run("up", check=False)

    assert done.returncode == 1
    assert f"the home {home} cannot be used" in done.stderr
    assert "DORMOUSE_HOME" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's home may be closed to the user that Postgres runs as")
def test_as_root_a_home_that_postgres_cannot_enter_is_refused() -> None:
    closed = Path(tempfile.mkdtemp(prefix="dormouse-test-"))  # 0700
    home = closed / "home"

    done = Platform(home, {**os.environ, "DORMOUSE_HOME": str(home)}).run("up", check=False)

    assert done.returncode == 1
    assert "cannot be entered by the user" in done.stderr
    assert "/var/lib/dormouse" in done.stderr
    shutil.rmtree(closed)


@pytest.mark.skipif(os.geteuid() == 0, reason="to root every folder is writable")
def test_a_home_that_is_not_ours_to_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    home = tmp_path / "home"

    done = Platform(home, {**os.environ, "DORMOUSE_HOME": str(home)}).run("up", check=False)

    assert done.returncode == 1
    assert f"the home {home} cannot be used: Permission denied" in done.stderr


def test_without_postgres_it_says_what_was_expected(tmp_path: Path) -> None:
    home = new_home()
    environment = {**os.environ, "DORMOUSE_HOME": str(home), "DORMOUSE_PG_BIN": str(tmp_path)}

    done = Platform(home, environment).run("up", check=False)

    assert done.returncode == 1
    assert f"DORMOUSE_PG_BIN is {tmp_path}, and there is no Postgres" in done.stderr
    assert "/usr/lib/postgresql/17/bin" in done.stderr
    shutil.rmtree(home.parent)


@pytest.mark.parametrize(("variable", "value"), [("DORMOUSE_PG_PORT", "five"), ("DORMOUSE_ERRORS", "loud")])
def test_a_malformed_setting_is_named(variable: str, value: str) -> None:
    done = Platform(Path("/nowhere"), {**os.environ, variable: value}).run("up", check=False)

    assert done.returncode == 1
    assert f"{variable} is '{value}'; expected" in done.stderr


def test_a_wrong_password_wakes_nothing(platform: Platform) -> None:
    made = platform.create()
    rows(made.url)
    platform.put_to_sleep(made)

    for user, password in (("neondb_owner", "wrong"), ("no_such_role", "wrong")):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            rows(psycopg.conninfo.make_conninfo(made.url, user=user, password=password))

    assert platform.state(made, made.primary) == "idle"


def test_an_unknown_endpoint_is_refused_in_neons_words(platform: Platform, project: Made) -> None:
    with pytest.raises(psycopg.OperationalError, match="The requested endpoint could not be found"):
        rows(project.url.replace(project.primary, "ep-nobody-home-12345678"))


def test_a_missing_database_is_postgress_own_error(platform: Platform, project: Made) -> None:
    with pytest.raises(psycopg.OperationalError, match='database "nowhere" does not exist'):
        rows(psycopg.conninfo.make_conninfo(project.url, dbname="nowhere"))
