"""How one schema differs from another: a unified diff, and its colours. Pure."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Final

__all__ = ["coloured", "diff_of"]

_HEAD: Final = "1"
_COLOURS: Final[Mapping[str, str]] = {"@": "36", "+": "32", "-": "31"}
"""As git has them."""


def diff_of(before: str, after: str, *, before_name: str, after_name: str) -> str:
    """The unified diff from one schema to the other, with a line end; empty where they are equal."""
    lines = unified_diff(
        before.splitlines(), after.splitlines(), fromfile=before_name, tofile=after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def coloured(diff: str) -> str:
    """The same for a terminal."""
    return "".join(_coloured(diff))


def _coloured(diff: str) -> Iterator[str]:
    for number, text in enumerate(diff.splitlines()):
        # By their place: a comment of SQL that is gone begins with three dashes too.
        colour = _HEAD if number < 2 else _COLOURS.get(text[:1])
        yield f"{text}\n" if colour is None else f"\x1b[{colour}m{text}\x1b[0m\n"
