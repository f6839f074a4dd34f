"""Looks at the past: a server that has a branch as it was at a point, for as long as somebody looks.

It is no endpoint: nobody sees it listed, and half a minute after its last client it is gone, with all that was
written in it.
"""

import asyncio
from pathlib import Path
from typing import Final

import psycopg

from dormouse.compute.server import connect_as_admin
from dormouse.control.model import Branch
from dormouse.control.points import Point
from dormouse.control.workshop import Workshop
from dormouse.errors import DormouseError, RequestError
from dormouse.names import BranchId, Incarnation

__all__ = ["Looks"]

_STAYS_S: Final = 30.0
_LOOK_S: Final = 2.0
_CLIENTS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_READ_ONLY: Final = "ALTER SYSTEM SET default_transaction_read_only = on"

_Key = tuple[BranchId, Incarnation, Point]


class Looks:
    """The servers that are there now, one for each branch and point."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._open: dict[_Key, asyncio.Future[Path]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def at(self, branch: Branch, point: Point) -> Path:
        """The socket's folder of a server that has the branch as it was; made by the first who asks.

        Raises RuleViolation for a point that is not to be had.
        """
        key = (branch.id, branch.incarnation, point)
        opened = self._open.get(key)
        if opened is None:
            opened = self._open[key] = asyncio.get_running_loop().create_future()
            # Whoever gives up waiting leaves it to the others.
            opened.add_done_callback(lambda done: done.cancelled() or done.exception())
            task = self._shop.spawn_task(self._look(key, branch, opened))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(opened)

    async def close(self) -> None:
        """End all of them."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, key: _Key, branch: Branch, opened: asyncio.Future[Path]) -> None:
        try:
            async with self._shop.builder.opened_past(branch, key[-1]) as socket_dir:
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
