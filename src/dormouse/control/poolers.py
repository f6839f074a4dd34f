"""The poolers of awake computes: started by the first who asks for one, gone with their compute."""

import asyncio
import contextlib
import logging
import os
import secrets
from pathlib import Path
from typing import Final

import psycopg

from dormouse.compute.conf import FIXED
from dormouse.compute.pooler import PgBouncer, Pooler, find_pgbouncer
from dormouse.compute.supervisor import Compute
from dormouse.control.machine import Machine
from dormouse.names import EndpointId

__all__ = ["Poolers"]

logger = logging.getLogger("dormouse.control")

_POOL_SIZE: Final = int(FIXED["max_connections"]) * 9 // 10
"""Of each pair of role and database, as at Neon."""

_ASK_S: Final = 1.0


class Poolers:
    """At most one for each compute."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._found: asyncio.Future[PgBouncer | None] | None = None
        self._running: dict[EndpointId, Pooler] = {}
        self._locks: dict[EndpointId, asyncio.Lock] = {}

    async def program(self) -> PgBouncer | None:
        """The PgBouncer of this machine, looked for once."""
        if self._found is None:
            self._found = asyncio.ensure_future(
                asyncio.to_thread(find_pgbouncer, os.environ, self._machine.pgbouncer)
            )
        return await asyncio.shield(self._found)

    async def locate(self, compute: Compute) -> str | None:
        """The socket of the pooler of a compute that is ready; None where this machine has no PgBouncer.

        Raises StartFailed.
        """
        program = await self.program()
        if program is None:
            return None
        async with self._locks.setdefault(compute.endpoint, asyncio.Lock()):
            running = self._running.get(compute.endpoint)
            if running is None or running.exited.is_set():
                running = self._running[compute.endpoint] = await self._start(program, compute)
            return running.socket_path

    async def stop(self, endpoint: EndpointId) -> None:
        """Stop the pooler of a compute that stops, if it has one."""
        async with self._locks.setdefault(endpoint, asyncio.Lock()):
            running = self._running.pop(endpoint, None)
            if running is not None:
                await running.stop()

    async def waits(self) -> dict[EndpointId, tuple[int, float]]:
        """How many clients wait in each that runs, and for how many seconds the first has."""
        found: dict[EndpointId, tuple[int, float]] = {}
        for endpoint, pooler in list(self._running.items()):
            with contextlib.suppress(psycopg.Error, TimeoutError):
                async with asyncio.timeout(_ASK_S):
                    found[endpoint] = await pooler.waits()
        return found

    async def _start(self, program: PgBouncer, compute: Compute) -> Pooler:
        server_socket = Path(compute.server.socket_path)
        data = compute.server.log.parent
        pooler = await Pooler.start(
            program,
            folder=self._machine.sockets / secrets.token_hex(5),
            server_socket=server_socket.parent,
            pool_size=_POOL_SIZE,
            account=self._machine.account,
            log=data / "pgbouncer.log",
            working=data,
        )
        logger.info("a pooler is ready", extra={"action": "pooler_ready", "endpoint": compute.endpoint})
        return pooler
