"""The steps that make data: of branches, of restored ones, of snapshots; and give it its place in the records."""

import asyncio
import contextlib
import logging
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from dormouse.compute.binaries import choose
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.wal import format_lsn, parse_lsn
from dormouse.control.catalog import Catalog
from dormouse.control.changes import Change, Delete, Put
from dormouse.control.cloning import build_branch, copy_running, copy_sleeping, prepare_work
from dormouse.control.computes import Computes
from dormouse.control.history import link_history
from dormouse.control.machine import Machine
from dormouse.control.model import Branch, BranchState, Endpoint, EndpointState, EndpointType
from dormouse.control.narrowing import thinned
from dormouse.control.past import Copies, KeptBecause, LedgerEntry
from dormouse.control.planning import Origin, Plan, PlanKind
from dormouse.control.points import Point
from dormouse.control.restoring import (
    as_kept,
    copied_to,
    copies_then,
    preserved,
    restored,
    settled_records,
    wanted_verifiers,
)
from dormouse.control.rewinding import Rewinder, Settled, forget_settled, read_settled
from dormouse.control.schema_copying import copy_schema
from dormouse.control.spares import Spares
from dormouse.errors import RuleViolation, StorageError
from dormouse.names import BranchId, Incarnation
from dormouse.storage.durable import rename_durably, storage_error, sync_folder
from dormouse.storage.layout import BranchFolder

__all__ = ["Builder", "branch_of", "opened", "origin_of"]

logger = logging.getLogger("dormouse.control")


