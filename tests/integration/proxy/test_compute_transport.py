"""The compute's side on real unix sockets, with a compute played by the test."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import uvloop

from dormouse.proxy.compute_transport import ComputeTransport


class Heard(asyncio.Protocol):
    """What a protocol is told, in order."""

    def __init__(self) -> None:
        self.data = b""
        self.calls: list[str] = []
        self.is_lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")
        self.is_lost.set()

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


@pytest.fixture
def listening() -> Iterator[tuple[socket.socket, str]]:
    with TemporaryDirectory(prefix="dm-") as folder, socket.socket(socket.AF_UNIX) as server:
        path = str(Path(folder) / "s")
        server.bind(path)
        server.listen(1)
        yield server, path


@pytest.fixture(params=[uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def runner(request: pytest.FixtureRequest) -> Iterator["asyncio.Runner"]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


Server = tuple[socket.socket, str]


def open_pair(server: Server) -> tuple[ComputeTransport, Heard, socket.socket]:
    heard = Heard()
    transport = ComputeTransport(asyncio.get_running_loop(), server[1], heard)
    compute, _ = server[0].accept()
    return transport, heard, compute


async def until(heard: Heard, size: int) -> None:
    async with asyncio.timeout(10):
        while len(heard.data) < size:
            await asyncio.sleep(0)


def test_the_last_words_are_heard_after_a_write_has_failed(runner: asyncio.Runner, listening: Server) -> None:
    async def play() -> None:
        transport, heard, compute = open_pair(listening)
        with compute:
            compute.sendall(b"FATAL")

        transport.write(b"query")  # EPIPE
        transport.write(b"query")
        await asyncio.wait_for(heard.is_lost.wait(), 10)

        assert heard.data == b"FATAL"
        assert heard.calls == ["lost"]

    runner.run(play())


def test_the_last_words_are_heard_before_a_reset(runner: asyncio.Runner, listening: Server) -> None:
    async def play() -> None:
        transport, heard, compute = open_pair(listening)
        transport.write(b"query")
        with compute:  # closed with the query unread
            compute.sendall(b"FATAL")

        await asyncio.wait_for(heard.is_lost.wait(), 10)

        assert heard.data == b"FATAL"

    runner.run(play())


def test_what_does_not_fit_is_kept_and_the_writer_paused(runner: asyncio.Runner, listening: Server) -> None:
    async def play() -> None:
        transport, heard, compute = open_pair(listening)
        sent = bytes(range(256)) * 8192  # 2 MB: more than the kernel takes

        transport.write(sent)
        transport.write(b"more")
        assert heard.calls == ["pause"]

        received = await asyncio.to_thread(read_exactly, compute, len(sent) + 4)
        assert received == sent + b"more"
        async with asyncio.timeout(10):
            while heard.calls != ["pause", "resume"]:
                await asyncio.sleep(0)
        transport.close()
        await asyncio.wait_for(heard.is_lost.wait(), 10)
        compute.close()

    runner.run(play())


def test_closing_sends_what_waits(runner: asyncio.Runner, listening: Server) -> None:
    async def play() -> None:
        transport, heard, compute = open_pair(listening)
        sent = bytes(1 << 20)
        transport.write(sent)

        transport.close()
        transport.close()

        assert transport.is_closing()
        assert await asyncio.to_thread(read_exactly, compute, len(sent) + 1) == sent
        await asyncio.wait_for(heard.is_lost.wait(), 10)
        compute.close()
        assert heard.calls.count("lost") == 1

    runner.run(play())


@pytest.mark.parametrize("is_closing", [False, True])
def test_aborting_forgets_what_waits(runner: asyncio.Runner, listening: Server, is_closing: bool) -> None:
    async def play() -> None:
        transport, heard, compute = open_pair(listening)
        transport.write(bytes(1 << 20))
        if is_closing:
            transport.close()

        transport.abort()
        transport.abort()

        await asyncio.wait_for(heard.is_lost.wait(), 10)
        await asyncio.sleep(0.01)
        assert heard.calls.count("lost") == 1
        compute.close()

    runner.run(play())


def test_a_paused_transport_leaves_bytes_in_the_kernel(runner: asyncio.Runner, listening: Server) -> None:
    async def play() -> None:
        transport, heard, compute = open_pair(listening)
        transport.pause_reading()
        transport.pause_reading()
        compute.sendall(b"row")
        await asyncio.sleep(0.02)
        assert heard.data == b""

        transport.resume_reading()
        transport.resume_reading()
        await until(heard, 3)

        assert heard.data == b"row"
        transport.abort()
        await asyncio.wait_for(heard.is_lost.wait(), 10)
        compute.close()

    runner.run(play())


def test_nobody_listens(runner: asyncio.Runner, tmp_path: Path) -> None:
    async def play() -> None:
        with pytest.raises(FileNotFoundError):
            ComputeTransport(asyncio.get_running_loop(), str(tmp_path / "s"), Heard())

    runner.run(play())


def test_a_full_queue_is_an_error_and_not_a_wait(runner: asyncio.Runner, listening: Server) -> None:
    async def play() -> None:
        opened: list[ComputeTransport] = []
        with pytest.raises(BlockingIOError):
            opened.extend(ComputeTransport(asyncio.get_running_loop(), listening[1], Heard()) for _ in range(10))
        for transport in opened:
            transport.abort()
        await asyncio.sleep(0)

    runner.run(play())


def read_exactly(compute: socket.socket, size: int) -> bytes:
    """As many bytes, or as there are."""
    data = bytearray()
    while len(data) < size and (part := compute.recv(1 << 16)):
        data += part
    return bytes(data)
