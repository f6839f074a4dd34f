"""Does what is due: removes branches that expire and what nobody brought back, makes scheduled snapshots."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from datetime import datetime
from typing import Final

from dormouse.control.catalog import Catalog
from dormouse.control.service import Service
from dormouse.errors import DormouseError

__all__ = ["Sweeper", "next_due"]

logger = logging.getLogger("dormouse.control")

_RETRY_S: Final = 60.0
"""After a failure, and as the longest sleep: a clock may be set while we wait for a moment."""


def next_due(catalog: Catalog) -> datetime | None:
    """The next moment at which something has had its time; None if nothing has one."""
    moments = [branch.expires_at for branch in catalog.branches.values()]
    moments += [project.recoverable_until for project in catalog.projects.values()]
    moments += [kept.kept_until for kept in catalog.kept.values()]
    moments += [snapshot.expires_at for snapshot in catalog.snapshots.values()]
    moments += [schedule.next_at for schedule in catalog.schedules.values()]
    return min((moment for moment in moments if moment is not None), default=None)


class Sweeper:
    """One loop; looks when something is due, and when the records changed."""

    def __init__(self, service: Service, catalog: Catalog) -> None:
        self._service = service
        self._catalog = catalog
        self._now = service.now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            failed = await self._sweep()
            due = next_due(self._catalog)
            left_s = _RETRY_S if failed or due is None else (due - self._now()).total_seconds()
            await self._pause(due, min(max(left_s, 0.05), _RETRY_S))

    async def _pause(self, due: datetime | None, seconds: float) -> None:
        """Until the time is over, or another moment is the next."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._catalog.until(lambda: next_due(self._catalog) != due)

    async def _sweep(self) -> bool:
        """Do what is due; whether something could not be."""
        now = self._now()
        failed = False
        for project in list(self._catalog.projects.values()):
            if project.recoverable_until is not None and project.recoverable_until <= now:
                failed |= not await self._try(self._service.projects.remove_for_good(project.id), project.id)
        for branch in list(self._catalog.branches.values()):
            if branch.expires_at is not None and branch.expires_at <= now:
                failed |= not await self._try(
                    self._service.branches.delete(branch.project_id, branch.id), branch.id
                )
        for kept in list(self._catalog.kept.values()):
            if kept.kept_until <= now:
                failed |= not await self._try(self._service.branches.forget_kept(kept), kept.branch.id)
        for snapshot in list(self._catalog.snapshots.values()):
            if snapshot.expires_at is not None and snapshot.expires_at <= now:
                removal = self._service.snapshots.delete(snapshot.project_id, snapshot.id)
                failed |= not await self._try(removal, snapshot.id)
        for schedule in list(self._catalog.schedules.values()):
            if schedule.next_at is not None and schedule.next_at <= now:
                making = self._service.snapshots.create_scheduled(schedule)
                failed |= not await self._try(making, schedule.branch_id)
        return failed

    async def _try(self, removal: Awaitable[object], what: str) -> bool:
        try:
            await removal
        except DormouseError as error:
            logger.warning(
                "what was due could not be done",
                extra={"action": "sweep_failed", "object": what, "reason": error.message},
            )
            return False
        logger.info("did what was due", extra={"action": "swept", "object": what})
        return True
