"""What the router has done in this process, in numbers for a monitor."""

import threading
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS, connections

from django_dormouse.alias import replicas_of
from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.health import health

__all__ = ["ReadCount", "ReplicaMetrics", "Tally", "read_counts", "replica_metrics", "tally"]

_lock = threading.Lock()


class Tally:
    """The reads that went to one alias for one reason."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def add_one(self) -> None:
        """One more."""
        with _lock:
            self.count += 1


_tallies: dict[tuple[str, Reason], Tally] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCount:
    """How many reads of the ORM went where, and why."""

    alias: str
    reason: Reason
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaMetrics:
    """One replica, as this process sees it; nobody is asked."""

    alias: str
    is_in_use: bool
    why_left_out: str
    """Empty if it is in use."""
    failures: int
    """In a row."""
    lag_bytes: int | None
    """When it was last looked at; None if nothing is known."""
    lag_s: float | None


def tally(alias: str, reason: Reason) -> Tally:
    """Where such reads are counted: always the same, so whoever counts many looks for it once."""
    return _tallies.get((alias, reason)) or _tallies.setdefault((alias, reason), Tally())


def replica_metrics() -> list[ReplicaMetrics]:
    """All replicas of `default`, in the order of DATABASES."""
    return [_of(alias) for alias in replicas_of(DEFAULT_DB_ALIAS, connections.settings)]


def _of(alias: str) -> ReplicaMetrics:
    record, lag = health.record_of(alias), health.lag_of(alias)
    return ReplicaMetrics(
        alias=alias,
        is_in_use=record is None,
        why_left_out="" if record is None else record.why,
        failures=0 if record is None else record.failures,
        lag_bytes=None if lag is None else lag.size_bytes,
        lag_s=None if lag is None else lag.age_s,
    )


def read_counts() -> list[ReadCount]:
    """All since this process began, the most frequent first."""
    found = [
        ReadCount(alias=alias, reason=reason, count=reads.count)
        for (alias, reason), reads in _tallies.copy().items()
        if reads.count
    ]
    return sorted(found, key=lambda each: -each.count)
