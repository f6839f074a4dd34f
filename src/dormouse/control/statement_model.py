"""A statement that is asked of a branch, its limits, and what came of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

__all__ = [
    "READING",
    "Access",
    "Answer",
    "Cell",
    "Complaint",
    "Explain",
    "Limits",
    "Mark",
    "ResultColumn",
    "Rows",
    "Statement",
    "Stopped",
    "complaint_of",
    "mark_of",
    "sent_text",
    "without_prefix",
]


class Access(StrEnum):
    """What a statement may do."""

    READ_ONLY = "read_only"
    """In a transaction that cannot write and is rolled back."""
    READ_WRITE = "read_write"
    """By itself, committed at its end."""


class Explain(StrEnum):
    """Whether the plan is asked for in its stead."""

    NO = "no"
    PLAN = "plan"
    ANALYZE = "analyze"
    """It is carried out and timed, and its rows are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a server's time and of an answer one is ready to take."""

    seconds: float = 10.0
    rows: int = 500
    value_bytes: int = 4_000
    """Kept of each value."""
    kept_bytes: int = 1 << 20
    """Kept of all values together."""
    read_bytes: int = 64 << 20
    """Read of an answer that is only read; then it is cut off. A statement that may write is read to its end."""


READING: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement."""

    text: str = field(repr=False)  # may hold a password
    database: str
    role: str
    access: Access = Access.READ_ONLY
    explain: Explain = Explain.NO
    parameters: tuple[str | None, ...] = field(default=(), repr=False)
    limits: Limits = READING


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultColumn:
    """A column of an answer."""

    name: str
    type: str
    """As `format_type` has it: `character varying(20)`; empty where nobody could be asked."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in text format, as far as it was kept."""

    text: str
    length: int
    """Of the whole value, in bytes."""
    is_cut: bool = False


class Stopped(StrEnum):
    """Which limit an answer met."""

    ROWS = "rows"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """It was carried out."""

    columns: tuple[ResultColumn, ...] = ()
    """Empty for a statement that gives no rows."""
    rows: tuple[tuple[Cell | None, ...], ...] = ()
    tag: str = ""
    """As psql shows it: `SELECT 5`; empty when the answer was cut off before its end."""
    stopped: Stopped | None = None
    left_open: bool = False
    """Whether it began a transaction, which ended with its session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """An error or a notice, in Postgres's words (manual, 53.8)."""

    severity: str
    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""
    where: str = ""
    position: int | None = None
    """The character of the statement at which it is, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a statement."""

    result: Rows | Complaint
    notices: tuple[Complaint, ...] = ()
    seconds: float
    """From its being sent to the end of its answer."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where in a text an error is: a line, from 1, its text, and how many characters of it stand before."""

    line: int
    text: str
    before: int


_PREFIXES: Final[Mapping[Explain, str]] = {
    Explain.NO: "",
    Explain.PLAN: "EXPLAIN ",
    Explain.ANALYZE: "EXPLAIN (ANALYZE, BUFFERS) ",
}


def sent_text(statement: Statement) -> str:
    """What is sent to the server."""
    return _PREFIXES[statement.explain] + statement.text


def without_prefix(complaint: Complaint, explain: Explain) -> Complaint:
    """With a position in the statement as it was given; None where it lies before that."""
    if complaint.position is None:
        return complaint
    position = complaint.position - len(_PREFIXES[explain])
    return replace(complaint, position=position if position > 0 else None)


def complaint_of(fields: Mapping[str, str]) -> Complaint:
    """Of the fields of an ErrorResponse or a NoticeResponse."""
    position = fields.get("P", "")
    return Complaint(
        severity=fields.get("V", fields.get("S", "ERROR")),
        sqlstate=fields.get("C", ""),
        message=fields.get("M", ""),
        detail=fields.get("D", ""),
        hint=fields.get("H", ""),
        where=fields.get("W", ""),
        position=int(position) if position.isascii() and position.isdigit() else None,
    )


def mark_of(text: str, position: int | None) -> Mark | None:
    """Where the character `position` of `text` is, from 1; one behind the end is the end. None for no position."""
    if position is None or not 1 <= position <= len(text) + 1:
        return None
    before = text[: position - 1]
    start = before.rfind("\n") + 1
    end = text.find("\n", position - 1)
    return Mark(
        line=before.count("\n") + 1,
        text=text[start : len(text) if end < 0 else end].rstrip("\r"),
        before=len(before) - start,
    )
