"""How far a replica is behind, in bytes and in seconds, from what is known of its primary anyway.

The age of the last transaction that a replica has replayed lies on an idle primary, and what it has received says
nothing when its stream is broken. So positions of the primary are written down as they come by: of this process's
commits, of the tokens that users bring, of what replicas have received. A replica is as old as the first of them
that it has not replayed.
"""

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Final

from django_dormouse.replicas.position import Position, Replayed, has_replayed

__all__ = ["Lag", "Ledger", "Limits"]

_ENTRIES: Final = 1000
_APART_S: Final = 0.1
"""Entries closer together than this are one: a thousand of them then reach back over a minute and a half at least,
beyond any limit that makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """What a replica lacks; at least, since only some of the primary's positions are known."""

    size_bytes: int
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A replica that lags beyond one of them is left out."""

    size_bytes: int
    age_s: float

    def are_kept(self, lag: Lag) -> bool:
        """Whether a replica with that lag may be read from."""
        return lag.size_bytes <= self.size_bytes and lag.age_s <= self.age_s


class Ledger:
    """When the primary was known to have come how far. Threads may share it."""

    def __init__(self) -> None:
        self._entries: deque[tuple[float, Position]] = deque(maxlen=_ENTRIES)
        self._lock = Lock()

    def note(self, position: Position, now: float, *, from_primary: bool) -> None:
        """The primary stands at `position`, or further; `now` in seconds of a monotonic clock.

        Only the primary's own word begins another incarnation: a replica may still follow one that is gone.
        """
        if position.lsn is None:
            return
        with self._lock:
            if self._entries:
                at, last = self._entries[-1]
                assert last.lsn is not None
                if last.incarnation != position.incarnation:
                    if not from_primary:
                        return
                    self._entries.clear()
                elif last.lsn >= position.lsn:
                    return
                elif len(self._entries) > 1 and now - self._entries[-2][0] < _APART_S:
                    # The older time stays: who lacks the new position lacks it for no longer than that.
                    now = at
                    self._entries.pop()
            self._entries.append((now, position))

    def last_noted(self) -> float | None:
        """When the primary was last known to have come further; None if nothing is known of it."""
        with self._lock:
            return self._entries[-1][0] if self._entries else None

    def lag_of(self, replica: Replayed, now: float) -> Lag | None:
        """How far `replica` is behind; None if nothing is known that could be compared."""
        with self._lock:
            if not self._entries or replica.lsn is None:
                return None
            _, last = self._entries[-1]
            if last.incarnation != replica.incarnation:
                return None
            since = next((at for at, position in self._entries if not has_replayed(replica, position)), None)
        if since is None or last.lsn is None:
            return Lag(size_bytes=0, age_s=0.0)
        return Lag(size_bytes=max(0, last.lsn - replica.lsn), age_s=max(0.0, now - since))