class Builder:
    """Makes data, and says in the records whose it is."""

    def __init__(
        self, catalog: Catalog, machine: Machine, computes: Computes, spares: Spares, rewinder: Rewinder
    ) -> None:
        self._catalog = catalog
        self._machine = machine
        self._computes = computes
        self._spares = spares
        self._rewinder = rewinder

    async def clone_branch(self, plan: Plan) -> None:
        """From its parent's head or past, or from a snapshot."""
        branch, origin = self._catalog.branches[branch_of(plan)], origin_of(plan)

        async def fill(work: BranchFolder) -> None:
            if origin.snapshot is not None:
                await self._copy_snapshot(plan, origin.snapshot, work)
                return
            source = self._source(plan)
            if origin.lsn:
                await self._fill_from_past(branch, source, origin, work)
                return
            # What the parent has not changed since it was a spare itself is there already.
            over = await self._spares.take_waiting(self._rewinder.postgres(branch), work)
            lsn = format_lsn(await self._copy_head(source, work, over=over))
            # Before the data gets its place: after a kill it is there, and only now it is known where it begins.
            await self._catalog.commit(
                lambda: [Put(replace(self._catalog.branches[branch.id], parent_lsn=lsn, end_of_wal=lsn))]
            )

        await build_branch(self._machine, self._rewinder.folder(branch), fill)

    async def copy_schema(self, plan: Plan) -> None:
        """A root with the template's data directory, and of its model only what is not rows."""
        branch = self._catalog.branches[branch_of(plan)]
        model = self._source(plan)
        postgres = choose(self._machine.installed, self._catalog.projects[plan.project_id].pg_version)
        primary = self._computes.primary(model.id)
        if primary is None:
            raise RuleViolation("the branch whose schema is to be copied has no read_write endpoint")

        async def fill(work: BranchFolder) -> None:
            await self._spares.fill(postgres, work)
            async with (
                self._computes.held_awake(primary),
                self._rewinder.server_on(branch, work) as server,
            ):
                await copy_schema(
                    postgres,
                    account=self._machine.account,
                    source_socket=self._machine.socket_dir(primary.endpoint),
                    target_socket=Path(server.socket_path).parent,
                )
            await self._rewinder.settle(branch, work, self._verifiers(branch, model))

        await build_branch(self._machine, self._rewinder.folder(branch), fill)

    async def open_branch(self, plan: Plan) -> None:
        """From here on it exists."""
        branch = self._catalog.branches[branch_of(plan)]
        folder = self._rewinder.folder(branch)
        settled = await asyncio.to_thread(read_settled, folder)
        # A project's past begins when it has its role and database: nobody could enter what was before.
        begins_at = branch.parent_lsn or (settled.end_of_wal if settled is not None else "")

        def changes() -> list[Change]:
            now = self._catalog.branches[branch.id]
            new = replace(now, state=BranchState.READY)
            found: list[Change] = []
            if settled is not None:
                new = replace(new, end_of_wal=settled.end_of_wal, config_pending=False)
                found = self._settled_records(new, settled, self._catalog.copies_of(branch.id), Copies())
            if begins_at:
                found.append(
                    Put(LedgerEntry(incarnation=new.incarnation, lsn=parse_lsn(begins_at), at=self._machine.now()))
                )
            primaries = [
                opened(endpoint)
                for endpoint in self._catalog.endpoints.values()
                if endpoint.branch_id == branch.id and endpoint.type is EndpointType.READ_WRITE
            ]
            return [Put(new), *found, *primaries]

        await self._catalog.commit(changes)
        await asyncio.to_thread(forget_settled, folder)

    async def link_history(self, plan: Plan) -> None:
        """Give it the past of what it was made from. It can do without, so that a failure is only logged."""
        branch = self._catalog.branches.get(branch_of(plan))
        if branch is None or plan.origin is None or not branch.parent_lsn:
            return
        origin, work = plan.origin, self._rewinder.folder(branch)
        upto = parse_lsn(branch.parent_lsn)
        try:
            if not origin.lsn and origin.snapshot is None:
                await self._rewinder.link_history(origin.incarnation, work, upto)
        except (OSError, StorageError, RuleViolation) as error:
            logger.warning(
                "a branch did not get its parent's past",
                extra={"action": "link_history_failed", "branch": branch.id, "reason": str(error)},
            )
            return
        await self._inherit_ledger(origin.incarnation, branch.incarnation, upto)

    async def build_incarnation(self, plan: Plan) -> None:
        """The data that a restored branch is to have, beside that which it has and still uses."""
        branch, origin = self._catalog.branches[branch_of(plan)], origin_of(plan)
        target = self._machine.layout.branch(plan.project_id, branch.id, _into(plan))

        async def fill(work: BranchFolder) -> None:
            source = self._source(plan)
            if origin.lsn:
                await self._fill_from_past(branch, source, origin, work)
                return
            lsn = await self._copy_head(source, work)
            await self._rewinder.link_history(source.incarnation, work, lsn)
            await self._settle(branch, source, work)

        await build_branch(self._machine, target, fill)

    async def swap_incarnation(self, plan: Plan) -> None:
        """Cut the clients, and give the branch its new data, and the old data to whom it belongs from now on."""
        branch_id, origin, into = branch_of(plan), origin_of(plan), _into(plan)
        if self._catalog.branches[branch_id].incarnation == into:
            return
        target = self._machine.layout.branch(plan.project_id, branch_id, into)
        settled = await asyncio.to_thread(read_settled, target)
        if settled is None:
            raise StorageError("the data that the branch was to be restored to is not there")
        old = self._catalog.branches[branch_id].incarnation
        async with (
            self._computes.closed(branch_id),
            # Nobody who copies the old data is to have it moved away under him.
            self._computes.still(branch_id),
            self._rewinder.reading(old).alone(),
        ):
            if origin.preserve_as is not None:
                await asyncio.to_thread(self._hand_over, self._catalog.branches[branch_id], origin.preserve_as)
            await self._inherit_ledger(origin.incarnation, into, parse_lsn(origin.lsn or settled.end_of_wal))
            await self._catalog.commit(lambda: self._swapped(plan, settled))
        await asyncio.to_thread(forget_settled, target)

    async def remove_incarnation(self, plan: Plan) -> None:
        """Data that did not become a branch's, or is no longer."""
        incarnation = _into(plan) if plan.kind is PlanKind.ABANDON_RESTORE else origin_of(plan).incarnation
        if any(branch.incarnation == incarnation for branch in self._catalog.branches.values()):
            return  # it was brought back meanwhile
        folder = self._machine.layout.branch(plan.project_id, branch_of(plan), incarnation).root
        async with self._rewinder.reading(incarnation).alone():
            await asyncio.to_thread(_remove_with_empty_parent, folder)
        await self._catalog.forget_ledger(incarnation)

    async def reopen(self, plan: Plan) -> None:
        """The branch is what it was, and has what it had."""
        origin = origin_of(plan)
        branch = self._catalog.branches.get(branch_of(plan))
        if branch is not None and origin.preserve_as is not None:
            await asyncio.to_thread(self._hand_back, branch, origin.preserve_as)

        def changes() -> list[Change]:
            found: list[Change] = []
            branch = self._catalog.branches.get(branch_of(plan))
            if branch is not None:
                found.append(Put(replace(branch, state=BranchState.READY)))
            promised = self._catalog.branches.get(origin.preserve_as or BranchId(""))
            if promised is not None and promised.state is BranchState.INIT:
                found.append(Delete(promised))
            return found

        await self._catalog.commit(changes)

    async def clone_snapshot(self, plan: Plan) -> None:
        """The state of a branch, as data that nobody starts."""
        origin = origin_of(plan)
        source = self._source(plan)
        target = self._machine.layout.snapshot(plan.project_id, origin.snapshot or "")

        async def fill(work: BranchFolder) -> None:
            if origin.lsn:
                point = parse_lsn(origin.lsn)
                async with self._rewinder.explaining(source.incarnation, point):
                    cut = await self._rewinder.fill_from_past(source.incarnation, point, work)
                    await self._rewinder.settle(source, work, {}, reach=cut)
                return
            lsn = await self._copy_head(source, work)
            await self._rewinder.link_history(source.incarnation, work, lsn)
            snapshot = self._catalog.snapshots[origin.snapshot or ""]
            await self._catalog.put(replace(snapshot, lsn=format_lsn(lsn)))

        await build_branch(self._machine, target, fill)

    async def open_snapshot(self, plan: Plan) -> None:
        """From here on it can be restored."""
        origin = origin_of(plan)
        folder = self._machine.layout.snapshot(plan.project_id, origin.snapshot or "")
        settled = await asyncio.to_thread(read_settled, folder)

        def changes() -> list[Change]:
            snapshot = self._catalog.snapshots[origin.snapshot or ""]
            if settled is not None:
                snapshot = replace(
                    snapshot,
                    lsn=settled.end_of_wal,
                    copies=copies_then(snapshot.copies, settled.server, origin.branch_id),
                )
            return [Put(replace(snapshot, is_ready=True))]

        await self._catalog.commit(changes)
        await asyncio.to_thread(forget_settled, folder)

    @asynccontextmanager
    async def opened_past(self, branch: Branch, point: Point) -> AsyncIterator[Path]:
        """The socket's folder of a server that has the branch as it was at a point, for the length of a block."""
        lsn = await self._rewinder.resolve(branch, point)
        work = BranchFolder(self._machine.layout.building / f"past-{secrets.token_hex(8)}")
        reach: int | None = None
        try:
            await asyncio.to_thread(prepare_work, self._machine, work)
            async with self._rewinder.explaining(branch.incarnation, lsn or 0):
                if lsn is None:
                    await self._copy_head(branch, work)
                else:
                    reach = await self._rewinder.fill_from_past(branch.incarnation, lsn, work)
                async with self._rewinder.server_on(branch, work, reach=reach) as server:
                    yield Path(server.socket_path).parent
        except OSError as error:
            raise storage_error(error, "build a past state", self._machine.layout.home) from error
        finally:
            await asyncio.to_thread(shutil.rmtree, work.root, ignore_errors=True)

    async def _fill_from_past(self, branch: Branch, source: Branch, origin: Origin, work: BranchFolder) -> int:
        lsn = parse_lsn(origin.lsn)
        async with self._rewinder.explaining(origin.incarnation, lsn):
            cut = await self._rewinder.fill_from_past(origin.incarnation, lsn, work)
            await self._settle(branch, source, work, reach=cut)
        return cut

    async def _settle(
        self, branch: Branch, source: Branch, work: BranchFolder, *, reach: int | None = None
    ) -> None:
        verifiers, strangers = self._verifiers(branch, source), not _is_closed_to(branch, source)
        await self._rewinder.settle(branch, work, verifiers, reach=reach, strangers=strangers)

    async def _copy_head(self, source: Branch, work: BranchFolder, *, over: Path | None = None) -> int:
        """From the running server, or from the sleeping one's directory as it lies. As `copy_running`."""
        folder = self._rewinder.folder(source)
        primary = self._computes.primary(source.id)
        async with self._computes.still(source.id):
            asleep = primary is None or primary.state in (ComputeState.ASLEEP, ComputeState.FAILED)
            record = self._catalog.branches[source.id]
            if asleep and record.stopped_cleanly:
                await asyncio.to_thread(copy_sleeping, self._machine, folder, work, over=over)
                return parse_lsn(record.end_of_wal) if record.end_of_wal else 0
        if primary is None:
            raise RuleViolation("the parent branch has to recover, and has no read_write endpoint for that")
        async with self._computes.held_awake(primary):
            socket_dir = self._machine.socket_dir(primary.endpoint)
            return await copy_running(self._machine, socket_dir=socket_dir, source=folder, work=work, over=over)

    async def _copy_snapshot(self, plan: Plan, snapshot_id: str, work: BranchFolder) -> None:
        snapshot = self._catalog.snapshots.get(snapshot_id)
        if snapshot is None:
            raise RuleViolation("the snapshot does not exist any more")
        folder = self._machine.layout.snapshot(plan.project_id, snapshot_id)

        await asyncio.to_thread(copy_sleeping, self._machine, folder, work)
        await asyncio.to_thread(link_history, folder, work, parse_lsn(snapshot.lsn), self._machine.owner)

    def _swapped(self, plan: Plan, settled: Settled) -> list[Change]:
        """All that changes when a branch gets its new data, as one transaction."""
        now = self._machine.now()
        branch, origin, into = self._catalog.branches[branch_of(plan)], origin_of(plan), _into(plan)
        copies = self._catalog.copies_of(branch.id)
        changes: list[Change] = []
        if origin.preserve_as is not None:
            ids = self._catalog.new_database_ids(len(copies.databases))
            changes += [Put(preserved(branch, origin, now)), *copied_to(origin.preserve_as, copies, ids)]
        project = self._catalog.projects[branch.project_id]
        kept = as_kept(
            plan.id, project, branch, copies, KeptBecause(origin.because), now, preserved_as=origin.preserve_as
        )
        source = self._catalog.branches.get(origin.branch_id)
        children = [child for child in self._catalog.branches.values() if child.parent_id == branch.id]
        new = restored(
            branch,
            origin,
            into,
            [child for child in children if child.id != origin.preserve_as],
            end_of_wal=settled.end_of_wal,
            parent_timestamp=origin.time or now,
            now=now,
        )
        is_open = source is not None and not _is_closed_to(branch, source)
        source_copies = self._catalog.copies_of(origin.branch_id) if is_open else Copies()
        entry = LedgerEntry(incarnation=into, lsn=parse_lsn(settled.end_of_wal), at=now)
        return [
            *changes,
            Put(kept),
            *new,
            *self._settled_records(replace(branch, incarnation=into), settled, copies, source_copies),
            Put(entry),
        ]

    def _settled_records(self, branch: Branch, settled: Settled, own: Copies, source: Copies) -> list[Change]:
        unknown = settled.server.owners.keys() - {database.name for database in own.databases}
        return settled_records(
            branch,
            settled.server,
            own,
            source,
            next_database_id=self._catalog.new_database_ids(len(unknown)).start,
            now=self._machine.now(),
        )

    def _verifiers(self, branch: Branch, source: Branch) -> dict[str, str]:
        theirs = Copies() if _is_closed_to(branch, source) else self._catalog.copies_of(source.id)
        return wanted_verifiers(self._catalog.copies_of(branch.id), theirs)

    def _source(self, plan: Plan) -> Branch:
        """The branch that data is made from: the one that has the life which the plan means."""
        return self._rewinder.holder(origin_of(plan).incarnation)

    def _hand_over(self, branch: Branch, heir: BranchId) -> None:
        """Move the old data to the branch that preserves it; done already is done."""
        layout = self._machine.layout
        old = layout.branch(branch.project_id, branch.id, branch.incarnation).root
        new = layout.branch(branch.project_id, heir, branch.incarnation)
        try:
            if old.is_dir():
                new.root.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
                rename_durably(old, new.root)
                sync_folder(old.parent)
                sync_folder(new.root.parent.parent)
            # Its computes stay with the branch.
            for replica in new.replicas.glob("*"):
                self._machine.driver.delete(replica)
        except OSError as error:
            raise storage_error(error, "hand over the old data", new.root) from error

    def _hand_back(self, branch: Branch, heir: BranchId) -> None:
        """Take back what was handed over to a branch that is not to be."""
        layout = self._machine.layout
        moved = layout.branch(branch.project_id, heir, branch.incarnation).root
        place = layout.branch(branch.project_id, branch.id, branch.incarnation).root
        try:
            if moved.is_dir() and not place.exists():
                rename_durably(moved, place)
                sync_folder(moved.parent)
        except OSError as error:
            raise storage_error(error, "take back the old data", place) from error

    async def _inherit_ledger(self, source: Incarnation, heir: Incarnation, upto: int) -> None:
        entries = [entry for entry in await self._catalog.ledger(source) if entry.lsn <= upto]
        await self._catalog.put(*[replace(entry, incarnation=heir) for entry in thinned(entries)])


def opened(endpoint: Endpoint) -> Put:
    """The record of an endpoint that is there."""
    return Put(replace(endpoint, current_state=EndpointState.IDLE))


def branch_of(plan: Plan) -> BranchId:
    """The branch that a plan is about."""
    if plan.branch_id is None:
        raise AssertionError(f"a plan to {plan.kind} names its branch")
    return plan.branch_id


def origin_of(plan: Plan) -> Origin:
    """Where the data of a plan comes from."""
    if plan.origin is None:
        raise AssertionError(f"a plan to {plan.kind} says where its data comes from")
    return plan.origin


def _is_closed_to(branch: Branch, source: Branch) -> bool:
    """Whether the source is protected: nobody enters another branch with its passwords."""
    return source.protected and source.id != branch.id


def _into(plan: Plan) -> Incarnation:
    into = origin_of(plan).into
    if into is None:
        raise AssertionError(f"a plan to {plan.kind} says which life it begins")
    return into


def _remove_with_empty_parent(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()
