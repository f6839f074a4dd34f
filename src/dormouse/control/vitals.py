"""What awake computes are doing: asked of the servers that run; nothing is woken for it, and nobody kept awake."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import psycopg

from dormouse.compute.conf import ADMIN_ROLE
from dormouse.compute.lifecycle import ComputeState
from dormouse.control.computes import Computes
from dormouse.control.model import Endpoint, Vitals
from dormouse.errors import ComputeError
from dormouse.names import EndpointId

__all__ = ["VitalSigns"]

logger = logging.getLogger("dormouse.control")

_TIMEOUT_S: Final = 1.0
"""Who is too busy to answer within this is shown without an answer."""

# The database `postgres` is where the platform asks its own questions: they are nobody's work.
_WORK: Final = f"""
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND usename IS DISTINCT FROM '{ADMIN_ROLE}'),
       (SELECT coalesce(sum(xact_commit + xact_rollback), 0)::bigint FROM pg_stat_database
        WHERE datname <> 'postgres')
"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """Of computes."""

    computes: Computes

    async def of(self, endpoints: Iterable[Endpoint]) -> dict[EndpointId, Vitals]:
        """By endpoint. What a compute that sleeps, or does not answer in time, is not asked is None."""
        asked = list(endpoints)
        found = await asyncio.gather(*map(self._of_one, asked))
        return {endpoint.id: vitals for endpoint, vitals in zip(asked, found, strict=True)}

    async def _of_one(self, endpoint: Endpoint) -> Vitals:
        compute = self.computes.of(endpoint)
        if compute.state is not ComputeState.READY:
            return Vitals(wake_ms=compute.wake_ms)
        try:
            async with asyncio.timeout(_TIMEOUT_S), compute.server.admin() as connection:
                row = await (await connection.execute(_WORK)).fetchone()
        except (ComputeError, psycopg.Error, TimeoutError) as error:
            facts = {"action": "vitals_unknown", "endpoint": compute.endpoint, "reason": str(error)}
            logger.debug("a compute did not say what it does", extra=facts)
            return Vitals(wake_ms=compute.wake_ms)
        connections, transactions = row or (None, None)
        return Vitals(wake_ms=compute.wake_ms, connections=connections, transactions=transactions)
