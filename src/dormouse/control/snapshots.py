"""Snapshots: states of root branches under a name, which no retention time ends."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dormouse.compute.wal import format_lsn
from dormouse.control.branches import Branches
from dormouse.control.model import Branch, BranchState, Endpoint, OperationAction, Unchanged, whole_second
from dormouse.control.past import (
    Schedule,
    ScheduleItem,
    Snapshot,
    SnapshotChange,
    SnapshotId,
    SnapshotRestoreSpec,
    SnapshotSpec,
)
from dormouse.control.plane import Ops
from dormouse.control.planning import Origin, Plan, PlanKind
from dormouse.control.points import AtTime
from dormouse.control.roles import agree_with_server
from dormouse.control.rules import may_be_called
from dormouse.control.scheduling import due_at, from_now_on
from dormouse.control.workshop import Workshop
from dormouse.errors import Conflict, Invalid, NotFound, RuleViolation
from dormouse.names import BranchId, ProjectId, new_branch_id, new_incarnation, new_snapshot_id

__all__ = ["Snapshots"]


_PATIENCE_S: Final = 10.0
"""How long the maker of a snapshot is let wait for it; afterwards it goes on without him."""


class Snapshots:
    """See `plane.Snapshots`."""

    def __init__(self, workshop: Workshop, branches: Branches) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog
        self._branches = branches

    async def create(
        self, project: ProjectId, branch: BranchId, spec: SnapshotSpec, *, manual: bool = True
    ) -> tuple[Snapshot, Ops]:
        """Return when it is there, or soon."""
        shop = self._shop
        async with shop.changing(project, branch):
            source = shop.ready_branch(project, branch)
            if source.parent_id is not None:
                raise RuleViolation("snapshots can be made of root branches only")
            now = shop.machine.now()
            if spec.expires_at is not None and spec.expires_at <= now:
                raise Invalid("expires_at must be in the future")
            head = await agree_with_server(shop, source)
            lsn = await shop.rewinder.resolve(source, spec.point)
            name = spec.name or self._free_name(project, f"{source.name} at {now:%Y-%m-%d %H:%M:%S}")
            self._may_be_called(project, name)
            snapshot = Snapshot(
                id=new_snapshot_id(shop.machine.chance),
                project_id=project,
                name=name,
                source_branch_id=branch,
                lsn=head or source.end_of_wal if lsn is None else format_lsn(lsn),
                timestamp=spec.point.time if isinstance(spec.point, AtTime) else whole_second(now),
                created_at=whole_second(now),
                copies=self._catalog.copies_of(branch),
                expires_at=spec.expires_at,
                manual=manual,
            )
            operation = shop.maker().operation(OperationAction.CREATE_BRANCH, source, None)
            plan = Plan(
                id=operation.id,
                kind=PlanKind.CREATE_SNAPSHOT,
                project_id=project,
                branch_id=branch,
                origin=Origin(
                    branch_id=branch,
                    incarnation=self._catalog.branches[branch].incarnation,
                    lsn="" if lsn is None else format_lsn(lsn),
                    snapshot=snapshot.id,
                ),
            )
            await self._catalog.put(snapshot, operation, plan)
        await shop.carried_out(plan, _PATIENCE_S)
        ended = await self._catalog.operation(operation.id)
        return self._catalog.snapshots[snapshot.id], (ended or operation,)

    async def all(self, project: ProjectId) -> list[Snapshot]:
        """Oldest first."""
        self._shop.project(project)
        return [found for found in self._catalog.snapshots.values() if found.project_id == project]

    async def update(self, project: ProjectId, snapshot: SnapshotId, change: SnapshotChange) -> Snapshot:
        """Rename it, let it expire."""
        found = self._snapshot(project, snapshot)
        changed = found
        if change.name is not None and change.name != found.name:
            self._may_be_called(project, change.name)
            changed = replace(changed, name=change.name)
        if not isinstance(change.expires_at, Unchanged):
            changed = replace(changed, expires_at=change.expires_at)
        await self._catalog.put(changed)
        return changed

    async def delete(self, project: ProjectId, snapshot: SnapshotId) -> Ops:
        """Branches that were made from it stay."""
        shop = self._shop
        async with shop.changing(project):
            found = self._snapshot(project, snapshot)
            if any(_is_cloned_from(plan, snapshot) for plan in self._catalog.plans.values()):
                raise Conflict("a branch is being made from this snapshot")
            operation = shop.maker().project_operation(OperationAction.DELETE_TIMELINE, project)
            plan = Plan(
                id=operation.id,
                kind=PlanKind.REMOVE_SNAPSHOT,
                project_id=project,
                origin=Origin(
                    branch_id=found.source_branch_id,
                    incarnation=new_incarnation(shop.machine.chance),
                    snapshot=snapshot,
                ),
            )
            await self._catalog.put(operation, plan)
            await shop.carrier.carry_out(plan)
        return ((await self._catalog.operation(operation.id)) or operation,)

    async def restore(
        self, project: ProjectId, snapshot: SnapshotId, spec: SnapshotRestoreSpec
    ) -> tuple[Branch, list[Endpoint], Ops]:
        """A new branch; if it is to be finalized, in the place of its target."""
        shop = self._shop
        async with shop.changing(project):
            found = self._snapshot(project, snapshot)
            if not found.is_ready:
                raise RuleViolation("snapshot not ready yet")
            target = spec.target or found.source_branch_id
            if spec.target is not None or spec.finalize:
                shop.ready_branch(project, target)
            branch = self._new_branch(found, spec, target)
            made = await self._branches.create_from_snapshot(found, branch)
        operations = made.operations
        if spec.finalize:
            await self._catalog.until(lambda: not self._is_being_made(branch.id))
            shop.ready_branch(project, branch.id)
            operations += await self._branches.finalize_restore(project, branch.id, None)
        endpoints = [shop.shown(endpoint) for endpoint in shop.endpoints_of(branch.id)]
        return self._catalog.branches[branch.id], endpoints, operations

    async def schedule(self, project: ProjectId, branch: BranchId) -> tuple[ScheduleItem, ...]:
        """When snapshots are made by themselves."""
        self._shop.branch(project, branch)
        found = self._catalog.schedules.get(branch)
        return () if found is None else found.items

    async def set_schedule(self, project: ProjectId, branch: BranchId, items: tuple[ScheduleItem, ...]) -> None:
        """Make them so from now on."""
        found = self._shop.branch(project, branch)
        if items and found.parent_id is not None:
            raise RuleViolation("snapshots can be made of root branches only")
        await self._catalog.put(from_now_on(Schedule(branch_id=branch, items=items), self._shop.machine.now()))

    async def create_scheduled(self, schedule: Schedule) -> None:
        """One that is due, to stay as long as it says. For the sweeper."""
        if schedule.next_at is None:
            return
        items = [item for item in schedule.items if due_at(item, schedule.next_at)]
        longest = max((item.retention_seconds or 0 for item in items), default=0)
        now = self._shop.machine.now()
        # Written down first: one that fails is not tried again and again.
        await self._catalog.put(from_now_on(schedule, now))
        branch = self._catalog.branches[schedule.branch_id]
        expires_at = now + timedelta(seconds=longest) if longest else None
        await self.create(branch.project_id, branch.id, SnapshotSpec(expires_at=expires_at), manual=False)

    def _new_branch(self, snapshot: Snapshot, spec: SnapshotRestoreSpec, target: BranchId) -> Branch:
        now: datetime = whole_second(self._shop.machine.now())
        chance = self._shop.machine.chance
        branch_id = new_branch_id(chance)
        return Branch(
            id=branch_id,
            project_id=snapshot.project_id,
            name=spec.name or self._free_branch_name(snapshot),
            incarnation=new_incarnation(chance),
            state=BranchState.INIT,
            default=False,
            protected=False,
            created_at=now,
            updated_at=now,
            parent_lsn=snapshot.lsn,
            parent_timestamp=snapshot.timestamp,
            end_of_wal=snapshot.lsn,
            restored_from=snapshot.id,
            restored_as=target,
            restore_status="restored",
        )

    def _snapshot(self, project: ProjectId, snapshot: SnapshotId) -> Snapshot:
        self._shop.project(project)
        found = self._catalog.snapshots.get(snapshot)
        if found is None or found.project_id != project:
            raise NotFound("snapshot not found")
        return found

    def _may_be_called(self, project: ProjectId, name: str) -> None:
        taken = (found.name for found in self._catalog.snapshots.values() if found.project_id == project)
        may_be_called("snapshot", name, taken)

    def _free_name(self, project: ProjectId, wanted: str) -> str:
        taken = {found.name for found in self._catalog.snapshots.values() if found.project_id == project}
        return _free(wanted, taken)

    def _free_branch_name(self, snapshot: Snapshot) -> str:
        taken = {branch.name for branch in self._shop.branches(snapshot.project_id)}
        return _free(f"{snapshot.name} (restored)", taken)

    def _is_being_made(self, branch: BranchId) -> bool:
        return any(plan.branch_id == branch for plan in self._catalog.plans.values())


def _free(wanted: str, taken: set[str]) -> str:
    names = [wanted, *(f"{wanted} {number}" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def _is_cloned_from(plan: Plan, snapshot: SnapshotId) -> bool:
    return plan.kind is PlanKind.CREATE_BRANCH and plan.origin is not None and plan.origin.snapshot == snapshot
