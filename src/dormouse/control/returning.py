"""Going back: restore, reset, undo, delete and recover, and what of the past there is."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace

from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.wal import format_lsn, parse_lsn
from dormouse.control.changes import Change, Delete, Put, Record
from dormouse.control.model import (
    Branch,
    BranchState,
    Endpoint,
    Operation,
    OperationAction,
    OperationStatus,
    whole_second,
)
from dormouse.control.past import History, Kept, KeptBecause, RestoreSpec
from dormouse.control.plane import Ops
from dormouse.control.planning import Origin, Plan, PlanKind
from dormouse.control.points import AtLsn, AtTime, Head
from dormouse.control.restoring import as_kept, brought_back, finalized, may_restore, taken_back
from dormouse.control.roles import agree_with_server
from dormouse.control.rules import may_be_called, may_delete_branch, may_have_another_branch
from dormouse.control.workshop import Workshop
from dormouse.errors import DormouseError, NotFound, RuleViolation
from dormouse.names import BranchId, OperationId, ProjectId, new_branch_id, new_incarnation, new_operation_id

__all__ = ["Returning"]


class Returning:
    """The part of `plane.Branches` that is about the past."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog

    async def restore(self, project: ProjectId, branch: BranchId, spec: RestoreSpec) -> tuple[Branch, Ops]:
        """Return as soon as it is clear what is to come; the data and the swap follow."""
        shop = self._shop
        async with shop.changing(project, branch):
            target, source = shop.ready_branch(project, branch), shop.ready_branch(project, spec.source)
            branches = shop.branches(project)
            may_restore(
                target,
                source,
                [other for other in branches if other.parent_id == branch],
                at_head=isinstance(spec.point, Head),
                preserve=spec.preserve_under_name,
            )
            await agree_with_server(shop, target)
            await agree_with_server(shop, source)
            lsn = await shop.rewinder.resolve(source, spec.point)
            if lsn is None and source.id == target.id:
                raise RuleViolation("this moment is the present: there is nothing to restore")
            is_reset = lsn is None and source.id == target.parent_id
            origin = Origin(
                branch_id=source.id,
                incarnation=self._catalog.branches[source.id].incarnation,
                lsn="" if lsn is None else format_lsn(lsn),
                into=new_incarnation(shop.machine.chance),
                time=spec.point.time if isinstance(spec.point, AtTime) else None,
                because=KeptBecause.RESET if is_reset else KeptBecause.RESTORE,
            )
            return await self._begin_restore(target, origin, spec.preserve_under_name, branches)

    async def kept(self, project: ProjectId) -> list[Kept]:
        """Newest first."""
        self._shop.project(project)
        found = [kept for kept in self._catalog.kept.values() if kept.project_id == project]
        return sorted(found, key=lambda kept: kept.kept_at, reverse=True)

    async def recover(self, project: ProjectId, branch: BranchId) -> tuple[Branch, list[Endpoint], Ops]:
        """Bring a deleted one back with its endpoints, asleep."""
        async with self._shop.changing(project, branch):
            kept = next((found for found in await self.kept(project) if _is_deleted(found, branch)), None)
            if kept is None:
                raise NotFound("branch not found")
            branches = self._shop.branches(project)
            may_have_another_branch(self._shop.quotas, branches)
            operation = await self._done_at_once(
                kept.branch,
                OperationAction.CREATE_BRANCH,
                lambda: brought_back(kept, self._shop.branches(project), self._shop.machine.now()),
            )
        endpoints = [self._shop.shown(endpoint) for endpoint in self._shop.endpoints_of(branch)]
        return self._catalog.branches[branch], endpoints, (operation,)

    async def undo(self, project: ProjectId, branch: BranchId) -> tuple[Branch, Ops]:
        """Bring back what the last restore, reset, undo or deletion took the place of."""
        shop = self._shop
        kept = next((found for found in await self.kept(project) if found.branch.id == branch), None)
        if kept is None:
            shop.project(project)
            raise NotFound("nothing is kept of this branch that could be brought back")
        if kept.because is KeptBecause.DELETE:
            back, _, operations = await self.recover(project, branch)
            return back, operations
        if kept.preserved_as is not None:
            return await self._undo_preserved(project, branch, kept)
        async with shop.changing(project, branch):
            present = shop.ready_branch(project, branch)
            await agree_with_server(shop, present)
            async with shop.computes.closed(branch):
                operation = await self._done_at_once(
                    present, OperationAction.CREATE_BRANCH, lambda: self._undone(kept, branch)
                )
        return self._catalog.branches[branch], (operation,)

    async def finalize_restore(self, project: ProjectId, branch: BranchId, old_name: str | None) -> Ops:
        """Put a branch that was made from a snapshot in the place of the one it is to replace."""
        shop = self._shop
        async with shop.changing(project, branch, whole=True):
            found = shop.ready_branch(project, branch)
            if found.restored_as is None or found.restore_status != "restored":
                raise RuleViolation("the branch was not restored from a snapshot, or is finalized already")
            replaced = shop.ready_branch(project, found.restored_as)
            name = old_name or self._free_name(project, f"{replaced.name} (old)")
            may_be_called("branch", name, [other.name for other in shop.branches(project)])
            for each in (found, replaced):
                await agree_with_server(shop, each)
            async with shop.computes.closed(branch), shop.computes.closed(replaced.id):
                operation = await self._done_at_once(
                    found, OperationAction.APPLY_CONFIG, lambda: self._finalized(branch, replaced.id, name)
                )
        return (operation,)

    async def history(self, project: ProjectId, branch: BranchId) -> History:
        """From when on it can be restored, and what it takes on disk."""
        found = self._shop.branch(project, branch)
        history = await self._shop.rewinder.history(found)
        folder = self._shop.rewinder.folder(found).root
        usage = await asyncio.to_thread(self._shop.machine.driver.usage, folder)
        return replace(history, own_bytes=usage.own_bytes)

    async def delete(self, project: ProjectId, branch: BranchId, *, hard: bool = False) -> tuple[Branch, Ops]:
        """With its computes; kept for as long as the project keeps history, unless `hard`."""
        shop = self._shop
        async with shop.changing(project, branch):
            found = shop.branch(project, branch)
            may_delete_branch(found, shop.branches(project))
            suspends = [
                shop.maker().operation(OperationAction.SUSPEND_COMPUTE, found, endpoint.id)
                for endpoint in shop.endpoints_of(branch)
            ]
            remove = shop.maker().operation(OperationAction.DELETE_TIMELINE, found, None)
            if hard or not self._catalog.projects[project].history_retention_seconds:
                plan = Plan(id=remove.id, kind=PlanKind.REMOVE_BRANCH, project_id=project, branch_id=branch)
                await self._catalog.put(*suspends, remove, plan)
                await shop.carrier.carry_out(plan)
            else:
                await self._catalog.put(*suspends, remove)
                endpoints = shop.endpoints_of(branch)
                async with shop.computes.closed(branch):
                    await self._catalog.commit(lambda: self._deleted(remove.id, branch))
                for endpoint in endpoints:
                    await shop.computes.dismiss(endpoint.id)
                await shop.carrier.end(remove.id, OperationStatus.FINISHED, remove.created_at, None)
            for suspend in suspends:
                await shop.carrier.end(suspend.id, OperationStatus.FINISHED, suspend.created_at, None)
        return found, await self._ended([*suspends, remove])

    async def forget_kept(self, kept: Kept) -> None:
        """Remove a kept state for good. For the sweeper."""
        if kept.preserved_as is not None:
            await self._catalog.delete(kept)
            return
        plan = Plan(
            id=new_operation_id(self._shop.machine.chance),
            kind=PlanKind.REMOVE_KEPT,
            project_id=kept.project_id,
            branch_id=kept.branch.id,
            origin=Origin(branch_id=kept.branch.id, incarnation=kept.branch.incarnation),
        )
        async with self._shop.changing(kept.project_id, kept.branch.id):
            if kept.id not in self._catalog.kept:
                return  # it was brought back
            await self._catalog.put(plan)
            await self._shop.carrier.carry_out(plan)

    async def _begin_restore(
        self, target: Branch, origin: Origin, preserve: str | None, branches: Collection[Branch]
    ) -> tuple[Branch, Ops]:
        shop = self._shop
        records: list[Record] = []
        shown = replace(self._catalog.branches[target.id], state=BranchState.RESETTING)
        if origin.because == KeptBecause.RESET:
            shown = replace(shown, last_reset_at=whole_second(shop.machine.now()))
        if preserve:
            may_have_another_branch(shop.quotas, branches)
            may_be_called("branch", preserve, (other.name for other in branches))
            origin = replace(origin, preserve_as=new_branch_id(shop.machine.chance), preserve_under_name=preserve)
            records.append(self._promised(target, origin))
            if origin.branch_id == target.id:
                # Its clients look for what it was there at once.
                shown = replace(shown, parent_id=origin.preserve_as)
        create = shop.maker().operation(OperationAction.CREATE_BRANCH, target, None)
        awake = [
            endpoint
            for endpoint in shop.endpoints_of(target.id)
            if shop.computes.of(endpoint).state in (ComputeState.READY, ComputeState.STARTING)
        ]
        starts = [shop.maker().operation(OperationAction.START_COMPUTE, target, each.id) for each in awake]
        plan = Plan(
            id=create.id,
            kind=PlanKind.RESTORE_BRANCH,
            project_id=target.project_id,
            branch_id=target.id,
            origin=origin,
        )
        await self._catalog.commit(
            lambda: [
                Put(replace(self._catalog.branches[target.id], state=BranchState.RESETTING)),
                *map(Put, [*records, create, *starts, plan]),
            ]
        )
        # Nobody who connects after our answer is to see what it was. It stays closed until its data is another.
        async with shop.computes.closed(target.id):
            pass
        shop.spawn_task(self._carry_out_restore(plan, starts))
        return shown, (create, *starts)

    async def _carry_out_restore(self, plan: Plan, starts: list[Operation]) -> None:
        shop = self._shop
        try:
            await shop.carrier.carry_out(plan)
        except DormouseError as error:
            for start in starts:
                await shop.carrier.end(start.id, OperationStatus.CANCELLED, start.created_at, error.message)
            return
        for start in starts:
            await shop.starting(start)

    async def _undo_preserved(self, project: ProjectId, branch: BranchId, kept: Kept) -> tuple[Branch, Ops]:
        """What the branch had is another one's now: it is restored from that one, as it was then."""
        shop = self._shop
        async with shop.changing(project, branch):
            target = shop.ready_branch(project, branch)
            source = self._catalog.branches.get(kept.preserved_as or BranchId(""))
            if source is None:
                raise NotFound(
                    f"what this branch had was kept as branch {kept.preserved_as}, which was deleted since"
                )
            if source.incarnation != kept.branch.incarnation:
                raise RuleViolation(
                    f"what this branch had was kept as branch {source.name}, which was restored itself since; "
                    "undo that first"
                )
            await agree_with_server(shop, target)
            # It may have been written to since; what it was is where it had ended then.
            end = kept.branch.end_of_wal if kept.branch.stopped_cleanly else ""
            lsn = await shop.rewinder.resolve(source, AtLsn(parse_lsn(end))) if end else None
            await self._catalog.delete(kept)
            origin = Origin(
                branch_id=source.id,
                incarnation=source.incarnation,
                lsn="" if lsn is None else format_lsn(lsn),
                into=new_incarnation(shop.machine.chance),
                because=KeptBecause.UNDO,
            )
            return await self._begin_restore(target, origin, None, shop.branches(project))

    async def _done_at_once(
        self, branch: Branch, action: OperationAction, changes: Callable[[], list[Change]]
    ) -> Operation:
        """One transaction with the operation that it is."""
        operation = self._shop.maker().operation(action, branch, None)
        ended = replace(operation, status=OperationStatus.FINISHED)
        await self._catalog.commit(lambda: [*changes(), Put(ended)])
        return ended

    def _undone(self, kept: Kept, branch: BranchId) -> list[Change]:
        now, present = self._shop.machine.now(), self._catalog.branches[branch]
        copies = self._catalog.copies_of(branch)
        project = self._catalog.projects[present.project_id]
        instead = as_kept(
            new_operation_id(self._shop.machine.chance), project, present, copies, KeptBecause.UNDO, now
        )
        others = self._shop.branches(present.project_id)
        return [*taken_back(kept, present, copies, others, now), Put(instead)]

    def _finalized(self, branch: BranchId, replaced: BranchId, name: str) -> list[Change]:
        return finalized(
            self._catalog.branches[branch],
            self._catalog.branches[replaced],
            name,
            self._catalog.copies_of(branch),
            self._catalog.copies_of(replaced),
            [*self._shop.endpoints_of(branch), *self._shop.endpoints_of(replaced)],
            self._shop.machine.now(),
            schedule=self._catalog.schedules.get(replaced),
        )

    def _deleted(self, operation: OperationId, branch: BranchId) -> list[Change]:
        found = self._catalog.branches[branch]
        kept = as_kept(
            operation,
            self._catalog.projects[found.project_id],
            found,
            self._catalog.copies_of(branch),
            KeptBecause.DELETE,
            self._shop.machine.now(),
            endpoints=self._shop.endpoints_of(branch),
            schedule=self._catalog.schedules.get(branch),
        )
        return [Delete(found), Put(kept)]

    def _promised(self, target: Branch, origin: Origin) -> Branch:
        """The branch that will preserve what the target has: there at once, its data later."""
        now = whole_second(self._shop.machine.now())
        return replace(
            target,
            id=origin.preserve_as or target.id,
            name=origin.preserve_under_name,
            state=BranchState.INIT,
            default=False,
            protected=False,
            expires_at=None,
            ttl_interval_seconds=None,
            annotation={},
            created_at=now,
            updated_at=now,
        )

    def _free_name(self, project: ProjectId, wanted: str) -> str:
        taken = {branch.name for branch in self._shop.branches(project)}
        names = [wanted, *(f"{wanted} {number}" for number in range(2, len(taken) + 2))]
        return next(name for name in names if name not in taken)

    async def _ended(self, operations: list[Operation]) -> Ops:
        return tuple([(await self._catalog.operation(operation.id)) or operation for operation in operations])


def _is_deleted(kept: Kept, branch: BranchId) -> bool:
    return kept.branch.id == branch and kept.because is KeptBecause.DELETE
