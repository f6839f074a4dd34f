"""Waiting for the work that a change takes, visibly: on standard error, with the seconds."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from dormouse.api.errors import Busy
from dormouse.api.records import Operation
from dormouse.cli.output import say
from dormouse.errors import UserError

__all__ = ["failed", "patiently", "under_way", "wait_for"]

T = TypeVar("T")

_ENDED: Final = frozenset({"finished", "skipped", "failed", "cancelled"})
_GOOD: Final = frozenset({"finished", "skipped"})
_LONGEST_S: Final = 600.0
"""A large branch is copied in minutes on a disk without copy-on-write."""
_BUSY_S: Final = 60.0
_FIRST_LOOK_S: Final = 0.02
_SLOWEST_LOOK_S: Final = 0.5
_TELL_AFTER_S: Final = 0.5
"""What is done in less needs no words."""


def under_way(operations: Iterable[Operation]) -> list[Operation]:
    """Those that have not ended. An unknown status counts as under way."""
    return [operation for operation in operations if operation.status not in _ENDED]


def failed(operations: Iterable[Operation]) -> list[Operation]:
    """Those that ended without doing what they should."""
    return [each for each in operations if each.status in _ENDED and each.status not in _GOOD]


def wait_for(
    operations: Sequence[Operation], look: Callable[[Operation], Operation], *, quiet: bool = False
) -> None:
    """Return when all have ended well; `look` gives an operation as it is now.

    Raises UserError with the server's words when one failed, or when they take longer than ten minutes.
    """
    began = time.monotonic()
    pause = _FIRST_LOOK_S
    told = _Told(quiet=quiet)
    now = list(operations)
    while waiting := under_way(now):
        seconds = time.monotonic() - began
        names = ", ".join(dict.fromkeys(each.action for each in waiting))
        if seconds > _LONGEST_S:
            raise UserError(f"{names}: not done after {seconds:.0f} s", "see `dormouse operation list`")
        if seconds > _TELL_AFTER_S:
            told.tell(f"{names} … {seconds:.0f} s")
        time.sleep(pause)
        pause = min(2 * pause, _SLOWEST_LOOK_S)
        now = [look(each) if each in waiting else each for each in now]
    told.end()
    if wrong := failed(now):
        words = "; ".join(
            f"{each.action} {each.status}" + (f": {each.error}" if each.error else "") for each in wrong
        )
        raise UserError(words, "see `dormouse operation list`")


def patiently(call: Callable[[], T], *, quiet: bool = False) -> T:
    """What `call` gives; as long as the project is busy with other work (423), for a minute, tried again.

    A request that was refused so has changed nothing.
    """
    deadline = time.monotonic() + _BUSY_S
    pause = 0.1
    told = _Told(quiet=quiet)
    while True:
        try:
            found = call()
        except Busy:
            if time.monotonic() + pause > deadline:
                raise
            told.tell("the project is busy with other work; trying again …")
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
        else:
            told.end()
            return found


class _Told:
    """A line that is written over on a terminal, and elsewhere written once."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._width = 0

    def tell(self, text: str) -> None:
        if self._quiet:
            return
        if sys.stderr.isatty():
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = max(self._width, len(text))
        elif not self._width:
            say(text)
            self._width = 1

    def end(self) -> None:
        if self._width and not self._quiet and sys.stderr.isatty():
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
