"""What a session is good for once it is there, and how it ends."""

import asyncio
import hashlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import errors

from dormouse.errors import RequestError
from dormouse.proxy.directory import Address

from .conftest import (
    ENDPOINT,
    OTHER,
    PSQL,
    ROLE,
    Postgres,
    Proxy,
    SmallDirectory,
    environment,
    needs_psql,
    wait_until,
)


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[BaseException]]:
    """`work` in a thread, and what it raises."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def is_asleep_in(postgres: Postgres, pid: int) -> Callable[[], bool]:
    """Whether that backend runs pg_sleep()."""

    def ask() -> bool:
        with postgres.connect() as admin:
            row = admin.execute("select wait_event from pg_stat_activity where pid = %s", [pid]).fetchone()
        return row == ("PgSleep",)

    return ask


def test_a_query_is_cancelled_inside_tls(proxy: Proxy, postgres: Postgres) -> None:
    """By libpq's newer functions (17 and later), which encrypt the request as the session was."""
    with proxy.connect() as connection:
        thread, raised = in_background(lambda: connection.execute("select pg_sleep(60)"))
        wait_until(is_asleep_in(postgres, connection.info.backend_pid), "the query to run")

        connection.cancel_safe(timeout=10)
        thread.join(10)

        assert [type(error) for error in raised] == [errors.QueryCanceled]
        assert connection.execute("select 1").fetchone() == (1,)


@needs_psql
def test_a_query_is_cancelled_without_tls(proxy: Proxy, postgres: Postgres) -> None:
    """By libpq's PQcancel: Ctrl-C in psql."""
    assert PSQL is not None
    conninfo = psycopg.conninfo.make_conninfo("", **proxy.parameters())
    statement = "select 'asleep' from pg_sleep(60)"
    process = subprocess.Popen(
        [PSQL, "-XAt", "-c", statement, conninfo], stderr=subprocess.PIPE, text=True, env=environment()
    )

    def runs() -> bool:
        with postgres.connect() as admin:
            row = admin.execute(
                "select 1 from pg_stat_activity where query = %s and wait_event = 'PgSleep'", [statement]
            ).fetchone()
        return row is not None

    wait_until(runs, "the query to run")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)

    assert "ERROR:  canceling statement due to user request" in said


def test_a_cancel_with_a_wrong_key_does_nothing(proxy: Proxy, postgres: Postgres) -> None:
    with proxy.connect() as connection:
        thread, raised = in_background(lambda: connection.execute("select pg_sleep(0.5)"))
        pid = connection.info.backend_pid
        wait_until(is_asleep_in(postgres, pid), "the query to run")

        with proxy.open_socket() as client:
            client.sendall(bytes.fromhex("0000001004d2162e") + pid.to_bytes(4, "big") + b"evil")
            assert client.recv(1) == b""
        thread.join(10)

        assert raised == []


