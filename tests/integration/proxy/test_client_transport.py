"""The client's side on real sockets, with a client played by the test."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Iterator

import pytest
import uvloop

from dormouse.proxy.certificates import Certificates
from dormouse.proxy.client_transport import ClientTransport

NAME = "ep-calm-hill-12345678.dormouse.localhost"
PATIENCE_S = 20.0


class Heard(asyncio.Protocol):
    """What a protocol is told."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.calls: list[str] = []
        self.error: Exception | None = None

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")
        self.error = exc

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


class Client:
    """OpenSSL over memory, so that a test decides what is sent, and when."""

    def __init__(self, connected: socket.socket, context: ssl.SSLContext | None = None) -> None:
        self.socket = connected
        self.socket.setblocking(False)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or trusting()).wrap_bio(self.incoming, self.outgoing, server_hostname=NAME)

    async def shake_hands(self, *, piece: int = 1 << 20, with_data: bytes = b"") -> None:
        """`with_data` goes along with the last message of the handshake."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self.send(piece=piece)
                await self.hear()
            else:
                break
        if with_data:
            self.tls.write(with_data)
        await self.send(piece=piece)

    async def say(self, data: bytes, *, piece: int = 1 << 20) -> None:
        self.tls.write(data)
        await self.send(piece=piece)

    async def send(self, *, piece: int = 1 << 20) -> None:
        data = self.outgoing.read()
        for start in range(0, len(data), piece):
            await asyncio.get_running_loop().sock_sendall(self.socket, data[start : start + piece])
            await asyncio.sleep(0)

    async def hear(self) -> bool:
        """Take what comes; whether there was something."""
        async with asyncio.timeout(PATIENCE_S):
            data = await asyncio.get_running_loop().sock_recv(self.socket, 1 << 16)
        self.incoming.write(data) if data else self.incoming.write_eof()
        return bool(data)

    async def read_to_the_end(self) -> bytes:
        """What was said, up to close_notify."""
        said = b""
        while True:
            try:
                part = self.tls.read(1 << 16)
            except ssl.SSLWantReadError:
                assert await self.hear(), "closed without close_notify"
                continue
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                return said
            said += part


def trusting(**settings: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def runner(request: pytest.FixtureRequest) -> Iterator["asyncio.Runner"]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


class Stage:
    """A transport and its client."""

    def __init__(self, certificates: Certificates, context: ssl.SSLContext | None = None) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.heard = Heard()
        self.client = Client(theirs, context)
        self.transport = ClientTransport(
            asyncio.get_running_loop(),
            ours,
            certificates.server_context(),
            self.heard,
            on_secure=lambda: self.heard.calls.append("secure"),
        )

    async def __aenter__(self) -> "Stage":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.transport.abort()
        self.client.socket.close()
        await asyncio.sleep(0)

    async def until(self, *calls: str) -> None:
        """Return when the protocol was told all of that last."""
        async with asyncio.timeout(PATIENCE_S):
            while self.heard.calls[-len(calls) :] != list(calls):
                await asyncio.sleep(0.001)

    async def until_heard(self, size: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.heard.data) < size:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_how_the_network_cuts_it_makes_no_difference(
    runner: asyncio.Runner, certificates: Certificates, piece: int
) -> None:
    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands(piece=piece)
            await stage.client.say(b"hello", piece=piece)
            await stage.until_heard(5)
            assert (stage.heard.data, stage.heard.calls) == (b"hello", ["secure"])
            assert stage.transport.server_name == NAME

    runner.run(play())


def test_what_comes_with_the_end_of_the_handshake_is_heard(
    runner: asyncio.Runner, certificates: Certificates
) -> None:
    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands(with_data=b"startup packet")
            await stage.until_heard(14)
            assert stage.heard.data == b"startup packet"

    runner.run(play())


def test_megabytes_both_ways_and_a_pause_while_they_do_not_fit(
    runner: asyncio.Runner, certificates: Certificates
) -> None:
    sent = bytes(range(256)) * 8192  # 2 MB: many records, and more than a socket takes

    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands()
            await stage.client.say(sent)
            await stage.until_heard(len(sent))
            assert stage.heard.data == sent

            stage.transport.write(sent)
            assert stage.heard.calls[-1] == "pause"
            stage.transport.close()
            assert await stage.client.read_to_the_end() == sent

    runner.run(play())


def test_who_waits_may_write_again_when_all_is_sent(runner: asyncio.Runner, certificates: Certificates) -> None:
    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands()
            await stage.until("secure")
            stage.transport.write(bytes(4 << 20))
            while stage.heard.calls[-1] == "pause":
                await stage.client.hear()
            assert stage.heard.calls == ["secure", "pause", "resume"]

    runner.run(play())


def test_a_paused_transport_leaves_bytes_in_the_kernel(runner: asyncio.Runner, certificates: Certificates) -> None:
    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands()
            await stage.until("secure")
            stage.transport.pause_reading()
            await stage.client.say(b"wait")
            await asyncio.sleep(0.05)
            assert not stage.heard.data
            stage.transport.resume_reading()
            await stage.until_heard(4)

    runner.run(play())


def test_close_notify_is_the_end(runner: asyncio.Runner, certificates: Certificates) -> None:
    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands()
            await stage.client.say(b"bye")
            with contextlib.suppress(ssl.SSLWantReadError):
                stage.client.tls.unwrap()
            await stage.client.send()
            await stage.until("secure", "lost")
            assert (stage.heard.data, stage.heard.error) == (b"bye", None)

    runner.run(play())


def test_a_close_is_told_and_waits_for_the_client(runner: asyncio.Runner, certificates: Certificates) -> None:
    """What the client sends meanwhile is nobody's any more, and does not keep the last words from it."""

    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands()
            await stage.until("secure")
            await stage.client.say(b"a query")
            stage.transport.write(b"last words")
            stage.transport.close()
            stage.transport.close()
            await stage.client.say(b"another")
            assert await stage.client.read_to_the_end() == b"last words"
            assert not await stage.client.hear(), "the socket's end"
            stage.client.socket.close()
            await stage.until("secure", "lost")

    runner.run(play())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_an_end_before_the_handshake(runner: asyncio.Runner, certificates: Certificates, how: str) -> None:
    async def play() -> None:
        async with Stage(certificates) as stage:
            getattr(stage.transport, how)()
            await stage.until("lost")
            assert not await stage.client.hear()

    runner.run(play())


