"""A socket with the verbs of an asyncio transport, for both ends of a relay.

Why not the event loop's own. When a compute ends, its last words (a FATAL 57P01) wait in our receive buffer, and
a query that a client sends at that moment fails with EPIPE. A loop's transport closes at a failed write, and the
words are lost; this one stops writing and reads on to the end, as libpq does. And a relay does nothing but this:
each layer between the socket and the relay is paid for with every message.
"""

import asyncio
import socket
from typing import Final

__all__ = ["SocketTransport"]

# Postgres sends at most 8 KB at a time (PQ_SEND_BUFFER_SIZE), the kernel holds some 200 KB. A larger read would be
# allocated anew for every message, most of which are small.
_READ_BYTES: Final = 64 << 10
_SECOND_LOOK_S: Final = 0.1  # ten a second for a busy connection, none for an idle one


class SocketTransport:
    """Reads as soon as it is made; calls its protocol as an asyncio transport does."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connected: socket.socket, protocol: asyncio.Protocol
    ) -> None:
        self._socket = connected
        self._loop = loop
        self._protocol = protocol
        self._buffer = bytearray()
        self._high_water = _READ_BYTES
        self._can_write = True
        self._is_reading = False
        self._is_full = False
        self._is_closing = False
        self._second_look: asyncio.TimerHandle | None = None
        self.resume_reading()

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        """Call another one from now on."""
        self._protocol = protocol

    def set_write_buffer_limits(self, high: int) -> None:
        """Ask the protocol to pause when more than `high` bytes wait, and to resume when none do."""
        self._high_water = high

    def write(self, data: bytes) -> None:
        """Send, or keep what does not fit. To a peer that has hung up: nothing, for it may still be heard."""
        if not self._can_write or not data:
            return
        if not self._buffer:
            sent = self._send(data)
            if sent == len(data) or not self._can_write:
                return
            data = data[sent:]
            self._loop.add_writer(self._socket, self._flush)
        self._buffer += data
        if len(self._buffer) > self._high_water and not self._is_full:
            self._is_full = True
            self._protocol.pause_writing()

    def pause_reading(self) -> None:
        """Leave what comes in the kernel. Idempotent."""
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        """Read on. Idempotent."""
        if not self._is_reading and not self._is_closing:
            self._is_reading = True
            self._loop.add_reader(self._socket, self._read)

    def is_closing(self) -> bool:
        """Whether the end has begun."""
        return self._is_closing

    def close(self) -> None:
        """Send what waits, then close; read no more. Idempotent."""
        if self._is_closing:
            return
        self.pause_reading()
        self._is_closing = True
        if not self._buffer:
            self._loop.call_soon(self._lost)

    def abort(self) -> None:
        """Close, and forget what waits. Idempotent."""
        if self._buffer:
            self._drop_buffer()
            if self._is_closing:
                self._loop.call_soon(self._lost)
        self.close()

    def _received(self, data: bytes) -> None:
        """Something was read."""
        self._protocol.data_received(data)

    def _flushed(self) -> None:
        """Nothing waits any more, and the end has begun."""
        self._lost()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # reset
            data = b""
        if not data:
            self.abort()  # what waits for a peer that has gone waits in vain
            return
        self._received(data)
        if self._second_look is None:
            self._second_look = self._loop.call_later(_SECOND_LOOK_S, self._look_again)

    def _look_again(self) -> None:
        """Read once more, a moment after something was read.

        A compute that hangs up on bytes that it did not read leaves an error on our socket, behind its last words;
        so does a client that resets. libuv reports the two together, once, and then stops to watch: who has read
        the words never hears of the end. Reading at once until nothing is left would do too, and costs a system
        call for every message.
        """
        self._second_look = None
        if self._is_reading:
            self._read()

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._can_write = False
            return 0

    def _flush(self) -> None:
        sent = self._send(self._buffer)
        if not self._can_write:
            self._drop_buffer()
        else:
            del self._buffer[:sent]
            if not self._buffer:
                self._loop.remove_writer(self._socket)
        if self._buffer:
            return
        if self._is_closing:
            self._flushed()
        elif self._is_full:
            self._is_full = False
            self._protocol.resume_writing()

    def _drop_buffer(self) -> None:
        self._buffer.clear()
        self._loop.remove_writer(self._socket)

    def _lost(self, error: Exception | None = None) -> None:
        if self._socket.fileno() == -1:
            return
        self.pause_reading()
        if self._second_look is not None:
            self._second_look.cancel()
            self._second_look = None
        self._socket.close()
        self._protocol.connection_lost(error)
