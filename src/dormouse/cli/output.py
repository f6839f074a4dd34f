"""Standard output is the answer, standard error the conversation. Exit 0 done, 1 did not work, 2 asked wrongly."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import typer

from dormouse.errors import DormouseError, UserError

__all__ = ["AskedWrongly", "answer", "answer_json", "facts", "fails_politely", "say", "table"]

P = ParamSpec("P")


class AskedWrongly(UserError):
    """The command line itself is wrong, or lacks something: exit 2."""


def answer(text: str) -> None:
    """Print what was asked for."""
    print(text, flush=True)


def answer_json(content: object) -> None:
    """Print what a program asked for."""
    print(json.dumps(content, indent=2, default=str), flush=True)


def say(text: str) -> None:
    """Tell the person at the keyboard."""
    print(text, file=sys.stderr, flush=True)


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows below their columns, as wide as the widest."""
    cells = [list(columns), *([str(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def facts(shown: Mapping[str, Any]) -> str:
    """What is known of one thing, a line each."""
    width = max(map(len, shown))
    return "\n".join(f"{name.ljust(width)}  {value}".rstrip() for name, value in shown.items())


def fails_politely(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose known errors become a sentence and a hint on standard error, and exit 1, or 2."""

    @wraps(command)
    def polite(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except DormouseError as error:
            say(f"dormouse: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
            raise typer.Exit(2 if isinstance(error, AskedWrongly) else 1) from None
        except BrokenPipeError:
            # `dormouse logs | head`: nobody reads on, which is no failure.
            sys.stderr.close()
            raise typer.Exit(0) from None

    return polite
