"""Looks at the past: a server that has a branch as it was at a moment, for as long as somebody looks.

Clients ask for one by connecting to a branch's id as host name, with the moment in `options` (Neon's time travel).
It is no endpoint: nobody sees it listed, and half a minute after its last client it is gone, with all that was
written in it.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from dormouse.compute.conf import SOCKET_NAME
from dormouse.compute.server import connect_as_admin
from dormouse.compute.wal import parse_lsn
from dormouse.control.gate import NOT_FOUND, Gate
from dormouse.control.model import Branch
from dormouse.control.points import AtLsn, AtTime, Point
from dormouse.control.workshop import Workshop
from dormouse.errors import DormouseError, EndpointNotFound, RequestError, RuleViolation
from dormouse.names import BranchId, EndpointId

__all__ = ["Visits", "point_of"]

_STAYS_S: Final = 30.0
_LOOK_S: Final = 2.0
_CLIENTS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_READ_ONLY: Final = "ALTER SYSTEM SET default_transaction_read_only = on"


class Visits:
    """The servers that are there now, one for each branch and moment."""

    def __init__(self, workshop: Workshop, gate: Gate) -> None:
        self._shop = workshop
        self._gate = gate
        self._open: dict[tuple[BranchId, str], asyncio.Future[Path]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def locate(self, branch_id: BranchId, moment: str, *, role: str, verifier: str) -> str:
        """The socket of a server that has the branch as it was; made by the first who asks.

        Raises EndpointNotFound for no such branch, RuleViolation for a moment that is not to be had, RequestError
        when the role's password is no longer the one that was checked.
        """
        branch = self._shop.catalog.branches.get(branch_id)
        if branch is None:
            raise EndpointNotFound(NOT_FOUND)
        if await self._gate.verifier(EndpointId(branch_id), role) != verifier:
            raise RequestError(f"password authentication failed for user '{role}'")
        key = (branch_id, f"{branch.incarnation} {moment}")
        opened = self._open.get(key)
        if opened is None:
            point = point_of(moment)
            opened = self._open[key] = asyncio.get_running_loop().create_future()
            # Whoever gives up waiting leaves it to the others.
            opened.add_done_callback(lambda done: done.cancelled() or done.exception())
            task = self._shop.spawn_task(self._visit(key, branch, point, opened))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return str(await asyncio.shield(opened) / SOCKET_NAME)

    async def close(self) -> None:
        """End all of them."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _visit(
        self, key: tuple[BranchId, str], branch: Branch, point: Point, opened: asyncio.Future[Path]
    ) -> None:
        try:
            async with self._shop.builder.opened_past(branch, point) as socket_dir:
                await _make_read_only(socket_dir)
                opened.set_result(socket_dir)
                await _until_nobody_looks(socket_dir)
                # From here on whoever comes begins a new one.
                self._open.pop(key, None)
        except (DormouseError, psycopg.Error) as error:
            if not opened.done():
                told = error if isinstance(error, DormouseError) else RequestError(f"no look at the past: {error}")
                opened.set_exception(told)
        finally:
            self._open.pop(key, None)
            opened.cancel()


def point_of(moment: str) -> Point:
    """What `neon_lsn:…` or `neon_timestamp:…` means. Raises RuleViolation."""
    kind, _, value = moment.partition(":")
    try:
        if kind == "neon_lsn":
            return AtLsn(parse_lsn(value))
        time = datetime.fromisoformat(value)
    except ValueError:
        raise RuleViolation(f"{moment} names no moment; expected neon_lsn:0/1FA22C0 or an RFC 3339 time") from None
    return AtTime(time if time.tzinfo is not None else time.replace(tzinfo=UTC))


async def _make_read_only(socket_dir: Path) -> None:
    """Nobody is to take it for a place to keep something."""
    async with await connect_as_admin(socket_dir, "postgres") as connection:
        await connection.execute(_READ_ONLY)
        await connection.execute("SELECT pg_reload_conf()")


async def _until_nobody_looks(socket_dir: Path) -> None:
    loop = asyncio.get_running_loop()
    last = loop.time()
    async with await connect_as_admin(socket_dir, "postgres") as connection:
        while loop.time() - last < _STAYS_S:
            await asyncio.sleep(_LOOK_S)
            row = await (await connection.execute(_CLIENTS)).fetchone()
            if row is None or row[0]:
                last = loop.time()
