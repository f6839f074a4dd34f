"""One statement by the extended query protocol, from the client's side: what to send, and a reader of the answer.

The extended protocol takes one statement at a time: Postgres itself refuses a second one behind a semicolon
(manual, 53.2.3). The reader keeps of every value as many bytes as it is told to and counts the rest, so that an
answer of any size passes through it in the memory of one row of short values.

Names and layouts: manual, 53.7 Message Formats. Values are in text format.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dormouse.wire.messages import (
    BackendMessage,
    Message,
    ProtocolViolation,
    encode_text,
    parse_backend,
    split,
    text_of,
)

__all__ = [
    "AnswerReader",
    "Column",
    "Columns",
    "CommandComplete",
    "CopyBegins",
    "Event",
    "Row",
    "Suspended",
    "Value",
    "copy_fail",
    "statement",
    "terminate",
]

_HEADER: Final = struct.Struct("!ci")
_INT: Final = struct.Struct("!i")
_SHORT: Final = struct.Struct("!h")
_COLUMN: Final = struct.Struct("!ihihih")
"""Of a RowDescription's column, what follows its name: table, number in it, type, its size, typmod, format."""

_LONGEST_MESSAGE: Final = 4 << 20
"""Of what is no row: an error whose text is longer than that is nothing to show."""

_ONLY_COUNTED: Final = frozenset({b"d", b"A", b"S"})
"""CopyData, notifications, changed settings: as long as they like, and of no interest."""


def statement(text: str, parameters: Sequence[str | None] = (), *, max_rows: int = 0) -> bytes:
    """Parse, bind, describe, execute, sync. `max_rows` of 0 is all; with others the server stops there by itself.

    Parameters are of the types that the server infers. Raises ProtocolViolation for a zero byte in a text.
    """
    parse = b"\0" + encode_text(text) + _SHORT.pack(0)
    bind = b"\0\0" + _SHORT.pack(0) + _SHORT.pack(len(parameters))
    for parameter in parameters:
        value = None if parameter is None else encode_text(parameter)[:-1]
        bind += _INT.pack(-1) if value is None else _INT.pack(len(value)) + value
    bind += _SHORT.pack(0)
    messages = (
        Message(b"P", parse),
        Message(b"B", bind),
        Message(b"D", b"P\0"),
        Message(b"E", b"\0" + _INT.pack(max_rows)),
        Message(b"S", b""),
    )
    return b"".join(message.encode() for message in messages)


def copy_fail(reason: str) -> bytes:
    """The answer to a server that waits for the rows of `COPY … FROM STDIN`.

    It skips everything up to a CopyDone or CopyFail, a Sync too, so that another one follows.
    """
    return Message(b"f", encode_text(reason)).encode() + Message(b"S", b"").encode()


def terminate() -> bytes:
    """Ends the session; what is open in it is rolled back."""
    return Message(b"X", b"").encode()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer."""

    name: str
    type_oid: int
    type_modifier: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Before the first row. A statement that gives no rows has none of these."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """What was kept of a value, and how long it is as a whole, in bytes."""

    kept: bytes
    length: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row; None is NULL."""

    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class CommandComplete:
    """It was carried out: `SELECT 5`, `INSERT 0 1`; empty for an empty statement."""

    tag: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """`max_rows` rows were given, and there may be more."""


@dataclass(frozen=True, slots=True)
class CopyBegins:
    """A COPY: the server sends lines, or waits for them, which `copy_fail` ends."""

    waits: bool


Event = Columns | Row | CommandComplete | Suspended | CopyBegins | BackendMessage


class AnswerReader:
    """Cuts what a server sends into events."""

    def __init__(self, keep_bytes: int) -> None:
        """`keep_bytes` are kept of each value."""
        self._keep_bytes = keep_bytes
        self._buffer = bytearray()
        self._skip = 0
        """Bytes that come next and are kept no more."""
        self._in_row = False
        self._fields_left: int | None = None
        self._values: list[Value | None] = []
        self._length: int | None = None
        """Of the value that comes next, once it is known."""

    def feed(self, data: bytes) -> list[Event]:
        """What is complete with `data`. Raises ProtocolViolation."""
        self._buffer += data
        events: list[Event] = []
        while self._advance(events):
            pass
        return events

    def _advance(self, events: list[Event]) -> bool:
        """One step; False when more bytes are needed."""
        if self._skip:
            dropped = min(self._skip, len(self._buffer))
            del self._buffer[:dropped]
            self._skip -= dropped
            return not self._skip
        return self._advance_row(events) if self._in_row else self._advance_message(events)

    def _advance_message(self, events: list[Event]) -> bool:
        if len(self._buffer) < _HEADER.size:
            return False
        kind, length = _HEADER.unpack_from(self._buffer)
        if kind == b"D" or kind in _ONLY_COUNTED:
            if length < 4:
                raise ProtocolViolation(f"invalid message length {length}")
            del self._buffer[: _HEADER.size]
            self._in_row = kind == b"D"
            self._skip = 0 if self._in_row else length - 4
            return True
        cut = split(bytes(self._buffer[: _LONGEST_MESSAGE + _HEADER.size]), _LONGEST_MESSAGE)
        if cut is None:
            return False
        del self._buffer[: length + 1]
        event = _event_of(cut[0])
        if event is not None:
            events.append(event)
        return True

    def _advance_row(self, events: list[Event]) -> bool:
        if self._fields_left is None:
            if len(self._buffer) < _SHORT.size:
                return False
            self._fields_left = _SHORT.unpack(self._take(_SHORT.size))[0]
        elif self._fields_left <= 0:
            events.append(Row(tuple(self._values)))
            self._values, self._fields_left, self._in_row = [], None, False
        elif self._length is None:
            if len(self._buffer) < _INT.size:
                return False
            self._length = _INT.unpack(self._take(_INT.size))[0]
            if self._length < 0:
                self._add(None)
        else:
            wanted = min(self._length, self._keep_bytes)
            if len(self._buffer) < wanted:
                return False
            self._skip = self._length - wanted
            self._add(Value(self._take(wanted), self._length))
        return True

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _add(self, value: Value | None) -> None:
        self._values.append(value)
        self._length = None
        self._fields_left = (self._fields_left or 0) - 1


def _event_of(message: Message) -> Event | None:
    """None for what only says that a step was taken: ParseComplete, BindComplete, NoData and the like."""
    match message.kind:
        case b"T":
            return _parse_columns(message.body)
        case b"C":
            return CommandComplete(text_of(message.body.removesuffix(b"\0")))
        case b"I":
            return CommandComplete("")
        case b"s":
            return Suspended()
        case b"G" | b"W":
            return CopyBegins(waits=True)
        case b"H":
            return CopyBegins(waits=False)
        case _:
            event = parse_backend(message)
            return None if isinstance(event, Message) else event


def _parse_columns(body: bytes) -> Columns:
    columns: list[Column] = []
    try:
        (count,) = _SHORT.unpack_from(body)
        rest = body[_SHORT.size :]
        for _ in range(count):
            name, _, rest = rest.partition(b"\0")
            _, _, type_oid, _, modifier, _ = _COLUMN.unpack_from(rest)
            columns.append(Column(text_of(name), type_oid & 0xFFFFFFFF, modifier))
            rest = rest[_COLUMN.size :]
    except struct.error as error:
        raise ProtocolViolation(f"a RowDescription of {len(body)} bytes is not whole") from error
    return Columns(tuple(columns))
