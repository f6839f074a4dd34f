"""`OPTIONS["pool"]`: a mass disconnect, a fork, the end of the process, and what it says of itself."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from fix_platform import wait_until


def a_mass_disconnect(url: str) -> Any:
    import time

    import psycopg
    from django.db import connection, connections

    from django_dormouse.pool_metrics import pool_metrics

    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connections.close_all()

    ask()
    connection.pool.wait(10)
    cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
    cut += "WHERE datname = 'app' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    took = []
    for _ in range(3):
        deadline = time.monotonic() + 10
        while pool_metrics().idle < 5:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with psycopg.connect(url, autocommit=True) as admin:
            assert admin.execute(cut).fetchone()[0] == 5
        started = time.perf_counter()
        ask()
        took.append((time.perf_counter() - started) * 1000)
        for _ in range(10):
            ask()
    metrics = pool_metrics()
    return [
        min(took),
        metrics.connections_lost,
        metrics.requests_failed,
        metrics.requests,
        metrics.idle,
    ]


def test_five_dead_connections_delay_nobody(project, primary):
    fastest, lost, failed, requests, idle = project.run(
        a_mass_disconnect, primary.url(), overrides={"pool": {"min_size": 5, "max_size": 5}}
    )

    # psycopg_pool's own pause is a second; how little it takes is measured by bench/django.py.
    assert fastest < 900
    # One of five was found dead each time, and with it the others were let go.
    assert lost == 3
    assert failed == 0
    assert requests == 37
    assert 1 <= idle <= 5


def a_fork(kind: str) -> Any:
    import json
    import os

    from django.db import connection, connections

    def pid() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0]

    before = pid()
    if kind == "returned":
        connections.close_all()
    reader, writer = os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                seen = [pid() for _ in range(3)]
                connections.close_all()
                seen += [pid()]
                os.write(writer, (json.dumps(seen) + chr(10)).encode())
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        seen = [json.loads(line) for line in lines]
    return [before, seen, pid()]


@pytest.mark.parametrize("kind", ["returned", "in use"])
@pytest.mark.parametrize("pool", [{"min_size": 1, "max_size": 2}, None])
def test_a_forked_child_leaves_its_parents_connections_alone(project, kind, pool):
    overrides = {"pool": pool} if pool else {"conn_max_age": None}
    before, children, after = project.run(a_fork, kind, overrides=overrides)

    assert len(children) == 2
    for seen in children:
        assert before not in seen
    assert not set(children[0]) & set(children[1])
    if kind == "in use":
        assert after == before


def what_is_left_to_be_closed() -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return connection.pool.max_idle


def test_is_closed_at_exit_and_lets_idle_ones_go_before_a_compute_sleeps(project, primary):
    """Warnings are errors in the project's process: psycopg_pool warns of threads that it could not end."""
    assert project.run(what_is_left_to_be_closed, overrides={"pool": True}) < 300

    wait_until(
        lambda: primary.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'app'") == [(0,)],
        "no session is left",
    )


def a_check_of_the_project_s_own() -> Any:
    from django.db import connection
    from psycopg_pool import ConnectionPool

    connection.settings_dict["OPTIONS"]["pool"] = {"check": ConnectionPool.check_connection, "min_size": 1}
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone()[0]


def test_takes_a_check_of_the_projects_own(project):
    assert project.run(a_check_of_the_project_s_own) == 1


def test_says_that_a_pool_and_conn_max_age_exclude_each_other(primary, connect):
    connection = connect(primary.url(), pool=True, conn_max_age=60)

    with pytest.raises(ImproperlyConfigured, match="CONN_MAX_AGE must be 0"):
        connection.ensure_connection()


def twenty_requests(most: int) -> Any:
    import asyncio
    import time

    import psycopg
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.db import connection

    application = get_asgi_application()

    async def request() -> int:
        sent: list[Any] = []
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        inbox.put_nowait({"type": "http.request", "body": b"", "more_body": False})

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "GET", "path": "/read/", "raw_path": b"/read/", "query_string": b"",
            "headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http",
            "server": ("localhost", 80), "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        await application(scope, inbox.get, send)
        return int(sent[0]["status"])

    async def story() -> Any:
        one_by_one = [await request() for _ in range(10)]
        at_once = await asyncio.gather(*(request() for _ in range(10)))
        return [one_by_one, list(at_once)]

    del connection
    statuses = asyncio.run(story())
    default = settings.DATABASES["default"]
    with psycopg.connect(
        host=default["HOST"], port=default["PORT"], user=default["USER"], dbname="postgres"
    ) as admin:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND backend_type = 'client backend'"
        # A session goes some time after its client.
        deadline = time.monotonic() + 15
        while (left := admin.execute(query).fetchone()[0]) > most and time.monotonic() < deadline:
            admin.rollback()
        return [statuses, left]


@pytest.mark.parametrize(("overrides", "most"), [({"pool": {"min_size": 2, "max_size": 4}}, 4), ({}, 0)])
def test_twenty_requests_under_asgi_leave_nothing_open(project, overrides, most):
    statuses, left = project.run(twenty_requests, most, overrides=overrides)

    assert statuses == [[200] * 10, [200] * 10]
    assert left <= most
