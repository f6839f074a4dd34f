"""How far awake replicas are behind their primaries: asked of the servers that run; nothing is woken for it."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg

from dormouse.compute.conf import WAL_SEGMENT_BYTES
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.supervisor import Compute
from dormouse.compute.wal import has_replayed, parse_lsn
from dormouse.control.computes import Computes
from dormouse.control.model import Endpoint, EndpointType, ReplicaLag
from dormouse.errors import ComputeError
from dormouse.names import BranchId, EndpointId

__all__ = ["Lags", "lag_of"]

logger = logging.getLogger("dormouse.control")

_TIMEOUT_S: Final = 1.0
"""A server that is busy enough to take longer than this is not worth a list's waiting for it."""

_REPLAYED: Final = (
    "SELECT pg_last_wal_replay_lsn()::text, "
    # Before its first commit the replica is behind for as long as it runs, at most.
    "extract(epoch FROM clock_timestamp() - "
    "coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) * 1000"
)
_WRITTEN: Final = "SELECT pg_current_wal_flush_lsn()::text"


def lag_of(replayed: int, written: int, since_last_commit_ms: float | None) -> ReplicaLag:
    """What a replica lacks. The time since it replayed a commit says nothing when it has them all."""
    if has_replayed(replayed, written, WAL_SEGMENT_BYTES):
        return ReplicaLag(lag_bytes=0, lag_ms=0)
    return ReplicaLag(lag_bytes=written - replayed, lag_ms=max(0, round(since_last_commit_ms or 0)))


@dataclass(frozen=True, slots=True)
class Lags:
    """Of the replicas that are awake."""

    computes: Computes

    async def of(self, endpoints: Iterable[Endpoint]) -> dict[EndpointId, ReplicaLag]:
        """By endpoint; one that sleeps, or does not answer in time, is absent."""
        awake = [
            (endpoint, compute)
            for endpoint in endpoints
            if endpoint.type is EndpointType.READ_ONLY
            and (compute := self.computes.of(endpoint)).state is ComputeState.READY
        ]
        if not awake:
            return {}
        # The primaries first: what a replica replays between the two questions only makes it closer.
        branches = list({endpoint.branch_id for endpoint, _ in awake})
        written = dict(zip(branches, await asyncio.gather(*map(self._written, branches)), strict=True))
        found = await asyncio.gather(
            *(self._lag(compute, written[endpoint.branch_id]) for endpoint, compute in awake)
        )
        return {endpoint.id: lag for (endpoint, _), lag in zip(awake, found, strict=True) if lag is not None}

    async def _written(self, branch: BranchId) -> int | None:
        """Where the primary is, or was when it fell asleep."""
        primary = self.computes.primary(branch)
        if primary is not None and primary.state is ComputeState.READY:
            row = await _asked(primary, _WRITTEN)
            return parse_lsn(row[0]) if row and row[0] else None
        end = self.computes.catalog.branches[branch].end_of_wal
        return parse_lsn(end) if end else None

    async def _lag(self, compute: Compute, written: int | None) -> ReplicaLag | None:
        row = await _asked(compute, _REPLAYED) if written is not None else None
        if row is None or not row[0] or written is None:
            return None
        return lag_of(parse_lsn(row[0]), written, None if row[1] is None else float(row[1]))


async def _asked(compute: Compute, query: LiteralString) -> tuple[str | None, ...] | None:
    try:
        async with asyncio.timeout(_TIMEOUT_S), compute.server.admin() as connection:
            return await (await connection.execute(query)).fetchone()
    except (ComputeError, psycopg.Error, TimeoutError) as error:
        facts = {"action": "lag_unknown", "endpoint": compute.endpoint, "reason": str(error)}
        logger.debug("a compute did not say how far it is", extra=facts)
        return None
