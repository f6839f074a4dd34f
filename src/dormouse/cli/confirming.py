"""Asking before something is lost. Where nobody is there to answer, `--yes` has to be said beforehand."""

import sys
from collections.abc import Callable

from dormouse.cli.output import AskedWrongly
from dormouse.errors import UserError

__all__ = ["confirm"]


def confirm(question: str, *, yes: bool, is_terminal: bool | None = None, ask: Callable[[], str] = input) -> None:
    """Return if `yes`, or if a person agrees. Raises AskedWrongly if none is there, UserError for a no.

    `is_terminal` None looks at standard input.
    """
    if yes:
        return
    if not (sys.stdin.isatty() if is_terminal is None else is_terminal):
        raise AskedWrongly(f"{question} needs a yes", "there is no terminal to ask on; say --yes")
    print(f"{question}? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        said = ask()
    except EOFError:
        said = ""
    if said.strip().lower() not in ("y", "yes"):
        raise UserError("nothing was done")
