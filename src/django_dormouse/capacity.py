"""How many connections a project may open at once: workers × instances × what each worker holds.

Pure. `DORMOUSE` in the settings says how many there are; `WEB_CONCURRENCY`, which gunicorn and uvicorn read,
says it for the workers where the settings do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Demand", "demand", "sentence"]

_POOL_SIZE = 4
"""psycopg_pool's own: a pool without max_size never grows above min_size, which is 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """At its highest, of one alias."""

    instances: int
    workers: int
    each: int
    """In one worker: the pool's size, or one for each thread."""

    @property
    def total(self) -> int:
        """All together."""
        return self.instances * self.workers * self.each


def demand(
    options: Mapping[str, Any],
    *,
    instances: int,
    workers: int | None,
    threads: int,
    environ: Mapping[str, str],
) -> Demand:
    """What `OPTIONS` of an alias and the numbers of the project come to; `workers` None asks the environment."""
    if workers is None:
        told = environ.get("WEB_CONCURRENCY", "")
        workers = int(told) if told.isascii() and told.isdigit() and int(told) > 0 else 1
    pool = options.get("pool")
    if isinstance(pool, Mapping):
        smallest = pool.get("min_size", _POOL_SIZE)
        each = int(pool.get("max_size") or smallest)
    else:
        each = _POOL_SIZE if pool else threads
    return Demand(instances=instances, workers=workers, each=each)


def sentence(wanted: Demand) -> str:
    """`2 instances × 4 workers × 4 connections = 32`."""
    return f"{wanted.instances} instances × {wanted.workers} workers × {wanted.each} connections = {wanted.total}"
