"""Standard output is the answer, standard error the conversation."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import typer

from dormouse.errors import DormouseError

__all__ = ["answer", "answer_json", "fails_politely", "say", "table"]

P = ParamSpec("P")


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


def fails_politely(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose known errors become a sentence and a hint on standard error, and exit 1."""

    @wraps(command)
    def polite(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except DormouseError as error:
            say(f"dormouse: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
            raise typer.Exit(1) from None
        except BrokenPipeError:
            # `dormouse logs | head`: nobody reads on, which is no failure.
            sys.stderr.close()
            raise typer.Exit(0) from None

    return polite
