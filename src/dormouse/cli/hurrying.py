"""An end to everything that takes too long while somebody else waits for us."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dormouse.errors import UserError

__all__ = ["within"]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises UserError in the block when it takes longer. In the main thread only, and not inside of itself."""

    def too_late(_number: int, _frame: FrameType | None) -> None:
        raise UserError(f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
