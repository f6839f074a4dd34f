"""A lag that is real: what is committed does not reach the standby before the block ends, however it ends."""

import signal
import subprocess
import sys
import time
from typing import Any


def notes_while_it_lags() -> Any:
    from django.db import connections
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from library.models import Note

    from django_dormouse.replicas import context
    from django_dormouse.testing import lagging

    def on_the_replica() -> int:
        return Note.objects.using("replica").count()

    client, other = Client(), Client()
    seen: dict[str, Any] = {}
    with CaptureQueriesContext(connections["default"]) as queries, lagging("replica"):
        seen["counts as a write of the test"] = context.current().has_written
        seen["counts as a query of the test"] = len(queries)
        client.post("/write/?title=a")
        seen["inside"] = on_the_replica()
        seen["its author"] = client.get("/read/").json()
        seen["somebody else"] = other.get("/read/").json()
    seen["after"] = on_the_replica()
    try:
        with lagging():
            Note.objects.create(title="b")
            raise KeyError
    except KeyError:
        seen["after an error"] = on_the_replica()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'dormouse_lag%'")
        seen["tables left"] = cursor.fetchone()[0]
    return seen


def test_nothing_arrives_before_the_end(project):
    assert project.run(notes_while_it_lags) == {
        "counts as a write of the test": False,
        "counts as a query of the test": 0,
        "inside": 0,
        "its author": {"titles": ["a"], "from": "default"},
        "somebody else": {"titles": [], "from": "replica"},
        "after": 1,
        "after an error": 2,
        "tables left": 0,
    }


def notes_that_arrive_late() -> Any:
    import time

    from library.models import Note

    from django_dormouse.testing import lagging

    late = []
    with lagging(by=0.3):
        for number in range(1, 4):
            Note.objects.create(title="a")
            began = time.monotonic()
            while Note.objects.using("replica").count() < number:
                assert time.monotonic() < began + 15
                time.sleep(0.005)
            late.append(time.monotonic() - began)
    return late


def test_a_rhythm_lets_each_commit_arrive_late(project):
    late = project.run(notes_that_arrive_late)

    # The first comes at the beginning of a pause; where in it the others come is up to chance.
    assert late[0] > 0.2


LAGS_FOR_EVER = """
import django, time
django.setup()
from library.models import Note
from django_dormouse.testing import lagging
with lagging():
    Note.objects.create(title="a")
    print("lags", flush=True)
    time.sleep(60)
"""


def test_a_replica_goes_on_when_the_process_was_killed(project, standby):
    process = subprocess.Popen(
        [sys.executable, "-c", LAGS_FOR_EVER], cwd=project.folder, stdout=subprocess.PIPE,
        env=project.process_environment(),
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == b"lags\n"
        time.sleep(0.1)
        assert notes_on(standby) == 0

        process.send_signal(signal.SIGKILL)
        process.wait(10)

    deadline = time.monotonic() + 15
    while notes_on(standby) == 0:
        assert time.monotonic() < deadline, "the standby stands still"
        time.sleep(0.01)


def notes_on(standby: Any) -> int:
    import psycopg

    with psycopg.connect(standby.url(), autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM library_note").fetchone()
        return int(row[0]) if row else -1


def a_lag_that_ends_too_soon(standby: str) -> Any:
    import psycopg

    from django_dormouse.testing import LagEnded, lagging

    cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
    cut += "WHERE datname = 'app' AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
    try:
        with lagging(), psycopg.connect(standby, autocommit=True) as connection:
            row = connection.execute(cut).fetchone()
    except LagEnded as error:
        return [row and row[0], str(error)]
    return None


def test_a_lag_that_ended_before_its_block_is_told(project, standby):
    [cut, told] = project.run(a_lag_that_ends_too_soon, standby.url())

    assert cut == 1
    assert "'replica' went on before the block had ended" in told
    assert "max_standby_streaming_delay" in told


def what_cannot_lag() -> Any:
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connections, transaction

    from django_dormouse.testing import lagging

    told = []
    try:
        with lagging("default"):
            pass
    except ImproperlyConfigured as error:
        told.append(str(error))
    try:
        with transaction.atomic(), lagging():
            pass
    except transaction.TransactionManagementError as error:
        told.append(str(error))
    del connections.settings["replica"]
    try:
        with lagging():
            pass
    except ImproperlyConfigured as error:
        told.append(str(error))
    return told


def test_what_cannot_lag_is_refused(project):
    assert project.run(what_cannot_lag) == [
        "'default' is no replica; there are: replica",
        "A transaction is open on 'default', and no replica sees what it writes. "
        "In a test: use TransactionTestCase instead of TestCase.",
        "DATABASES has no replica (DATABASE_REPLICA_URL)",
    ]


def test_lags_in_a_projects_own_tests(project):
    for arguments in ([], ["--parallel", "2"]):
        done = project.manage("test", "library.tests.LaggingTest", "library.tests.MirrorTest", *arguments)

        assert "Ran 4 tests" in done.stderr, done.stderr
        assert done.returncode == 0, done.stderr
