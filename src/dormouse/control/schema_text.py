"""What `pg_dump --schema-only` writes, read as text: in pieces, without its noise, compared. Pure.

Nothing here touches what stands within quotes: a function's body or a comment may hold any line that pg_dump
itself writes. Quotes are found as Postgres finds them (manual, 4.1); pg_dump doubles a quote within quotes, and
puts no backslash before it.
"""

import difflib
import re
from collections.abc import Iterator
from typing import Final

__all__ = ["entries", "normalise", "unified"]

_QUOTED: Final = re.compile(
    r"""
      --[^\n]*                      # a comment: the names in it may hold a quote
    | '[^']*' | "[^"]*"             # a doubled quote is the end of one and the start of another
    | (?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)
    """,
    re.DOTALL | re.VERBOSE,
)

_NOISE: Final = re.compile(
    r"""
      --[ ]Dumped[ ](?:from|by)[ ].*
    | SET[ ](?!check_function_bodies\b)\w+[ ]=[ ][^;]*;
    | SELECT[ ]pg_catalog\.set_config\('search_path',[ ]'',[ ]false\);
    """,
    re.VERBOSE,
)
"""Whole lines. `SET check_function_bodies` stays: functions stand before the tables that they read."""

_TITLES: Final = frozenset({"-- PostgreSQL database dump", "-- PostgreSQL database dump complete"})

_USER_MAPPING: Final = re.compile(r"--\n-- Name: [^\n]*; Type: USER MAPPING; ")
_PASSWORD: Final = re.compile(r"^(    \w*password )E?'(?:[^']|'')*'", re.MULTILINE)

_Line = tuple[bool, str]
"""Whether a line begins outside of quotes; the line, without its break."""


def entries(dump: str) -> list[str]:
    """A dump in pieces that can be executed one by one: its settings, then each object with what belongs to it.

    Without psql's own commands (`\\restrict` and a key of chance), which a server does not know.
    """
    found: list[list[str]] = [[]]
    lines = [line for line in _lines(dump) if not _is_command(line)]
    for number, (is_free, line) in enumerate(lines):
        if is_free and line == "--" and _is_name(lines[number + 1 : number + 2]):
            found.append([])
        found[-1].append(line)
    return ["".join(f"{line}\n" for line in entry) for entry in found if entry]


def normalise(dump: str) -> str:
    """A dump without what differs from run to run, from machine to machine and from version to version.

    Keys, versions, settings and titles go, and of empty lines in a row all but one; passwords of foreign servers
    are hidden. The order is pg_dump's: by kind and name, as far as nothing needs something later. The result ends
    with one line break, or is empty.
    """
    kept: list[str] = []
    for entry in entries(dump):
        for is_free, line in _without_titles(list(_lines(_without_password(entry)))):
            is_repeated = not line and (not kept or not kept[-1])
            if not (is_free and (is_repeated or _NOISE.fullmatch(line))):
                kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return "".join(f"{line}\n" for line in kept)


def unified(base: str, other: str, names: tuple[str, str]) -> str:
    """What leads from `base` to `other`, two normalised texts, as a unified diff; empty where they are equal.

    `names` of the two are for its first lines: `a/neondb`, `b/neondb`.
    """
    before, after = (text.removesuffix("\n").split("\n") if text else [] for text in (base, other))
    lines = difflib.unified_diff(before, after, *names, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> Iterator[_Line]:
    quotes = (found.span() for found in _QUOTED.finditer(text))
    start, end = next(quotes, (len(text), len(text)))
    position = 0
    for line in text.removesuffix("\n").split("\n") if text else []:
        while end <= position and start < len(text):
            start, end = next(quotes, (len(text), len(text)))
        yield not start < position, line
        position += len(line) + 1


def _is_command(line: _Line) -> bool:
    return line[0] and line[1].startswith("\\")


def _is_name(following: list[_Line]) -> bool:
    return any(line.startswith("-- Name: ") for _, line in following)


def _without_password(entry: str) -> str:
    return _PASSWORD.sub(r"\1'***'", entry) if _USER_MAPPING.match(entry) else entry


def _without_titles(lines: list[_Line]) -> Iterator[_Line]:
    """Without the three lines of a title."""
    frame = (True, "--")
    titles = {
        number
        for number, (is_free, line) in enumerate(lines)
        if is_free and line in _TITLES and lines[number - 1 : number] == [frame] == lines[number + 1 : number + 2]
    }
    dropped = {near for number in titles for near in (number - 1, number, number + 1)}
    return (line for number, line in enumerate(lines) if number not in dropped)
