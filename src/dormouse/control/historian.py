"""Keeps the past: notes how much was written by when, keeps bases to start from, and lets go of what is too old.

A ledger entry is made every few seconds while clients do something, and at each stop. A base is kept when enough
was written since the last one: of a sleeping branch as it lies, unless it is woken meanwhile, else of the running
one. So the WAL to replay is never long, and a branch that nobody writes to costs nothing.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import psycopg

from dormouse.compute.binaries import choose
from dormouse.compute.control_file import read_control_data
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.supervisor import Compute
from dormouse.compute.wal import parse_lsn
from dormouse.control.catalog import Catalog
from dormouse.control.cloning import keep_running_as_base
from dormouse.control.computes import Computes
from dormouse.control.history import Base, bases_of, keep_stopped_as_base, remove_before
from dormouse.control.machine import Machine
from dormouse.control.model import Branch, BranchState, Endpoint, EndpointType
from dormouse.control.narrowing import time_of
from dormouse.control.past import LedgerEntry
from dormouse.control.rewinding import Rewinder
from dormouse.errors import CloneStopped, DormouseError
from dormouse.names import BranchId, EndpointId, Incarnation
from dormouse.storage.layout import BranchFolder

__all__ = ["Historian", "base_is_due", "first_to_keep"]

logger = logging.getLogger("dormouse.control")

_SAMPLE_S: Final = 3.0
_PRUNE_S: Final = 6 * 3600.0
"""How often all branches are looked at. One that is written to is looked at whenever a base of it was kept."""
_LEAST_WAL_BYTES: Final = 64 << 20
_MOST_WAL_BYTES: Final = 256 << 20
"""Is replayed in about two seconds."""
_HEAD: Final = "SELECT pg_current_wal_flush_lsn()"


def base_is_due(written_bytes: int, data_bytes: int, *, shares: bool) -> bool:
    """Whether enough WAL was written since the last base. Where a base is a copy: half its own size.

    One that shares its files is cheap, but not free: what is written to a shared file gets a new place on the
    disk, page by page, and a file in ten thousand pieces takes a quarter of a second to be shared, in which nobody
    else writes to it. So of much data there are fewer.
    """
    if shares:
        return written_bytes >= min(max(_LEAST_WAL_BYTES, data_bytes // 4), _MOST_WAL_BYTES)
    return written_bytes >= max(2 * _LEAST_WAL_BYTES, data_bytes // 2)


def first_to_keep(
    bases: Sequence[Base],
    entries: Sequence[LedgerEntry],
    *,
    since: datetime,
    sizes: Callable[[Base], int],
    most_bytes: int,
) -> Base | None:
    """The oldest base that is still needed: the newest from before `since`, or a later one if that is too much.

    None if there are no bases. `sizes` says what is kept with one as the oldest. The newest base always stays.
    """
    if not bases:
        return None
    old = [base for base in bases if (at := time_of(entries, base.lsn)) is not None and at <= since]
    wanted = list(bases[bases.index(old[-1]) :] if old else bases)
    while len(wanted) > 1 and sizes(wanted[0]) > most_bytes:
        del wanted[0]
    return wanted[0]


class Historian:
    """One loop for all branches."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        computes: Computes,
        rewinder: Rewinder,
        last_activity: Callable[[EndpointId], float],
        *,
        most_bytes: int,
    ) -> None:
        self._catalog = catalog
        self._machine = machine
        self._computes = computes
        self._rewinder = rewinder
        self._last_activity = last_activity
        self._most_bytes = most_bytes
        self._sampled: dict[EndpointId, float] = {}
        self._to_look_at: set[BranchId] = set()
        """Branches that were awake since they were last looked at for a base."""
        self._written: dict[BranchId, int] = {}
        self._looked: dict[Incarnation, int] = {}
        """Where it was when it was last looked at for a base."""

    async def run(self) -> None:
        """Until cancelled. A base of something large takes long, and the ledger goes on meanwhile."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(_SAMPLE_S, self._sample))
            group.create_task(_every(_SAMPLE_S, self._keep_bases))
            group.create_task(_every(_PRUNE_S, self.prune))

    async def _keep_bases(self) -> None:
        for branch in [self._catalog.branches.get(each) for each in self._to_look_at]:
            if branch is not None:
                await self._keep_base_if_due(branch)

    async def prune(self) -> None:
        """Let go of what is older than the projects want it, or more than the platform may keep."""
        for branch in list(self._catalog.branches.values()):
            if branch.state is BranchState.READY:
                await self._prune(branch)

    async def _sample(self) -> None:
        """Note what was written by now, where clients did something since the last time."""
        entries = []
        for endpoint, compute in list(self._computes.ready()):
            self._to_look_at.add(endpoint.branch_id)
            began = asyncio.get_running_loop().time()
            active = self._last_activity(endpoint.id) >= self._sampled.get(endpoint.id, 0.0)
            if endpoint.type is not EndpointType.READ_WRITE or not active:
                continue
            branch = self._catalog.branches.get(endpoint.branch_id)
            lsn = await self._head_of(compute)
            if branch is None or lsn is None:
                continue
            self._sampled[endpoint.id] = began
            if self._written.get(branch.id) == lsn:
                continue
            self._written[branch.id] = lsn
            entries.append(LedgerEntry(incarnation=branch.incarnation, lsn=lsn, at=self._machine.now()))
        if entries:
            await self._catalog.put(*entries)

    async def _head_of(self, compute: Compute) -> int | None:
        if compute.state is not ComputeState.READY:
            return None
        try:
            async with compute.server.admin() as connection:
                row = await (await connection.execute(_HEAD)).fetchone()
        except psycopg.Error:
            return None  # it is about to stop, which notes it too
        return parse_lsn(row[0]) if row else None

    async def _keep_base_if_due(self, branch: Branch) -> None:
        primary = self._computes.primary(branch.id)
        asleep = primary is None or primary.state in (ComputeState.ASLEEP, ComputeState.FAILED)
        if asleep:
            self._to_look_at.discard(branch.id)
        if branch.state is not BranchState.READY or primary is None or self._is_waited_for(branch):
            return
        head = parse_lsn(branch.end_of_wal) if asleep and branch.end_of_wal else self._written.get(branch.id, 0)
        if not head or self._looked_at(branch, head):
            return
        folder = self._folder(branch)
        if not await asyncio.to_thread(self._is_due, folder, head):
            return
        try:
            if asleep and branch.stopped_cleanly:
                await self._keep_stopped(branch, folder)
            elif primary.state is ComputeState.READY:
                await self._keep_running(branch, primary, folder)
        except CloneStopped:
            self._looked.pop(branch.incarnation, None)
            return
        logger.info("kept a base of a branch's past", extra={"action": "base_kept", "branch": branch.id})
        await self._prune(branch)

    def _is_waited_for(self, branch: Branch) -> bool:
        """Whether somebody makes something of its project, and would share the disk with a base."""
        return any(plan.project_id == branch.project_id for plan in self._catalog.plans.values())

    def _looked_at(self, branch: Branch, head: int) -> bool:
        """Whether it wrote too little since it was last looked at to look again."""
        since = head - self._looked.get(branch.incarnation, -_LEAST_WAL_BYTES)
        if 0 <= since < _LEAST_WAL_BYTES // 4:
            return True
        self._looked[branch.incarnation] = head
        return False

    def _is_due(self, folder: BranchFolder, head: int) -> bool:
        bases = bases_of(folder)
        if not bases:
            return True
        written = head - bases[-1].lsn
        if written < _LEAST_WAL_BYTES:
            return False
        data_bytes = self._machine.driver.usage(folder.data).size_bytes
        return base_is_due(written, data_bytes, shares=self._machine.driver.name != "copy")

    async def _keep_stopped(self, branch: Branch, folder: BranchFolder) -> None:
        """Whoever wants to wake it does not wait: then there is no base this time, which CloneStopped says."""
        postgres = choose(self._machine.installed, self._catalog.projects[branch.project_id].pg_version)
        stop = threading.Event()

        def keep() -> None:
            control = read_control_data(postgres, folder.data)
            if control.is_clean:
                keep_stopped_as_base(self._machine, folder, control, self._machine.now(), stop)

        async with self._computes.undisturbed(branch.id, stop.set):
            if self._catalog.branches[branch.id].stopped_cleanly:
                await asyncio.to_thread(keep)

    async def _keep_running(self, branch: Branch, primary: Compute, folder: BranchFolder) -> None:
        """As `_keep_stopped`, for whoever wants to clone it or put it to sleep: the disk is his."""
        stop = threading.Event()
        socket_dir = self._machine.socket_dir(primary.endpoint)
        # In this order: a primary that has to be woken after all waits until it may be disturbed.
        async with self._computes.held_awake(primary), self._computes.undisturbed(branch.id, stop.set):
            await keep_running_as_base(self._machine, socket_dir=socket_dir, folder=folder, stop=stop)

    async def _prune(self, branch: Branch) -> None:
        folder = self._folder(branch)
        entries = await self._catalog.ledger(branch.incarnation)
        retention = timedelta(seconds=self._catalog.projects[branch.project_id].history_retention_seconds)
        since = self._machine.now() - retention

        def remove() -> int | None:
            bases = bases_of(folder)
            first = first_to_keep(
                bases,
                entries,
                since=since,
                sizes=lambda base: _size_from(self._machine, folder, base),
                most_bytes=self._most_bytes,
            )
            return None if first is None else remove_before(self._machine, folder, first)

        async with self._rewinder.reading(branch.incarnation).alone():
            kept_from = await asyncio.to_thread(remove)
        if kept_from is None:
            return
        await self._catalog.forget_ledger(branch.incarnation, kept_from)
        await self._drop_replicas_left_behind(branch, folder, kept_from)

    async def _drop_replicas_left_behind(self, branch: Branch, folder: BranchFolder, kept_from: int) -> None:
        """A sleeping replica that would need WAL which is gone is cloned anew when it next wakes."""
        postgres = choose(self._machine.installed, self._catalog.projects[branch.project_id].pg_version)
        for endpoint in self._replicas_of(branch):
            if self._computes.of(endpoint).state is not ComputeState.ASLEEP:
                continue
            data = folder.replica_data(endpoint.id)
            if not await asyncio.to_thread(data.is_dir):
                continue
            control = await asyncio.to_thread(read_control_data, postgres, data)
            if control.redo < kept_from and self._computes.of(endpoint).state is ComputeState.ASLEEP:
                await asyncio.to_thread(self._machine.driver.delete, data)

    def _replicas_of(self, branch: Branch) -> list[Endpoint]:
        return [
            endpoint
            for endpoint in self._catalog.endpoints.values()
            if endpoint.branch_id == branch.id and endpoint.type is EndpointType.READ_ONLY
        ]

    def _folder(self, branch: Branch) -> BranchFolder:
        return self._machine.layout.branch(branch.project_id, branch.id, branch.incarnation)


def _size_from(machine: Machine, folder: BranchFolder, first: Base) -> int:
    """What is kept on disk with `first` as the oldest base: the bases from it on, and the WAL."""
    bases = sum(machine.driver.usage(base.path).own_bytes for base in bases_of(folder) if base >= first)
    wal = [path.stat() for path in folder.wal.iterdir()]
    return bases + sum(status.st_blocks * 512 for status in wal if status.st_nlink == 1)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except (DormouseError, OSError, psycopg.Error) as error:
            logger.warning(
                "the past of a branch could not be kept",
                extra={"action": "history_failed", "reason": str(error)},
            )