@pytest.mark.parametrize("size", [8 << 20])
def test_megabytes_each_way(proxy: Proxy, size: int) -> None:
    block = os.urandom(size // 16).hex().encode()  # 1 MB
    sent = hashlib.sha256()
    with proxy.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create temp table t (line text)")
        with cursor.copy("copy t from stdin") as copy:
            for _ in range(8):
                copy.write(block + b"\n")
                sent.update(block + b"\n")
        received = hashlib.sha256()
        with cursor.copy("copy t to stdout") as copy:
            for data in copy:
                received.update(data)

    assert received.digest() == sent.digest()


def test_a_client_that_stops_reading_holds_the_compute_and_not_our_memory(
    proxy: Proxy, postgres: Postgres, directory: SmallDirectory
) -> None:
    process = psutil.Process()
    with proxy.connect() as connection, connection.cursor() as cursor:
        pid = connection.info.backend_pid
        before = process.memory_info().rss
        with cursor.copy("copy (select repeat('x', 1000) from generate_series(1, 300000)) to stdout") as copy:

            def waits() -> bool:
                with postgres.connect() as admin:
                    row = admin.execute("select wait_event from pg_stat_activity where pid = %s", [pid]).fetchone()
                return row == ("ClientWrite",)

            def has_stopped() -> bool:
                passed = directory.activities[ENDPOINT].to_clients
                time.sleep(0.3)  # would it go on growing?
                return directory.activities[ENDPOINT].to_clients == passed and waits()

            wait_until(has_stopped, "the compute to wait for its reader", 60)
            grown = process.memory_info().rss - before
            length = sum(len(data) for data in copy)

    assert length == 300_000 * 1001
    assert grown < 24 << 20


def test_a_client_that_never_reads_again_does_not_stop_the_listener(start: Any, postgres: Postgres) -> None:
    proxy = start(limits={"farewell_s": 0.5})
    connection = proxy.connect()
    try:
        connection.pgconn.send_query(b"select repeat('x', 1000) from generate_series(1, 300000)")
        wait_until(lambda: connection.pgconn.socket and len(proxy.listener.registry) == 1, "the session")

        began = time.monotonic()
        proxy.stop()

        assert time.monotonic() - began < 5
        assert proxy.listener.connections == 0
    finally:
        connection.close()


def test_activity_is_counted_and_dated(proxy: Proxy, directory: SmallDirectory) -> None:
    first = proxy.connect()
    activity = directory.activities[ENDPOINT]
    assert activity.connections == 1
    second = proxy.connect()
    assert activity.connections == 2

    before = activity.last
    time.sleep(0.02)
    second.execute("select 1")
    assert activity.last > before

    first.close()
    second.close()
    wait_until(lambda: activity.connections == 0, "the connections to be given back")
    wait_until(lambda: proxy.listener.connections == 0, "the connections to close")
    assert (len(proxy.listener.registry), proxy.listener.unauthenticated) == (0, 0)
    assert not proxy.listener.authenticated


def test_the_backend_ends_with_its_client(proxy: Proxy, postgres: Postgres) -> None:
    connection = proxy.connect()
    pid = connection.info.backend_pid
    connection.pgconn.finish()  # with a Terminate

    def is_gone() -> bool:
        with postgres.connect() as admin:
            return admin.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone() is None

    wait_until(is_gone, "the backend to end")


def test_the_notice_of_an_address_is_told(proxy: Proxy, directory: SmallDirectory, postgres: Postgres) -> None:
    directory.address = Address(socket_path=postgres.socket_path, notice="served direct: no PgBouncer here")
    heard: list[str | None] = []
    parameters = proxy.parameters()
    pgconn = psycopg.pq.PGconn.connect_start(psycopg.conninfo.make_conninfo("", **parameters).encode())
    pgconn.notice_handler = lambda result: heard.append(
        (result.error_field(psycopg.pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode()
    )

    def is_connected() -> bool:
        return pgconn.connect_poll() in (psycopg.pq.PollingStatus.OK, psycopg.pq.PollingStatus.FAILED)

    wait_until(is_connected, "the connection")
    pgconn.finish()

    assert heard == ["served direct: no PgBouncer here"]


def test_a_slow_wake_is_waited_for(proxy: Proxy, directory: SmallDirectory) -> None:
    directory.before_locate = lambda: time.sleep(0.3)

    with proxy.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_client_that_gives_up_during_a_wake_leaves_nothing(proxy: Proxy, directory: SmallDirectory) -> None:
    directory.before_locate = lambda: time.sleep(1.0)
    parameters = proxy.parameters()
    pgconn = psycopg.pq.PGconn.connect_start(psycopg.conninfo.make_conninfo("", **parameters).encode())
    wait_until(lambda: pgconn.connect_poll() and directory.locate_calls, "the wake to begin")

    pgconn.finish()

    wait_until(lambda: proxy.listener.connections == 0, "the connection to be forgotten")
    assert not proxy.listener.authenticated


# The end of a compute.


def test_a_compute_that_stops_tells_its_idle_clients(proxy: Proxy, postgres: Postgres) -> None:
    with proxy.connect() as connection:
        postgres.stop()
        try:
            with pytest.raises(errors.AdminShutdown):
                connection.execute("select 1")
        finally:
            postgres.start()
        assert connection.broken


def test_a_compute_that_stops_ends_its_busy_clients(proxy: Proxy, postgres: Postgres) -> None:
    """Each sends a query at the very moment.

    Not every one is told AdminShutdown: on a unix socket Postgres itself leaves some without a word (15 of 100
    were seen past the proxy). That we lose none of its words, test_compute_transport.py shows.
    """
    connections = [proxy.connect() for _ in range(8)]

    def work(connection: psycopg.Connection[Any]) -> Callable[[], None]:
        def run() -> None:
            while True:
                connection.execute("select 1")

        return run

    running = [in_background(work(connection)) for connection in connections]
    time.sleep(0.2)
    postgres.stop()
    try:
        for thread, _ in running:
            thread.join(10)
        ends = [raised[0] for _, raised in running]
        assert all(isinstance(end, psycopg.OperationalError) for end in ends)
        assert any(isinstance(end, errors.AdminShutdown) for end in ends)
    finally:
        postgres.start()
        for connection in connections:
            connection.close()


def test_a_backend_that_is_terminated(proxy: Proxy, postgres: Postgres) -> None:
    with proxy.connect() as connection:
        with postgres.connect() as admin:
            admin.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])

        with pytest.raises(errors.AdminShutdown):
            connection.execute("select 1")


def test_a_compute_that_went_to_sleep_after_it_was_located(
    proxy: Proxy, directory: SmallDirectory, postgres: Postgres
) -> None:
    """The first address leads nowhere; the second wake mends that."""
    right = directory.address
    addresses = iter([Address(socket_path=postgres.socket_path + ".gone"), right])

    def locate() -> None:
        directory.address = next(addresses)

    directory.before_locate = locate

    with proxy.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert len(directory.locate_calls) == 2


# What is still to be confirmed.


def sessions_of(postgres: Postgres) -> int:
    with postgres.connect() as admin:
        row = admin.execute("select count(*) from pg_stat_activity where usename = %s", [ROLE]).fetchone()
        assert row is not None
        return int(row[0])


def test_the_compute_is_connected_to_while_it_is_confirmed(
    proxy: Proxy, directory: SmallDirectory, postgres: Postgres
) -> None:
    async def confirm() -> None:
        while await asyncio.to_thread(sessions_of, postgres) == 0:
            await asyncio.sleep(0.01)

    directory.address = replace(directory.address, confirm=confirm)

    with proxy.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert len(directory.locate_calls) == 1


@pytest.mark.parametrize("delay_s", [0.0, 0.3])
def test_who_is_not_confirmed_is_refused(
    proxy: Proxy, directory: SmallDirectory, postgres: Postgres, delay_s: float
) -> None:
    async def confirm() -> None:
        await asyncio.sleep(delay_s)
        raise RequestError(f"password authentication failed for user '{ROLE}'")

    directory.address = replace(directory.address, confirm=confirm)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed for user 'owner'"):
        proxy.connect()

    wait_until(lambda: sessions_of(postgres) == 0, "its backend to end")
    wait_until(lambda: proxy.listener.connections == 0, "the connection to be forgotten")


def test_only_the_compute_that_is_there_is_confirmed(
    proxy: Proxy, directory: SmallDirectory, postgres: Postgres
) -> None:
    asked: list[str] = []

    def with_confirm(address: Address) -> Address:
        async def confirm() -> None:
            asked.append(address.socket_path)

        return replace(address, confirm=confirm)

    right = directory.address
    gone = replace(right, socket_path=right.socket_path + ".gone")
    addresses = iter([with_confirm(gone), with_confirm(right)])

    def locate() -> None:
        directory.address = next(addresses)

    directory.before_locate = locate

    with proxy.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert asked == [right.socket_path]


def test_a_client_that_gives_up_unconfirmed_leaves_nothing(
    proxy: Proxy, directory: SmallDirectory, postgres: Postgres
) -> None:
    asked = threading.Event()

    async def confirm() -> None:
        asked.set()
        await asyncio.sleep(60)

    directory.address = replace(directory.address, confirm=confirm)
    parameters = proxy.parameters()
    pgconn = psycopg.pq.PGconn.connect_start(psycopg.conninfo.make_conninfo("", **parameters).encode())
    wait_until(lambda: pgconn.connect_poll() and asked.is_set(), "the question")

    pgconn.finish()

    wait_until(lambda: proxy.listener.connections == 0, "the connection to be forgotten")
    wait_until(lambda: sessions_of(postgres) == 0, "its backend to end")


# The end of the listener.


def test_a_listener_that_stops_tells_its_idle_clients(proxy: Proxy) -> None:
    with proxy.connect() as connection:
        proxy.stop()

        with pytest.raises(errors.AdminShutdown, match="terminating connection due to administrator command"):
            connection.execute("select 1")


def test_a_listener_that_stops_ends_a_running_query(proxy: Proxy, postgres: Postgres) -> None:
    with proxy.connect() as connection:
        thread, raised = in_background(lambda: connection.execute("select pg_sleep(60)"))
        pid = connection.info.backend_pid
        wait_until(is_asleep_in(postgres, pid), "the query to run")

        proxy.stop()
        thread.join(10)

        assert isinstance(raised[0], psycopg.OperationalError)
    with postgres.connect() as admin:
        admin.execute("select pg_terminate_backend(%s)", [pid])


# Limits.


def test_connections_to_one_endpoint_are_limited(start: Any) -> None:
    proxy = start(limits={"connections_per_endpoint": 2})
    with proxy.connect(), proxy.connect():
        with pytest.raises(psycopg.OperationalError, match="Too many connections to this endpoint"):
            proxy.connect()
        proxy.connect(OTHER).close()


def test_connections_in_all_are_limited(start: Any) -> None:
    proxy = start(limits={"connections": 2})
    refused = pytest.raises(psycopg.OperationalError, match="Failed to acquire permit to connect")
    with proxy.connect(), proxy.connect(OTHER), refused:
        proxy.connect()


def test_who_finds_no_place_waits_for_one(start: Any) -> None:
    proxy = start(limits={"compute_places": 3})

    def visit(_number: int) -> int:
        with proxy.connect() as connection:
            query = "select count(*), pg_sleep(0.05) from pg_stat_activity where usename = current_user"
            [(count, _)] = connection.execute(query).fetchall()
            return int(count)

    with ThreadPoolExecutor(max_workers=12) as clients:
        counts = list(clients.map(visit, range(12)))

    # One that has left may still be on its way out of the server.
    assert 1 < max(counts) <= 4


def test_who_waits_for_a_place_in_vain_is_told(start: Any) -> None:
    proxy = start(limits={"compute_places": 1, "queue_s": 0.2})
    with proxy.connect(), pytest.raises(psycopg.OperationalError, match="Failed to acquire permit to connect"):
        proxy.connect()
    proxy.connect().close()


def test_postgres_own_limit_is_told_in_its_words(proxy: Proxy, postgres: Postgres) -> None:
    with postgres.connect() as admin:
        admin.execute("alter role simple connection limit 0")
    try:
        with pytest.raises(psycopg.OperationalError, match='FATAL:  too many connections for role "simple"'):
            proxy.connect(user="simple", password="p")
    finally:
        with postgres.connect() as admin:
            admin.execute("alter role simple connection limit -1")
