"""Clients that are slow, half there or gone, at every stage of a connection."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dormouse.wire.messages import Message, PasswordMessage
from dormouse.wire.startup import SSLRequest, StartupMessage

from .conftest import ENDPOINT, Postgres, Proxy, SmallDirectory, wait_until

pytestmark = pytest.mark.faults

STARTUP = StartupMessage({"user": "owner", "database": "neondb"}).encode()
HELLO = b"\x16\x03\x01\x02\x00" + bytes(512)  # the beginning of a record, which OpenSSL waits for the end of
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no time for the rest


def after_ssl_request(proxy: Proxy) -> socket.socket:
    client = proxy.open_socket()
    client.sendall(SSLRequest().encode())
    assert client.recv(1) == b"S"
    return client


def at_sasl(proxy: Proxy) -> ssl.SSLSocket:
    client = proxy.open_tls()
    client.sendall(STARTUP)
    client.recv(4096)
    return client


def at_password(proxy: Proxy) -> ssl.SSLSocket:
    client = proxy.open_tls(server_name="localhost")
    client.sendall(STARTUP)
    client.recv(4096)
    return client


STAGES: dict[str, tuple[Callable[[Proxy], socket.socket], bytes]] = {
    "the first packet": (Proxy.open_socket, STARTUP),
    "a direct ClientHello": (Proxy.open_socket, HELLO),
    "the ClientHello": (after_ssl_request, HELLO),
    "the startup packet": (Proxy.open_tls, STARTUP + bytes(4)),
    "the mechanism": (at_sasl, Message(b"p", bytes(200)).encode()),
    "the password": (at_password, PasswordMessage("x" * 200).encode()),
}
every_stage = pytest.mark.parametrize("stage", STAGES)


def is_forgotten(proxy: Proxy) -> bool:
    listener = proxy.listener
    return (listener.connections, listener.unauthenticated, len(listener.registry)) == (0, 0, 0)


@every_stage
def test_a_byte_now_and_then_does_not_buy_time(start: Any, stage: str) -> None:
    proxy = start(limits={"handshake_s": 0.5, "authentication_s": 0.5})
    begin, data = STAGES[stage]
    with begin(proxy) as client:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in data:
                client.sendall(bytes([byte]))
                time.sleep(0.05)
                if proxy.listener.connections == 0:
                    break

        wait_until(lambda: is_forgotten(proxy), "the connection to be forgotten")
        # All of it would have taken longer.
        assert time.monotonic() - began < 0.05 * len(data)


@every_stage
def test_half_a_close_is_an_end(proxy: Proxy, directory: SmallDirectory, stage: str) -> None:
    begin, data = STAGES[stage]
    with begin(proxy) as client:
        client.sendall(data[:5])
        client.shutdown(socket.SHUT_WR)

        wait_until(lambda: is_forgotten(proxy), "the connection to be forgotten")
    assert directory.locate_calls == []


@every_stage
def test_a_reset_is_an_end(proxy: Proxy, stage: str) -> None:
    begin, data = STAGES[stage]
    client = begin(proxy)
    client.sendall(data[:5])
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()

    wait_until(lambda: is_forgotten(proxy), "the connection to be forgotten")


def test_bytes_and_a_reset_behind_them_are_heard_both(proxy: Proxy) -> None:
    # The listener looks only when both are there.
    proxy.loop.call_soon_threadsafe(time.sleep, 0.3)
    client = proxy.open_socket()
    client.sendall(STARTUP[:5])
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()

    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), proxy.loop).result(10)  # it is accepted by then
    wait_until(lambda: is_forgotten(proxy), "the connection to be forgotten")


# In the middle of a relay.


@contextlib.contextmanager
def streaming(proxy: Proxy, postgres: Postgres) -> Iterator[tuple[psycopg.Connection[Any], socket.socket]]:
    """A session whose result nobody reads, and its socket."""
    connection = proxy.connect()
    connection.pgconn.send_query(b"select repeat('x', 1000) from generate_series(1, 10000000)")
    pid = connection.info.backend_pid
    wait_until(lambda: _waits_for(postgres, pid) == "ClientWrite", "the compute to wait for its reader")
    raw = socket.socket(fileno=connection.pgconn.socket)
    try:
        yield connection, raw
    finally:
        raw.detach()
        with contextlib.suppress(psycopg.Error):
            connection.close()
    wait_until(lambda: is_forgotten(proxy), "the session to be forgotten")
    wait_until(lambda: _waits_for(postgres, pid) is None, "the backend to end")


def _waits_for(postgres: Postgres, pid: int) -> str | None:
    with postgres.connect() as admin:
        row = admin.execute(
            "select coalesce(wait_event, '') from pg_stat_activity where pid = %s", [pid]
        ).fetchone()
    return row and row[0]


def test_a_reset_in_the_middle_of_a_result(proxy: Proxy, postgres: Postgres) -> None:
    with streaming(proxy, postgres) as (connection, raw):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.pgconn.finish()


def test_half_a_close_in_the_middle_of_a_result(start: Any, postgres: Postgres) -> None:
    proxy = start(limits={"farewell_s": 0.5})
    with streaming(proxy, postgres) as (_, raw):
        raw.shutdown(socket.SHUT_WR)
        wait_until(lambda: is_forgotten(proxy), "the session to be forgotten")


def test_a_reset_in_the_middle_of_a_copy(proxy: Proxy, postgres: Postgres) -> None:
    """Nothing of it is kept."""
    with postgres.connect("neondb") as admin:
        admin.execute("create table if not exists half (line text)")
        admin.execute("grant insert on half to owner")
    connection = proxy.connect()
    pid = connection.info.backend_pid
    connection.pgconn.exec_(b"copy half from stdin")
    for _ in range(50):
        connection.pgconn.put_copy_data(b"x" * 10_000 + b"\n")
    with contextlib.closing(socket.socket(fileno=connection.pgconn.socket)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        raw.detach()
    connection.pgconn.finish()

    wait_until(lambda: is_forgotten(proxy), "the session to be forgotten")
    wait_until(lambda: _waits_for(postgres, pid) is None, "the backend to end")
    with postgres.connect("neondb") as admin:
        assert admin.execute("select count(*) from half").fetchone() == (0,)


def test_others_are_served_meanwhile(proxy: Proxy, postgres: Postgres) -> None:
    with streaming(proxy, postgres), proxy.open_socket(), at_sasl(proxy), proxy.connect() as other:
        assert other.execute("select 1").fetchone() == (1,)


# Replication.


def test_a_replication_connection_is_relayed(proxy: Proxy, postgres: Postgres, directory: SmallDirectory) -> None:
    """Physical and logical alike: `replication` is one of the parameters that pass."""
    with postgres.connect() as admin:
        admin.execute("alter role owner replication")
    try:
        for kind in ("true", "database"):
            with proxy.connect(replication=kind) as walsender:
                result = walsender.pgconn.exec_(b"IDENTIFY_SYSTEM")
                assert result.ntuples == 1
                name = result.get_value(0, 3)
                assert name == (b"neondb" if kind == "database" else None)
    finally:
        with postgres.connect() as admin:
            admin.execute("alter role owner noreplication")
    assert [call[0] for call in directory.locate_calls] == [ENDPOINT, ENDPOINT]


# A guesser.


def test_a_crowd_of_guessers_keeps_nobody_out_and_wakes_nothing(proxy: Proxy, directory: SmallDirectory) -> None:
    """Ten thousand of them come in `make soak`."""
    refused: list[str] = []

    def guess() -> None:
        for number in range(8):
            with pytest.raises(psycopg.OperationalError) as raised:
                proxy.connect(user="simple", password=f"guess {number}")
            refused.append(raised.value.sqlstate or str(raised.value))

    guessers = [threading.Thread(target=guess) for _ in range(8)]
    for guesser in guessers:
        guesser.start()
    served = 0
    while any(guesser.is_alive() for guesser in guessers):
        with proxy.connect() as connection:
            connection.execute(sql.SQL("select 1"))
        served += 1
    for guesser in guessers:
        guesser.join()

    assert len(refused) == 64
    assert all("password authentication failed" in text or text == "28P01" for text in refused)
    assert served > 0
    assert {role for _, role, _ in directory.locate_calls} == {"owner"}
