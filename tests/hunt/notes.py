"""The page that lists the newest ten notes: whether one may be missing from it. Pure but for a lock."""

import re
from dataclasses import dataclass, field
from threading import Lock

_NOTE = re.compile(r'<h2 id="note-(\d+)">([^<]*)</h2>')
PER_PAGE = 10


def notes_on(page: str) -> dict[str, int]:
    """Title → id."""
    return {title: int(number) for number, title in _NOTE.findall(page)}


@dataclass(slots=True)
class Board:
    """Which notes were saved, in the order in which their writers were told so."""

    told: dict[str, int] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    """Title → how many had been told when it was sent."""
    lock: Lock = field(default_factory=Lock)

    def begin(self, title: str) -> None:
        """It is about to be sent."""
        with self.lock:
            self.begun[title] = len(self.told)

    def told_saved(self, title: str) -> None:
        """Its writer got the answer."""
        with self.lock:
            self.told[title] = len(self.told)

    def is_stale(self, title: str, shown: set[str]) -> bool:
        """Whether a page without a note that was saved shows less than there is.

        It may have been pushed off by ten newer ones. So each note on the page must be newer, and none may
        have been saved before this one was sent.
        """
        if title in shown:
            return False
        with self.lock:
            older = any(self.told.get(each, len(self.told)) < self.begun[title] for each in shown)
        return older or len(shown) < PER_PAGE
