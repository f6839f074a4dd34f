"""Behind a pooler: schema work goes past it, and the rest of the process with it.

The "pooler" here is the same server under another name: what matters is which name was connected to.
"""

import re
from typing import Any

import pytest


@pytest.fixture
def pooled(project, primary):
    """The project, with `default` behind `app-pooler.localhost` and `direct` at `app.localhost`."""
    url = f"postgresql://owner@app-pooler.localhost:{primary.port}/app?options=-c%20lock_timeout%3D1234"
    return project.with_environment(DATABASE_URL=url)


def hosts_of_a_migration() -> Any:
    from django.core.management import call_command
    from django.db import connection, connections
    from library.models import Note

    Note.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        pooled_timeout = cursor.fetchone()[0]
    seen = {"before": connections["default"].connection.info.host, "lock_timeout": pooled_timeout}
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        seen["lock_timeout after"] = cursor.fetchone()[0]
    seen["after"] = connections["default"].connection.info.host
    seen["direct alias was opened"] = connections["direct"].connection is not None
    return seen


def test_migrate_goes_past_the_pooler(pooled):
    assert pooled.run(hosts_of_a_migration) == {
        "before": "app-pooler.localhost",
        "lock_timeout": "0",
        "after": "app.localhost",
        "lock_timeout after": "1234ms",
        "direct alias was opened": False,
    }


def test_settings_of_a_pooled_host_pass_the_checks(pooled):
    done = pooled.manage("check", "--database", "default", "--database", "replica", "--database", "direct")

    assert done.returncode == 0, done.stderr
    assert "dormouse.W006" in done.stderr, "the dropped options are told"
    assert set(re.findall(r"\(dormouse\.(\w+)\)", done.stderr)) == {"W006", "I019"}


def test_the_test_runner_makes_one_database_and_sees_one(pooled, primary):
    """Replica, direct and default are one database under test, also inside the transaction of a TestCase."""
    done = pooled.manage("test", "library")

    assert done.returncode == 0, done.stderr
    assert "Ran 8 tests" in done.stderr
    assert "dormouse.W013" not in done.stderr
    assert primary.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'") == [(0,)]


def test_the_test_runner_in_parallel(project):
    done = project.manage("test", "library", "--parallel", "2")

    assert done.returncode == 0, done.stderr
