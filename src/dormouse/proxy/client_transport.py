"""The connection to a client: TLS over a socket that was read raw before.

TLS itself is OpenSSL's, by way of memory: what the socket gives goes in, what comes out of it is sent. A handshake
that fails is told to the client by an alert, and to the protocol by `connection_lost` with the error.
"""

import asyncio
import contextlib
import fcntl
import socket
import ssl
import sys
import termios
from collections.abc import Callable
from typing import Final

from dormouse.proxy.certificates import ALPN, NamedSSLObject
from dormouse.proxy.socket_transport import SocketTransport
from dormouse.wire.client_hello import offered_protocols

__all__ = ["ClientTransport"]

_RECORD_BYTES: Final = 16 << 10  # of plain text in a TLS record, at most (RFC 8446, 5.1)


class ClientTransport(SocketTransport):
    """Serves TLS; `on_secure` is called when the handshake is done."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        accepted: socket.socket,
        context: ssl.SSLContext,
        protocol: asyncio.Protocol,
        *,
        on_secure: Callable[[], None],
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._on_secure = on_secure
        self._is_secure = False
        self._hello = b""
        """What the client has said until the handshake is done."""
        super().__init__(loop, accepted, protocol)

    @property
    def server_name(self) -> str | None:
        """Which name the client asked for (SNI)."""
        assert isinstance(self._tls, NamedSSLObject)
        return self._tls.server_name

    @property
    def unsent(self) -> int:
        """Bytes that the client has not confirmed (Linux, tcp(7): SIOCOUTQ); else ours alone."""
        try:
            answer: bytes = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):
            return len(self._buffer)
        return len(self._buffer) + int.from_bytes(answer, sys.byteorder)

    def write(self, data: bytes) -> None:
        """Encrypt and send, or keep what does not fit."""
        if self._is_closing or not data:
            return
        try:
            taken = self._tls.write(data)
            while taken < len(data):  # a record at a time
                taken += self._tls.write(memoryview(data)[taken:])
        except ssl.SSLError:
            self.abort()
            return
        super().write(self._outgoing.read())

    def close(self) -> None:
        """Send what waits, say close_notify, and hear no more. Idempotent.

        The socket stays until the client has closed its end, too, or `abort`: closed with unread bytes in it, it
        would send a reset, and that may throw away what was sent before.
        """
        if self._is_closing:
            return
        if not self._is_secure:
            self._give_up(None)
            return
        self.resume_reading()
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        super().write(self._outgoing.read())
        self._is_closing = True
        if not self._buffer:
            self._flushed()

    def abort(self) -> None:
        """Close, and forget what waits. Idempotent."""
        self._give_up(None)

    def _received(self, data: bytes) -> None:
        if self._is_closing:
            return
        self._incoming.write(data)
        try:
            if not self._is_secure:
                self._hello += data
                self._shake_hands()
            plain, is_over = self._decrypt()
        except ssl.SSLWantReadError:
            super().write(self._outgoing.read())  # what the handshake answers
            return
        except ssl.SSLError as error:
            super().write(self._outgoing.read())  # the alert
            self._give_up(error)
            return
        if plain:
            self._protocol.data_received(plain)
        if is_over:
            self.abort()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._is_secure = True
        super().write(self._outgoing.read())
        offered, self._hello = offered_protocols(self._hello), b""
        if offered and self._tls.selected_alpn_protocol() is None:
            raise ssl.SSLError(1, f"no {ALPN} among the application protocols that the client offers")
        self._on_secure()

    def _decrypt(self) -> tuple[bytes, bool]:
        """Of the records that came together those that are whole, and whether the client has said close_notify."""
        plain = self._tls.read(_RECORD_BYTES)
        if not self._incoming.pending:
            return plain, not plain
        parts = [plain]
        with contextlib.suppress(ssl.SSLWantReadError):
            while parts[-1]:
                parts.append(self._tls.read(_RECORD_BYTES))
        return b"".join(parts), not parts[-1]

    def _flushed(self) -> None:
        """The client may know now that nothing follows."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _give_up(self, error: Exception | None) -> None:
        if self._buffer:
            self._drop_buffer()
        self.pause_reading()
        self._is_closing = True
        self._loop.call_soon(self._lost, error)
