"""Writers come and go, until somebody needs them all to be out."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """Many may write at a time, or one may be alone."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._writing = 0
        self._closed = False

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Whether one may write for as long as the block lasts; False while somebody is alone, or wants to be."""
        with self._changed:
            may = not self._closed
            self._writing += may
        try:
            yield may
        finally:
            with self._changed:
                self._writing -= may
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for all to be out, and let nobody in."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._writing == 0)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()