@pytest.mark.parametrize(
    ("newest", "ciphers", "alert"),
    [
        (ssl.TLSVersion.TLSv1_1, "DEFAULT", "version"),
        (ssl.TLSVersion.TLSv1_2, "AES128-SHA", "handshake failure"),
        (ssl.TLSVersion.TLSv1_2, "NULL-SHA256", "handshake failure"),
    ],
    ids=["TLS 1.1", "no forward secrecy", "no encryption"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_who_asks_for_less_gets_an_alert(
    runner: asyncio.Runner, certificates: Certificates, newest: ssl.TLSVersion, ciphers: str, alert: str
) -> None:
    context = trusting(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=newest)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")  # else our own OpenSSL would not even ask

    async def play() -> None:
        async with Stage(certificates, context) as stage:
            with pytest.raises(ssl.SSLError, match=alert):
                await stage.client.shake_hands()
            await stage.until("lost")
            assert isinstance(stage.heard.error, ssl.SSLError)

    runner.run(play())


@pytest.mark.parametrize(("protocols", "is_served"), [(["h2"], False), (["h2", "postgresql"], True)])
def test_who_speaks_another_protocol_is_not_served(
    runner: asyncio.Runner, certificates: Certificates, protocols: list[str], is_served: bool
) -> None:
    """A browser, say, that somebody lured here. Who names no protocol, as older clients do, is."""
    context = trusting()
    context.set_alpn_protocols(protocols)

    async def play() -> None:
        async with Stage(certificates, context) as stage:
            await stage.client.shake_hands()
            await stage.until("secure" if is_served else "lost")
            if not is_served:
                assert "application protocols" in str(stage.heard.error)

    runner.run(play())


def test_garbage_instead_of_a_record(runner: asyncio.Runner, certificates: Certificates) -> None:
    async def play() -> None:
        async with Stage(certificates) as stage:
            await stage.client.shake_hands()
            await stage.until("secure")
            await asyncio.get_running_loop().sock_sendall(stage.client.socket, b"Q\0\0\0\x0dselect 1\0")
            await stage.until("secure", "lost")
            assert isinstance(stage.heard.error, ssl.SSLError)
            assert not stage.heard.data

    runner.run(play())


def test_a_reset_is_noticed_behind_the_last_bytes(runner: asyncio.Runner, certificates: Certificates) -> None:
    """Over TCP: libuv tells of bytes and the error behind them once, and then no more."""

    async def play() -> None:
        async with Stage(certificates) as stage:
            listening = socket.create_server(("127.0.0.1", 0))
            client = Client(socket.create_connection(listening.getsockname()))
            ours, _ = listening.accept()
            ours.setblocking(False)
            transport = ClientTransport(
                asyncio.get_running_loop(), ours, certificates.server_context(), stage.heard, on_secure=list
            )
            await client.shake_hands()
            transport.write(b"something that is not read")
            await client.say(b"x")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            began = time.monotonic()
            client.socket.close()
            await stage.until("lost")
            assert time.monotonic() - began < PATIENCE_S
            listening.close()

    runner.run(play())
