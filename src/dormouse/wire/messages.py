"""The messages of Postgres's protocol 3 that a proxy reads and writes, as bytes and as records.

Framing is apart from meaning: `split()` cuts one message off a buffer and says None for "not yet";
`parse_backend()` and the frontend's parsers give a record, or raise ProtocolViolation. What a proxy only passes on
stays a plain `Message`, so that its bytes are never touched.

Names and layouts: manual, 53.7 Message Formats. Strings are UTF-8 with `surrogateescape`, so that a client's bytes
come out as they went in, whatever its encoding was.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from dormouse.errors import RequestError

__all__ = [
    "AuthenticationCleartextPassword",
    "AuthenticationOk",
    "AuthenticationSASL",
    "AuthenticationSASLContinue",
    "AuthenticationSASLFinal",
    "BackendKeyData",
    "BackendMessage",
    "ErrorResponse",
    "Message",
    "NegotiateProtocolVersion",
    "NoticeResponse",
    "ParameterStatus",
    "PasswordMessage",
    "ProtocolViolation",
    "ReadyForQuery",
    "SASLInitialResponse",
    "SASLResponse",
    "encode_text",
    "parse_backend",
    "parse_password",
    "parse_sasl_initial",
    "split",
    "text_of",
]

_HEADER: Final = struct.Struct("!ci")
_INT: Final = struct.Struct("!i")
_SHORT_HEADER: Final = 5  # kind and length, the length counting itself but not the kind

# Authentication requests, manual 53.7: the number after `R`.
_OK: Final = 0
_CLEARTEXT_PASSWORD: Final = 3
_SASL: Final = 10
_SASL_CONTINUE: Final = 11
_SASL_FINAL: Final = 12


class ProtocolViolation(RequestError):
    """The other side broke the protocol. The message may be sent to it (SQLSTATE 08P01)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it travels: a byte for its kind, and its body."""

    kind: bytes
    body: bytes = field(repr=False)  # may be a password

    def encode(self) -> bytes:
        """Kind, length, body."""
        return _HEADER.pack(self.kind, len(self.body) + 4) + self.body


def split(data: bytes, limit: int) -> tuple[Message, bytes] | None:
    """The first message of `data` and what follows it; None if it is not all there yet.

    Raises ProtocolViolation as soon as the header announces a body of more than `limit` bytes.
    """
    if len(data) < _SHORT_HEADER:
        return None
    kind, length = _HEADER.unpack_from(data)
    if not 4 <= length <= limit + 4:
        raise ProtocolViolation(f"invalid message length {length}, expected 4 to {limit + 4}")
    end = length + 1
    if len(data) < end:
        return None
    return Message(kind, data[_SHORT_HEADER:end]), data[end:]


def encode_text(text: str) -> bytes:
    """A string of the protocol with its final zero byte."""
    encoded = text.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise ProtocolViolation("a string of the protocol cannot hold a zero byte")
    return encoded + b"\0"


def text_of(data: bytes) -> str:
    """The string whose bytes (without the final zero) are `data`."""
    return data.decode("utf-8", "surrogateescape")


# What a server says.


@dataclass(frozen=True, slots=True)
class AuthenticationOk:
    """The client is who it says it is."""

    def encode(self) -> bytes:  # noqa: D102
        return _authentication(_OK)


@dataclass(frozen=True, slots=True)
class AuthenticationCleartextPassword:
    """Asks for the password itself."""

    def encode(self) -> bytes:  # noqa: D102
        return _authentication(_CLEARTEXT_PASSWORD)


@dataclass(frozen=True, slots=True)
class AuthenticationSASL:
    """Offers SASL mechanisms, the preferred one first."""

    mechanisms: tuple[str, ...]

    def encode(self) -> bytes:  # noqa: D102
        return _authentication(_SASL, b"".join(map(encode_text, self.mechanisms)) + b"\0")


@dataclass(frozen=True, slots=True)
class AuthenticationSASLContinue:
    """A challenge of the mechanism."""

    data: bytes = field(repr=False)

    def encode(self) -> bytes:  # noqa: D102
        return _authentication(_SASL_CONTINUE, self.data)


@dataclass(frozen=True, slots=True)
class AuthenticationSASLFinal:
    """The mechanism's outcome; AuthenticationOk follows."""

    data: bytes = field(repr=False)

    def encode(self) -> bytes:  # noqa: D102
        return _authentication(_SASL_FINAL, self.data)


@dataclass(frozen=True, slots=True)
class ParameterStatus:
    """A setting that the client is to know of."""

    name: str
    value: str

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"S", encode_text(self.name) + encode_text(self.value)).encode()


@dataclass(frozen=True, slots=True)
class BackendKeyData:
    """What a CancelRequest must repeat. The secret is 4 bytes in protocol 3.0, up to 256 from 3.2 on."""

    pid: int
    secret: bytes = field(repr=False)

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"K", _INT.pack(self.pid) + self.secret).encode()


@dataclass(frozen=True, slots=True)
class ReadyForQuery:
    """The server waits for a query; `status` is I, T or E."""

    status: bytes = b"I"

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"Z", self.status).encode()


