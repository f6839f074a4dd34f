"""The text of a `.env` file, changed in a few lines: all others stay as they are, and where they are. Pure.

Read as python-dotenv reads it: `NAME=value`, `export NAME="value"  # why`, in quotes values over several lines, in
which what looks like an assignment is none.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["read_values", "with_comment", "with_values"]

_ASSIGNMENT: Final = re.compile(
    r"(?P<before>[ \t]*(?:export[ \t]+)?)(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=(?P<blank>[ \t]*)(?P<rest>.*)",
    re.DOTALL,
)
_QUOTES: Final = "'\""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A line, or an assignment over several of them."""

    text: str
    """As it stands there, with its end of line."""
    name: str = ""
    """Empty of what is no assignment."""
    value: str = ""
    head: str = ""
    """`export NAME = `"""
    quote: str = ""
    tail: str = ""
    """What stands behind the value: a comment, the end of the line."""


def read_values(text: str) -> dict[str, str]:
    """What is assigned, without quotes; the last one of a name counts."""
    return {piece.name: piece.value for piece in _pieces(text) if piece.name}


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text with these values; every line of such a name gets it, and what has no line a new one at the end.

    An empty value is written over one that is there, and not added. Values hold no quotes and no line ends, as
    URLs do not.
    """
    pieces = list(_pieces(text))
    there = {piece.name for piece in pieces}
    eol = "\r\n" if "\r\n" in text else "\n"
    written = "".join(
        _assigned(piece, values[piece.name]).text if piece.name in values else piece.text for piece in pieces
    )
    added = [f"{name}={_quoted(value, '')}" for name, value in values.items() if value and name not in there]
    if added and written and not written.endswith("\n"):
        written += eol
    return written + "".join(line + eol for line in added)


def with_comment(text: str, name: str, comment: str) -> str:
    """The text with a comment in a line of its own above the last assignment of `name`, if there is one; once."""
    pieces = list(_pieces(text))
    at = max((at for at, piece in enumerate(pieces) if piece.name == name), default=None)
    if at is None or any(piece.text.rstrip("\r\n") == comment for piece in pieces):
        return text
    eol = "\r\n" if "\r\n" in text else "\n"
    pieces.insert(at, _Piece(text=comment + eol))
    return "".join(piece.text for piece in pieces)


def _pieces(text: str) -> Iterator[_Piece]:
    # Not splitlines: to it a form feed ends a line too, and so does a line separator of Unicode.
    lines = re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+", text)
    at = 0
    while at < len(lines):
        piece, taken = _piece(lines[at:])
        yield piece
        at += taken


def _piece(lines: list[str]) -> tuple[_Piece, int]:
    """The piece that begins here, and how many lines it takes."""
    line = lines[0]
    found = _ASSIGNMENT.fullmatch(line.removeprefix("\ufeff"))
    if found is None:
        return _Piece(text=line), 1
    head = line[: len(line) - len(found["rest"])]
    quote = found["rest"][:1]
    if quote and quote in _QUOTES:
        for taken in range(1, len(lines) + 1):
            rest = found["rest"] + "".join(lines[1:taken])
            if (end := _closing(rest, quote)) is not None:
                whole = _Piece(
                    text=head + rest,
                    name=found["name"],
                    value=rest[1:end],
                    head=head,
                    quote=quote,
                    tail=rest[end + 1 :],
                )
                return whole, taken
        # Never closed: python-dotenv gives up on this line alone.
        return _Piece(text=line), 1
    if comment := re.search(r"[ \t]+#", found["blank"] + found["rest"]):
        value = (found["blank"] + found["rest"])[: comment.start()].strip()
    else:
        value = found["rest"].rstrip()
    if not value:
        # The blanks go to the comment: without one before it, it would be part of the value.
        head = head.removesuffix(found["blank"])
    return _Piece(text=line, name=found["name"], value=value, head=head, tail=line[len(head + value) :]), 1


def _closing(rest: str, quote: str) -> int | None:
    """Where the quote that `rest` begins with is closed."""
    at = 1
    while at < len(rest):
        if rest[at] == "\\":
            at += 1
        elif rest[at] == quote:
            return at
        at += 1
    return None


def _assigned(piece: _Piece, value: str) -> _Piece:
    return replace(piece, text=piece.head + _quoted(value, piece.quote) + piece.tail, value=value)


def _quoted(value: str, quote: str) -> str:
    """Several URLs are parted by spaces, which want quotes; a URL itself holds neither."""
    quote = quote or ('"' if " " in value else "")
    return f"{quote}{value}{quote}"
