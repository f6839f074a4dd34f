"""Which replicas are left out for now, because they could not be reached.

A replica that fails is left out at once, for a time that grows with each failure in a row; then one read
tries it again, while all others go on without it.
"""

from dataclasses import dataclass
from threading import Lock

__all__ = ["Health", "Record", "backoff_s"]

_FIRST_S = 1.0
_LONGEST_S = 30.0
"""A replica that came back is used again after half a minute at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A replica that failed."""

    failures: int
    """In a row."""
    left_out_until: float
    """By a monotonic clock, in seconds."""


def backoff_s(failures: int) -> float:
    """How long a replica is left out after that many failures in a row: 1 s, 2 s, 4 s, … 30 s."""
    return min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures - 1, 10))


class Health:
    """The replicas of one process. Threads may share it."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._lock = Lock()

    def may_try(self, alias: str, now: float) -> bool:
        """Whether this read may use the replica.

        After a failure only one caller gets a yes, each time its wait is over.
        """
        record = self._records.get(alias)
        if record is None:
            return True
        with self._lock:
            record = self._records.get(alias)
            if record is None:
                return True
            if now < record.left_out_until:
                return False
            # The others wait as if this try had failed already; `failed` or `succeeded` corrects that.
            self._records[alias] = Record(
                failures=record.failures, left_out_until=now + backoff_s(record.failures + 1)
            )
            return True

    def failed(self, alias: str, now: float) -> Record:
        """Leave the replica out from now on."""
        with self._lock:
            before = self._records.get(alias)
            failures = 1 if before is None else before.failures + 1
            self._records[alias] = Record(failures=failures, left_out_until=now + backoff_s(failures))
            return self._records[alias]

    def succeeded(self, alias: str) -> bool:
        """Use the replica again. True if it was left out before."""
        if alias not in self._records:
            return False
        with self._lock:
            return self._records.pop(alias, None) is not None
