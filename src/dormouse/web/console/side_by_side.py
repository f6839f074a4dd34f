"""Two texts line by line, side by side: what is gone on the left, what is new on the right. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

__all__ = ["Change", "Difference", "Line", "Part", "Row", "side_by_side"]

CONTEXT: Final = 3
"""Equal lines around a change, as in a unified diff."""


class Change(StrEnum):
    """How a row differs."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    CHANGED = "changed"
    SKIPPED = "skipped"
    """Stands for lines that are equal, and not shown."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line; within a changed one, whether it is what differs."""

    text: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one side."""

    number: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The same place on both sides; None where one side has nothing."""

    change: Change
    left: Line | None = None
    right: Line | None = None
    skipped: int = 0
    """How many lines are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All of it. Without rows the two are equal."""

    rows: tuple[Row, ...]
    removed: int
    added: int
    """Lines."""


def side_by_side(before: str, after: str, context: int = CONTEXT) -> Difference:
    """How `after` differs from `before`, with some equal lines around each change."""
    left, right = before.splitlines(), after.splitlines()
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    rows: list[Row] = []
    reached = 0
    for group in matcher.get_grouped_opcodes(context):
        if group[0][1] > reached:
            rows.append(Row(change=Change.SKIPPED, skipped=group[0][1] - reached))
        for kind, left_from, left_to, right_from, right_to in group:
            pairs = zip(
                _padded(left, left_from, left_to, right_to - right_from),
                _padded(right, right_from, right_to, left_to - left_from),
                strict=True,
            )
            rows += [_row(kind == "equal", *pair) for pair in pairs]
            reached = left_to
    if rows and reached < len(left):
        rows.append(Row(change=Change.SKIPPED, skipped=len(left) - reached))
    return Difference(
        rows=tuple(rows),
        removed=sum(row.change in (Change.REMOVED, Change.CHANGED) for row in rows),
        added=sum(row.change in (Change.ADDED, Change.CHANGED) for row in rows),
    )


_Numbered = tuple[int, str] | None


def _padded(lines: list[str], start: int, end: int, least: int) -> Iterator[_Numbered]:
    for number in range(start, max(end, start + least)):
        yield (number + 1, lines[number]) if number < end else None


def _row(is_equal: bool, left: _Numbered, right: _Numbered) -> Row:
    if left is not None and right is not None:
        if is_equal:
            same = (Part(left[1]),)
            return Row(change=Change.SAME, left=Line(left[0], same), right=Line(right[0], same))
        gone, new = _parts(left[1], right[1])
        return Row(change=Change.CHANGED, left=Line(left[0], gone), right=Line(right[0], new))
    if left is not None:
        return Row(change=Change.REMOVED, left=Line(left[0], (Part(left[1]),)))
    assert right is not None
    return Row(change=Change.ADDED, right=Line(right[0], (Part(right[1]),)))


def _parts(left: str, right: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The pieces of two lines that stand for each other. Lines that have little in common differ as a whole."""
    words = SequenceMatcher(None, _words(left), _words(right), autojunk=False)
    if words.ratio() < 0.5:
        return (Part(left, differs=True),), (Part(right, differs=True),)
    codes = words.get_opcodes()
    a, b = _words(left), _words(right)
    return (
        tuple(Part("".join(a[i:j]), kind != "equal") for kind, i, j, _, _ in codes if j > i),
        tuple(Part("".join(b[i:j]), kind != "equal") for kind, _, _, i, j in codes if j > i),
    )


def _words(line: str) -> list[str]:
    words: list[str] = []
    for character in line:
        if words and character.isalnum() and words[-1][-1].isalnum():
            words[-1] += character
        else:
            words.append(character)
    return words
