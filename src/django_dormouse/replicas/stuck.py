"""Reads that wait for a replica which has stopped answering: its machine froze, or its network swallows packets.

No timeout ends them. The server's own needs a server that runs, and the network's one that acknowledges nothing;
and how long a read may rightly take nobody knows. So they are ended only where the replica takes no new
connection either, and is left out anyway; plain reads are then sent elsewhere.
"""

from collections.abc import Iterable
from threading import Lock
from weakref import WeakSet

from django_dormouse.backend import forking
from django_dormouse.backend.liveness import PsycopgLink

__all__ = ["Waits", "end", "waits"]


class Waits:
    """The connections of this process to replicas, and which of them wait for an answer."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        # A forked child has the parent's memory, and none of its connections is the child's to end.
        self._generation = forking.generation()
        self._lock = Lock()
        self._links: dict[str, WeakSet[PsycopgLink]] = {}

    def note(self, alias: str, link: PsycopgLink) -> None:
        """A connection was opened."""
        if self._generation != forking.generation():
            self._begin()
        with self._lock:
            self._links.setdefault(alias, WeakSet()).add(link)

    def waiting(self) -> set[tuple[str, PsycopgLink]]:
        """Those that wait now, each with its alias."""
        if self._generation != forking.generation():
            return set()
        with self._lock:
            known = [(alias, link) for alias, links in self._links.items() for link in links]
        return {(alias, link) for alias, link in known if link.is_waiting()}


def end(links: Iterable[PsycopgLink]) -> None:
    """End those that still wait, so that whoever waits hears of it: as if the server had closed them."""
    for link in links:
        link.cut()


waits = Waits()
"""Of this process."""
