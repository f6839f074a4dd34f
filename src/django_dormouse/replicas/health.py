"""Which replicas are left out for now: because they could not be reached, or because they lag.

A replica that fails is left out at once, for a time that grows with each failure in a row; then it is tried again,
by one at a time, while all reads go on without it.
"""

from dataclasses import dataclass, field, replace
from threading import Lock

from django_dormouse.replicas.lag import Lag, Ledger

__all__ = ["Health", "Record", "backoff_s", "health"]

_FIRST_S = 0.25
_LONGEST_S = 30.0
"""A replica that came back is used again after half a minute at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A replica that is left out."""

    failures: int
    """In a row."""
    left_out_until: float
    """When it is tried again, by a monotonic clock, in seconds."""
    failed_at: float
    """When it last failed."""
    why: str


def backoff_s(failures: int) -> float:
    """How long a replica is left out after that many failures in a row: 0.25 s, 0.5 s, 1 s, … 30 s."""
    return min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures - 1, 10))


@dataclass(slots=True)
class Health:
    """The replicas of one process. Threads may share it."""

    ledger: Ledger = field(default_factory=Ledger)
    _records: dict[str, Record] = field(default_factory=dict)
    _lags: dict[str, Lag] = field(default_factory=dict)
    _awake: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def is_in_use(self, alias: str) -> bool:
        """Whether reads may use the replica."""
        return alias not in self._records

    def record_of(self, alias: str) -> Record | None:
        """Why, and until when, a replica is left out; None if it is in use."""
        return self._records.get(alias)

    def lag_of(self, alias: str) -> Lag | None:
        """Its lag when it was last looked at; None if nothing is known."""
        return self._lags.get(alias)

    def awake_s_ago(self, alias: str, now: float) -> float | None:
        """How long ago it last answered; None if it never has, or has ended a connection since."""
        at = self._awake.get(alias)
        return None if at is None else now - at

    def take_try(self, alias: str, now: float) -> bool:
        """Whether the caller is to try the replica that is left out.

        Only one caller gets a yes, each time its wait is over.
        """
        with self._lock:
            record = self._records.get(alias)
            if record is None or now < record.left_out_until:
                return False
            # The others wait as if this try had failed already; `failed` or `succeeded` corrects that.
            until = now + backoff_s(record.failures + 1)
            self._records[alias] = replace(record, left_out_until=until)
            return True

    def failed(self, alias: str, now: float, why: str) -> Record:
        """Leave the replica out from now on."""
        with self._lock:
            before = self._records.get(alias)
            failures = 1 if before is None else before.failures + 1
            until = now + backoff_s(failures)
            record = Record(failures=failures, left_out_until=until, failed_at=now, why=why)
            self._records[alias] = record
            self._awake.pop(alias, None)
            return record

    def answered(self, alias: str, now: float) -> None:
        """It is awake."""
        self._awake[alias] = now

    def fell_asleep(self, alias: str) -> None:
        """It has ended a connection."""
        self._awake.pop(alias, None)

    def lags(self, alias: str, lag: Lag | None) -> None:
        """It was looked at, and lags by that much."""
        if lag is None:
            self._lags.pop(alias, None)
        else:
            self._lags[alias] = lag

    def succeeded(self, alias: str, asked_at: float) -> bool:
        """Use the replica again, unless it has failed since it was asked. True if it was left out before."""
        with self._lock:
            record = self._records.get(alias)
            if record is None or record.failed_at > asked_at:
                return False
            del self._records[alias]
            return True


health = Health()
"""Of this process."""
