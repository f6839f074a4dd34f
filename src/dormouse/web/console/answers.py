"""Answers of Postgres as a page shows them: values by their kind, errors with the place they are about. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dormouse.control.statement_model import Answer, Cell, Complaint, Mark, ResultColumn, Rows, Stopped, mark_of

__all__ = [
    "SHORT",
    "Excerpt",
    "Kind",
    "ShownAnswer",
    "ShownCell",
    "ShownColumn",
    "ShownComplaint",
    "kind_of",
    "shown_answer",
    "shown_cell",
    "unlike",
]

SHORT: Final = 120
"""Characters of a value that stand in a table; the rest unfolds."""
_EXCERPT: Final = 40
"""Characters of a statement on either side of an error: together they fit on a line."""


class Kind(StrEnum):
    """How a value is shown; each is a class of the style sheet."""

    NULL = "null"
    EMPTY = "empty"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"
    BINARY = "binary"
    ARRAY = "array"
    TEXT = "text"


_NUMBERS: Final = ("smallint", "integer", "bigint", "numeric", "real", "double precision", "oid", "money")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownColumn:
    """A column above its values."""

    name: str
    type: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCell:
    """A value."""

    kind: Kind
    text: str
    whole: str = ""
    """What unfolds where `text` is only its beginning; empty otherwise."""
    note: str = ""
    """What there is to know of one that is not shown as a whole: `4,800 of 1,000,000 bytes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The line of a statement that an error is about, and the character in it."""

    line: int
    before: str
    at: str
    """One character; a blank at the end of the line."""
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownComplaint:
    """An error or a notice."""

    complaint: Complaint
    excerpt: Excerpt | None
    advice: str
    """What can be done here about it; empty where Postgres's own words say all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """All of an answer. Without columns and without an error there are no rows to show."""

    columns: tuple[ShownColumn, ...] = ()
    rows: tuple[tuple[ShownCell, ...], ...] = ()
    plan: str = ""
    """The lines of an EXPLAIN, in the rows' stead."""
    summary: str = ""
    """`5 rows`, `INSERT 0 1`"""
    warnings: tuple[str, ...] = ()
    error: ShownComplaint | None = None
    notices: tuple[ShownComplaint, ...] = ()
    milliseconds: float = 0.0


def shown_answer(answer: Answer, text: str) -> ShownAnswer:
    """Of the statement `text`."""
    notices = tuple(_shown_complaint(each, text) for each in answer.notices)
    milliseconds = answer.seconds * 1000
    result = answer.result
    if isinstance(result, Complaint):
        return ShownAnswer(error=_shown_complaint(result, text), notices=notices, milliseconds=milliseconds)
    is_plan = [each.name for each in result.columns] == ["QUERY PLAN"]
    return ShownAnswer(
        columns=() if is_plan else tuple(map(_shown_column, result.columns)),
        rows=() if is_plan else tuple(_shown_row(row, result.columns) for row in result.rows),
        plan="\n".join(row[0].text for row in result.rows if row[0] is not None) if is_plan else "",
        summary="" if is_plan else _summary(result),
        warnings=tuple(_warnings(result)),
        notices=notices,
        milliseconds=milliseconds,
    )


def unlike(answer: ShownAnswer | None, other: ShownAnswer | None) -> frozenset[int]:
    """Which rows of an answer the other one has not, by their place.

    None where they cannot be compared: one is missing, was cut off, or has other columns.
    """
    if answer is None or other is None or answer.columns != other.columns or answer.warnings or other.warnings:
        return frozenset()
    known = set(other.rows)
    return frozenset(number for number, row in enumerate(answer.rows) if row not in known)


def shown_cell(cell: Cell | None, column: ResultColumn) -> ShownCell:
    """A value of that column."""
    if cell is None:
        return ShownCell(kind=Kind.NULL, text="NULL")
    if not cell.text:
        return ShownCell(kind=Kind.EMPTY, text="empty")
    kind = kind_of(column.type)
    note = f"{_grouped(len(cell.text.encode()))} of {_grouped(cell.length)} bytes" if cell.is_cut else ""
    if len(cell.text) <= SHORT:
        return ShownCell(kind=kind, text=cell.text, note=note)
    return ShownCell(kind=kind, text=cell.text[:SHORT], whole=cell.text, note=note)


def kind_of(type_name: str) -> Kind:
    """How values of that type are shown."""
    name = type_name.partition("(")[0]
    if type_name.endswith("[]"):
        return Kind.ARRAY
    if name in _NUMBERS:
        return Kind.NUMBER
    return {"boolean": Kind.BOOLEAN, "json": Kind.JSON, "jsonb": Kind.JSON, "bytea": Kind.BINARY}.get(
        name, Kind.TEXT
    )


def _shown_column(column: ResultColumn) -> ShownColumn:
    return ShownColumn(name=column.name, type=column.type, kind=kind_of(column.type))


def _shown_row(row: tuple[Cell | None, ...], columns: tuple[ResultColumn, ...]) -> tuple[ShownCell, ...]:
    return tuple(shown_cell(cell, column) for cell, column in zip(row, columns, strict=True))


def _summary(result: Rows) -> str:
    if not result.columns:
        return result.tag
    count = len(result.rows)
    shown = f"{_grouped(count)} {'row' if count == 1 else 'rows'}"
    if result.stopped is None:
        return shown
    # What may write goes on to its end, whose tag says how many there were.
    return f"the first {shown} of {result.tag}" if result.tag else f"the first {shown}"


def _warnings(result: Rows) -> list[str]:
    found = []
    if result.stopped is Stopped.ROWS:
        found.append("There are more rows than were asked for; the limit is beside the button.")
    if result.stopped is Stopped.BYTES:
        found.append("The answer is more than a page can show, and was cut off here; ask for fewer columns.")
    if result.left_open:
        found.append(
            "This began a transaction, and its session is over: it was rolled back. "
            "Each statement has a session of its own."
        )
    return found


def _shown_complaint(complaint: Complaint, text: str) -> ShownComplaint:
    mark = mark_of(text, complaint.position)
    return ShownComplaint(
        complaint=complaint, excerpt=None if mark is None else _excerpt(mark), advice=_advice(complaint)
    )


def _excerpt(mark: Mark) -> Excerpt:
    start, end = max(0, mark.before - _EXCERPT), mark.before + 1 + _EXCERPT
    return Excerpt(
        line=mark.line,
        before=("…" if start else "") + mark.text[start : mark.before],
        at=mark.text[mark.before : mark.before + 1] or " ",
        after=mark.text[mark.before + 1 : end] + ("…" if end < len(mark.text) else ""),
    )


def _advice(complaint: Complaint) -> str:
    match complaint.sqlstate:
        case "25006":
            return "To let it write, choose “Read and write”."
        case "42601" if "multiple commands" in complaint.message:
            return "The editor takes one statement at a time; psql takes whole scripts."
        case "57014" if "statement timeout" in complaint.message:
            return "The time limit is beside the button."
        case _:
            return ""


def _grouped(number: int) -> str:
    return f"{number:,}"
