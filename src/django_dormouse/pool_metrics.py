"""What the pool of an alias is doing, in numbers for a monitor."""

from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

__all__ = ["PoolMetrics", "pool_metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMetrics:
    """One pool of this process. Counters count from its first use."""

    min_size: int
    max_size: int
    size: int
    """Connections that there are: idle ones, those in use, those being opened."""
    idle: int
    """Those of them that wait to be used."""
    waiting: int
    """Requests that wait for a connection at this moment."""
    requests: int
    """One whose connection turned out to be dead asks again, and counts again."""
    requests_queued: int
    """Requests that had to wait."""
    requests_wait_ms: int
    """How long they waited, all together."""
    requests_failed: int
    """Requests that gave up waiting."""
    connections_opened: int
    connections_failed: int
    """Attempts to connect that failed."""
    connections_lost: int
    """Connections found dead before they were handed out, or given back dead."""


def pool_metrics(alias: str = DEFAULT_DB_ALIAS) -> PoolMetrics | None:
    """The numbers of an alias's pool in this process, without asking the server; None where it has no pool.

    Raises ConnectionDoesNotExist for an unknown alias.
    """
    pool: Any = getattr(connections[alias], "pool", None)
    if pool is None:
        return None
    # psycopg_pool leaves out counters that are 0.
    seen: dict[str, int] = pool.get_stats()
    return PoolMetrics(
        min_size=seen["pool_min"],
        max_size=seen["pool_max"],
        size=seen["pool_size"],
        idle=seen["pool_available"],
        waiting=seen["requests_waiting"],
        requests=seen.get("requests_num", 0),
        requests_queued=seen.get("requests_queued", 0),
        requests_wait_ms=seen.get("requests_wait_ms", 0),
        requests_failed=seen.get("requests_errors", 0),
        connections_opened=seen.get("connections_num", 0),
        connections_failed=seen.get("connections_errors", 0),
        connections_lost=seen.get("connections_lost", 0) + seen.get("returns_bad", 0),
    )