@dataclass(frozen=True, slots=True)
class NegotiateProtocolVersion:
    """What of a newer protocol is not known here. `version` is a whole one, 196608 being 3.0.

    The manual speaks of the "newest minor version"; server and libpq put the whole number there.
    """

    version: int
    unknown: tuple[str, ...] = ()

    def encode(self) -> bytes:  # noqa: D102
        names = b"".join(map(encode_text, self.unknown))
        return Message(b"v", _INT.pack(self.version) + _INT.pack(len(self.unknown)) + names).encode()


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Fields by their letter (manual, 53.8): S severity, V the same untranslated, C SQLSTATE, M message."""

    fields: Mapping[str, str]

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"E", _encode_fields(self.fields)).encode()


@dataclass(frozen=True, slots=True)
class NoticeResponse:
    """As ErrorResponse, but nothing ended."""

    fields: Mapping[str, str]

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"N", _encode_fields(self.fields)).encode()


BackendMessage = (
    AuthenticationOk
    | AuthenticationCleartextPassword
    | AuthenticationSASL
    | AuthenticationSASLContinue
    | AuthenticationSASLFinal
    | ParameterStatus
    | BackendKeyData
    | ReadyForQuery
    | NegotiateProtocolVersion
    | ErrorResponse
    | NoticeResponse
    | Message
)


def parse_backend(message: Message) -> BackendMessage:
    """What a server says while a session begins; the message itself if it is none of those.

    Raises ProtocolViolation.
    """
    body = message.body
    match message.kind:
        case b"R":
            return _parse_authentication(message)
        case b"S":
            name, rest = _cut_text(body)
            value, rest = _cut_text(rest)
            _nothing_after(rest)
            return ParameterStatus(name, value)
        case b"K":
            if not 8 <= len(body) <= 260:
                raise ProtocolViolation(f"invalid BackendKeyData of {len(body)} bytes, expected 8 to 260")
            return BackendKeyData(_INT.unpack_from(body)[0], body[4:])
        case b"Z":
            if body not in (b"I", b"T", b"E"):
                raise ProtocolViolation(f"invalid transaction status {body!r}, expected I, T or E")
            return ReadyForQuery(body)
        case b"v":
            return _parse_negotiation(body)
        case b"E":
            return ErrorResponse(_parse_fields(body))
        case b"N":
            return NoticeResponse(_parse_fields(body))
        case _:
            return message


# What a client says. All of it has the kind `p`; what it means is known from what was asked.


@dataclass(frozen=True, slots=True)
class PasswordMessage:
    """The answer to AuthenticationCleartextPassword."""

    password: str = field(repr=False)

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"p", encode_text(self.password)).encode()


@dataclass(frozen=True, slots=True)
class SASLInitialResponse:
    """The mechanism that the client chose, and its first message."""

    mechanism: str
    data: bytes = field(repr=False)

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"p", encode_text(self.mechanism) + _INT.pack(len(self.data)) + self.data).encode()


@dataclass(frozen=True, slots=True)
class SASLResponse:
    """A later message of the mechanism; its body is the data."""

    data: bytes = field(repr=False)

    def encode(self) -> bytes:  # noqa: D102
        return Message(b"p", self.data).encode()


def parse_password(body: bytes) -> PasswordMessage:
    """The body of a PasswordMessage. Raises ProtocolViolation."""
    password, rest = _cut_text(body)
    _nothing_after(rest)
    return PasswordMessage(password)


def parse_sasl_initial(body: bytes) -> SASLInitialResponse:
    """The body of a SASLInitialResponse. Raises ProtocolViolation.

    A length of -1, no initial response, is allowed by the protocol and makes no sense for SCRAM: refused.
    """
    mechanism, rest = _cut_text(body)
    if len(rest) < 4 or _INT.unpack_from(rest)[0] != len(rest) - 4:
        raise ProtocolViolation("malformed SASLInitialResponse: the length does not match the message")
    return SASLInitialResponse(mechanism, rest[4:])


def _authentication(code: int, data: bytes = b"") -> bytes:
    return Message(b"R", _INT.pack(code) + data).encode()


def _encode_fields(fields: Mapping[str, str]) -> bytes:
    return b"".join(letter.encode("ascii") + encode_text(text) for letter, text in fields.items()) + b"\0"


def _parse_authentication(message: Message) -> BackendMessage:
    body = message.body
    if len(body) < 4:
        raise ProtocolViolation(f"invalid authentication request of {len(body)} bytes")
    data = body[4:]
    match _INT.unpack_from(body)[0]:
        case 0 if not data:
            return AuthenticationOk()
        case 3 if not data:
            return AuthenticationCleartextPassword()
        case 10:
            return AuthenticationSASL(tuple(_cut_texts(data)))
        case 11:
            return AuthenticationSASLContinue(data)
        case 12:
            return AuthenticationSASLFinal(data)
        case _:
            return message


def _parse_negotiation(body: bytes) -> NegotiateProtocolVersion:
    if len(body) < 8:
        raise ProtocolViolation(f"invalid NegotiateProtocolVersion of {len(body)} bytes")
    version, count = struct.unpack_from("!ii", body)
    names: list[str] = []
    rest = body[8:]
    while rest:
        name, rest = _cut_text(rest)
        names.append(name)
    if len(names) != count:
        raise ProtocolViolation(f"NegotiateProtocolVersion announces {count} names and has {len(names)}")
    return NegotiateProtocolVersion(version, tuple(names))


def _parse_fields(body: bytes) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for entry in _cut_texts(body):
        letter = entry[0]
        if not letter.isascii():
            raise ProtocolViolation(f"invalid field type {letter!r}")
        fields[letter] = entry[1:]
    return MappingProxyType(fields)


def _cut_texts(data: bytes) -> Iterable[str]:
    """The strings of a list that an empty string ends."""
    while True:
        text, data = _cut_text(data)
        if not text:
            break
        yield text
    _nothing_after(data)


def _cut_text(data: bytes) -> tuple[str, bytes]:
    text, zero, rest = data.partition(b"\0")
    if not zero:
        raise ProtocolViolation("a string of the message has no end")
    return text_of(text), rest


def _nothing_after(rest: bytes) -> None:
    if rest:
        raise ProtocolViolation(f"{len(rest)} bytes too many in the message")
