"""Clients that break the rules, and the room that they may take."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg
import pytest

from dormouse.errors import PortTaken, UserError
from dormouse.wire.messages import ErrorResponse, Message, parse_backend, split
from dormouse.wire.startup import GSSENCRequest, SSLRequest, StartupMessage

from .conftest import ENDPOINT, SUFFIX, Proxy, SmallDirectory, wait_until

STARTUP = StartupMessage({"user": "owner", "database": "neondb"}).encode()


def read_all(client: socket.socket) -> bytes:
    """Everything until the other side closes; a reset counts as a close."""
    data = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        while part := client.recv(4096):
            data += part
    return data


def message_of(data: bytes) -> str:
    """The text of the last ErrorResponse."""
    said = ""
    while data and (cut := split(data, 10_000)):
        message, data = cut
        if message.kind == b"E":
            error = parse_backend(message)
            assert isinstance(error, ErrorResponse)
            said = error.fields["M"]
    return said


def test_garbage(proxy: Proxy) -> None:
    with proxy.open_socket() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert message_of(read_all(client)) == "invalid length of startup packet"


def test_garbage_that_looks_like_tls(proxy: Proxy) -> None:
    with proxy.open_socket() as client:
        client.sendall(b"\x16" + bytes(200))
        read_all(client)
    wait_until(lambda: proxy.listener.connections == 0, "the connection to be forgotten")


def test_a_client_that_leaves_at_once(proxy: Proxy) -> None:
    for data in (b"", b"\0", SSLRequest().encode(), GSSENCRequest().encode(), b"\x16\x03\x01"):
        with proxy.open_socket() as client:
            client.sendall(data)
    wait_until(lambda: proxy.listener.connections == 0, "the connections to be forgotten")
    assert proxy.listener.unauthenticated == 0


def test_a_plain_startup_packet_in_small_pieces(proxy: Proxy) -> None:
    with proxy.open_socket() as client:
        for byte in STARTUP:
            client.sendall(bytes([byte]))

        assert message_of(read_all(client)) == "connection is insecure (try using `sslmode=require`)"


def test_gss_is_declined(proxy: Proxy) -> None:
    with proxy.open_socket() as client:
        client.sendall(GSSENCRequest().encode())
        assert client.recv(1) == b"N"
        client.sendall(SSLRequest().encode())
        assert client.recv(1) == b"S"


@pytest.mark.parametrize("sent", [b"", STARTUP[:3], STARTUP[:-1], SSLRequest().encode(), b"\x16\x03\x01"])
def test_silence_ends_at_the_deadline(start: Any, sent: bytes) -> None:
    proxy = start(limits={"handshake_s": 0.2})
    with proxy.open_socket() as client:
        client.sendall(sent)

        assert read_all(client) in (b"", b"S")
    wait_until(lambda: proxy.listener.connections == 0, "the connection to be forgotten")


def test_silence_inside_tls_ends_at_the_deadline(start: Any) -> None:
    proxy = start(limits={"handshake_s": 0.3})
    with proxy.open_tls() as client:
        assert read_all(client) == b""


def test_silence_instead_of_a_password_ends_at_the_deadline(start: Any, directory: SmallDirectory) -> None:
    proxy = start(limits={"authentication_s": 0.2})
    with proxy.open_tls() as client:
        client.sendall(STARTUP)

        assert message_of(read_all(client)) == "Authentication timed out"
    assert directory.locate_calls == []


def test_an_endless_startup_packet_inside_tls(proxy: Proxy) -> None:
    with proxy.open_tls() as client:
        client.sendall((1 << 30).to_bytes(4, "big") + b"\0\3\0\0" + bytes(4096))

        assert message_of(read_all(client)) == "invalid length of startup packet"


def test_an_endless_password(proxy: Proxy) -> None:
    with proxy.open_tls(server_name="localhost") as client:
        client.sendall(STARTUP)
        assert client.recv(9) == bytes.fromhex("52 00000008 00000003")
        client.sendall(b"p" + (1 << 20).to_bytes(4, "big") + bytes(2000))

        assert message_of(read_all(client)).startswith("invalid message length")


def test_a_query_instead_of_a_password(proxy: Proxy, directory: SmallDirectory) -> None:
    with proxy.open_tls() as client:
        client.sendall(STARTUP + Message(b"Q", b"select 1\0").encode())

        assert "expected an authentication response" in message_of(read_all(client))
    assert directory.locate_calls == []


def test_a_client_that_resets_in_the_middle(proxy: Proxy) -> None:
    with proxy.open_tls() as client:
        client.sendall(STARTUP)
        client.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    wait_until(lambda: proxy.listener.connections == 0, "the connection to be forgotten")


def test_tls_1_1_is_refused(proxy: Proxy) -> None:
    with proxy.open_socket() as client:
        client.sendall(SSLRequest().encode())
        assert client.recv(1) == b"S"
        # A ClientHello that offers TLS 1.1 at most.
        body = b"\x03\x02" + bytes(32) + b"\0" + b"\0\x02\xc0\x13" + b"\x01\0"
        hello = b"\x01" + len(body).to_bytes(3, "big") + body
        client.sendall(b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello)

        assert read_all(client)[:1] in (b"", b"\x15")  # nothing, or an alert
    wait_until(lambda: proxy.listener.connections == 0, "the connection to be forgotten")


def test_alpn_and_sni_are_seen(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.certificates.ca_path))
    context.set_alpn_protocols(["postgresql"])
    with (
        proxy.open_socket() as raw,
        context.wrap_socket(raw, server_hostname=f"{ENDPOINT}.{SUFFIX}") as client,
    ):
        assert client.selected_alpn_protocol() == "postgresql"
        assert client.version() == "TLSv1.3"


# Room.


@contextlib.contextmanager
def many(proxy: Proxy, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(proxy.open_socket()) for _ in range(count)]


def test_strangers_are_limited_and_told(start: Any) -> None:
    proxy = start(limits={"unauthenticated": 3})
    with many(proxy, 3):
        wait_until(lambda: proxy.listener.unauthenticated == 3, "the strangers")
        with proxy.open_socket() as client:
            client.sendall(SSLRequest().encode())
            assert "Failed to acquire permit" in message_of(read_all(client))
    wait_until(lambda: proxy.listener.unauthenticated == 0, "the strangers to leave")

    proxy.connect().close()


def test_a_relayed_session_is_no_stranger(start: Any) -> None:
    proxy = start(limits={"unauthenticated": 1})

    with proxy.connect() as first:
        wait_until(lambda: proxy.listener.unauthenticated == 0, "the first to be known")
        with proxy.connect() as second:
            assert (first.execute("select 1").fetchone(), second.execute("select 1").fetchone()) == ((1,), (1,))


def test_a_stranger_costs_little(proxy: Proxy) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    with many(proxy, 200):
        wait_until(lambda: proxy.listener.connections == 200, "the strangers")
        assert (process.memory_info().rss - before) / 200 < 50_000


def test_a_taken_port_is_named(start: Any) -> None:
    proxy = start()

    with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{proxy.port} is in use"):
        start(port=proxy.port)


def test_an_address_that_is_not_ours(start: Any) -> None:
    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1:0"):
        start(bind="192.0.2.1")


def test_every_address_of_a_name_gets_the_same_port(start: Any) -> None:
    proxy = start(bind="localhost")

    with psycopg.connect(**proxy.parameters()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_stop_with_strangers_inside_is_quick(start: Any) -> None:
    proxy = start()
    with many(proxy, 20), proxy.open_tls() as client:
        client.sendall(STARTUP)
        client.recv(1)

        proxy.stop()

        assert proxy.listener.connections == 0
