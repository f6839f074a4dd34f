"""Which application protocols (ALPN) a TLS client offers, from the bytes of its ClientHello.

Python's `ssl` cannot tell a client that offers none, which is an older libpq, from one that offers another one,
which is a browser or worse (an ALPACA attack: https://alpaca-attack.com). What cannot be read here is left to
OpenSSL, which judges the same bytes.
"""

from typing import Final

__all__ = ["offered_protocols"]

_HANDSHAKE: Final = 22  # record type (RFC 8446, 5.1)
_CLIENT_HELLO: Final = 1  # handshake type (RFC 8446, 4)
_ALPN: Final = 16  # extension (RFC 7301, 3.1)


def offered_protocols(data: bytes) -> tuple[bytes, ...]:
    """Of the client's first records; empty if it offers none, or if they are no whole ClientHello."""
    try:
        extensions = _extensions(_Reader(_handshake(data)))
        while extensions.left:
            kind, body = extensions.number(2), extensions.vector(2)
            if kind == _ALPN:
                return tuple(_names(_Reader(body)))
    except IndexError:
        pass
    return ()


class _Reader:
    """Cuts pieces off; raises IndexError where there are not enough bytes."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def take(self, count: int) -> bytes:
        if len(self.left) < count:
            raise IndexError
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """What follows its own length."""
        return self.take(self.number(size))


def _handshake(data: bytes) -> bytes:
    """The contents of the records, which may cut a message anywhere."""
    records, parts = _Reader(data), []
    while records.left:
        kind, _version = records.number(1), records.number(2)
        if kind != _HANDSHAKE:
            break
        parts.append(records.vector(2))
    return b"".join(parts)


def _extensions(message: _Reader) -> _Reader:
    if message.number(1) != _CLIENT_HELLO:
        raise IndexError
    hello = _Reader(message.vector(3))
    hello.take(2 + 32)  # version and random
    for length_size in (1, 2, 1):  # session, cipher suites, compression methods
        hello.vector(length_size)
    return _Reader(hello.vector(2))


def _names(body: _Reader) -> list[bytes]:
    names, found = _Reader(body.vector(2)), []
    while names.left:
        found.append(names.vector(1))
    return found
