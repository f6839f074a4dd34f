"""The packets that open a connection and have no kind byte: StartupMessage, SSLRequest and the like.

The first eight bytes, length and code, tell them apart (manual, 53.7). Before TLS a proxy must not read one byte
more than belongs to the packet, because what follows belongs to TLS: `bytes_wanted()` says how many that is.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dormouse.wire.messages import ProtocolViolation, encode_text, text_of

__all__ = [
    "PROTOCOL_3_0",
    "PROTOCOL_3_2",
    "CancelRequest",
    "GSSENCRequest",
    "Request",
    "SSLRequest",
    "StartupMessage",
    "UnsupportedProtocol",
    "bytes_wanted",
    "parse_request",
]

PROTOCOL_3_0: Final = 3 << 16
PROTOCOL_3_2: Final = 3 << 16 | 2
"""Its only difference: the secret of a cancel key may have up to 256 bytes (manual 18, 54.1.4)."""

_PREFIX: Final = struct.Struct("!II")
_CANCEL: Final = (1234 << 16) | 5678
_SSL: Final = (1234 << 16) | 5679
_GSSENC: Final = (1234 << 16) | 5680

# Protocol 3.2 allows secrets of up to 256 bytes; 3.0 has 4 (manual, 53.7 CancelRequest).
_MAX_CANCEL: Final = 12 + 256


class UnsupportedProtocol(ProtocolViolation):
    """A major version other than 3 (SQLSTATE 0A000)."""


@dataclass(frozen=True, slots=True)
class SSLRequest:
    """Answered by `S` and a TLS handshake."""

    def encode(self) -> bytes:  # noqa: D102
        return _PREFIX.pack(8, _SSL)


@dataclass(frozen=True, slots=True)
class GSSENCRequest:
    """Answered by `N` here: the client then goes on without Kerberos."""

    def encode(self) -> bytes:  # noqa: D102
        return _PREFIX.pack(8, _GSSENC)


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Asks to cancel what the session with this key runs. There is no reply; the connection is closed."""

    pid: int
    secret: bytes = field(repr=False)

    def encode(self) -> bytes:  # noqa: D102
        return _PREFIX.pack(12 + len(self.secret), _CANCEL) + struct.pack("!i", self.pid) + self.secret


@dataclass(frozen=True, slots=True)
class StartupMessage:
    """Opens a session. Of a parameter named twice the last value counts, as in the server."""

    parameters: Mapping[str, str]
    minor: int = 0
    """Of the protocol version: 3.`minor`."""

    def encode(self) -> bytes:  # noqa: D102
        pairs = b"".join(encode_text(name) + encode_text(value) for name, value in self.parameters.items())
        return _PREFIX.pack(8 + len(pairs) + 1, PROTOCOL_3_0 | self.minor) + pairs + b"\0"


Request = StartupMessage | SSLRequest | GSSENCRequest | CancelRequest


def bytes_wanted(data: bytes, limit: int) -> int:
    """How many more bytes belong to the packet that begins with `data`; 0 if it is all there.

    Raises ProtocolViolation if the packet is to be longer than `limit`, or cannot be one.
    """
    return _length(data, limit) - len(data)


def parse_request(data: bytes, limit: int) -> tuple[Request, bytes] | None:
    """The packet that `data` begins with and what follows it; None if it is not all there yet.

    Raises ProtocolViolation, and UnsupportedProtocol for another major version.
    """
    length = _length(data, limit)
    if len(data) < length:
        return None
    packet, rest = data[:length], data[length:]
    _, code = _PREFIX.unpack_from(packet)
    match code:
        case 80877103:
            return SSLRequest(), rest
        case 80877104:
            return GSSENCRequest(), rest
        case 80877102:
            return CancelRequest(struct.unpack_from("!i", packet, 8)[0], packet[12:]), rest
        case _:
            return StartupMessage(_parse_parameters(packet[8:]), code & 0xFFFF), rest


def _length(data: bytes, limit: int) -> int:
    """The length of the packet, as far as it is known: 8 until its first eight bytes are there."""
    if len(data) < 4:
        return 8
    length = int.from_bytes(data[:4], "big")
    if not 8 <= length <= limit:
        raise ProtocolViolation("invalid length of startup packet")
    if len(data) < 8:
        return 8
    code = int.from_bytes(data[4:8], "big")
    match code:
        case 80877103 | 80877104:
            fits = length == 8
        case 80877102:
            fits = 16 <= length <= _MAX_CANCEL
        case _ if code >> 16 == 3:
            fits = length >= 9
        case _:
            raise UnsupportedProtocol(
                f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}: server supports 3.0 to 3.2"
            )
    if not fits:
        raise ProtocolViolation("invalid length of startup packet")
    return length


def _parse_parameters(body: bytes) -> dict[str, str]:
    """Names and values by turns, each with a final zero, and one zero byte that ends the list."""
    if body[-1:] != b"\0" or (len(body) > 1 and body[-2:-1] != b"\0"):
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    texts = body[:-1].split(b"\0")[:-1]
    if len(texts) % 2 or not all(texts[::2]):
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    return {text_of(name): text_of(value) for name, value in zip(texts[::2], texts[1::2], strict=True)}
