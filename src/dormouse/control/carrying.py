"""Carrying plans and operations out, and saying how they went."""

import asyncio
import logging
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dormouse.compute.binaries import choose
from dormouse.control.building import Builder, branch_of, opened, origin_of
from dormouse.control.catalog import Catalog
from dormouse.control.changes import Change, Delete, Put
from dormouse.control.cloning import clone_standby
from dormouse.control.computes import Computes, SpawnTask
from dormouse.control.machine import Machine
from dormouse.control.model import Branch, Endpoint, EndpointType, Operation, OperationStatus
from dormouse.control.planning import Plan, Step, advance, resume, undo
from dormouse.control.spares import Spares
from dormouse.control.telling import Teller
from dormouse.errors import DormouseError, RuleViolation
from dormouse.names import BranchId, EndpointId, OperationId
from dormouse.storage.layout import BranchFolder

__all__ = ["Carrier"]

logger = logging.getLogger("dormouse.control")


_TRY_AGAIN_SOON_S: Final = 1.0
_TRY_AGAIN_S: Final = 20.0
"""What failed for a moment is over in a moment, and nobody is told that the project is busy; then more rarely."""


class Carrier:
    """The one that does what plans say."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        computes: Computes,
        spares: Spares,
        teller: Teller,
        builder: Builder,
        spawn_task: SpawnTask,
    ) -> None:
        self._catalog = catalog
        self._machine = machine
        self._computes = computes
        self._spares = spares
        self._teller = teller
        self._builder = builder
        self._spawn_task = spawn_task
        self._trying_again: dict[OperationId, asyncio.Task[None]] = {}

    async def carry_out(self, plan: Plan) -> None:
        """Do the rest of a plan. One that fails is undone as far as that goes, then the error is raised."""
        began = self._machine.now()
        try:
            while not plan.is_finished:
                await self._do(plan.next_step, plan)
                plan = advance(plan)
                if not plan.is_finished:
                    await self._catalog.put(plan)
        except DormouseError as error:
            try:
                await self._take_back(plan, began, error)
            except DormouseError:
                self._try_again_later(plan.id)
            raise
        await self.end(plan.id, OperationStatus.FINISHED, began, None, forget=plan)

    async def _take_back(self, plan: Plan, began: datetime, error: DormouseError) -> None:
        await self.end(plan.id, OperationStatus.FAILED, began, error.message)
        instead = undo(plan)
        if instead is None:
            raise error
        await self._catalog.put(instead)
        await self.carry_out(instead)

    def close(self) -> None:
        """Try nothing again: the next start will."""
        for trying in self._trying_again.values():
            trying.cancel()

    def _try_again_later(self, plan_id: OperationId) -> None:
        """What could not even be taken back, as on a full disk, is tried until it can."""
        if plan_id not in self._trying_again:
            trying = self._spawn_task(self._try_again(plan_id))
            self._trying_again[plan_id] = trying
            trying.add_done_callback(lambda _: self._trying_again.pop(plan_id, None))

    async def _try_again(self, plan_id: OperationId) -> None:
        wait_s = _TRY_AGAIN_SOON_S
        while plan_id in self._catalog.plans:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _TRY_AGAIN_S)
            if (plan := self._catalog.plans.get(plan_id)) is not None:
                await self.finish_cut_off(plan)

    async def run(self, operation: Operation, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Do some work, and let the operation tell how it went. Raises nothing of ours."""
        try:
            await work()
        except DormouseError as error:
            await self.end(operation.id, OperationStatus.FAILED, operation.created_at, error.message)
        else:
            await self.end(operation.id, OperationStatus.FINISHED, operation.created_at, None)

    async def run_or_raise(self, operation: Operation, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """As `run`, and then raise what went wrong."""
        try:
            await work()
        except DormouseError as error:
            await self.end(operation.id, OperationStatus.FAILED, operation.created_at, error.message)
            raise
        await self.end(operation.id, OperationStatus.FINISHED, operation.created_at, None)

    async def end(
        self,
        operation: OperationId,
        status: OperationStatus,
        began: datetime,
        error: str | None,
        forget: Plan | None = None,
    ) -> None:
        """Record how an operation ended, and take its plan out of the journal with it."""
        record = await self._catalog.operation(operation)
        now = self._machine.now()
        changes: list[Change] = [] if forget is None else [Delete(forget)]
        # What an undone project had is gone with it; what an undone replica had failed, and stays so.
        if record is not None and record.status is not OperationStatus.FAILED:
            ended = replace(
                record,
                status=status,
                error=error,
                failures_count=record.failures_count + (status is OperationStatus.FAILED),
                updated_at=now,
                total_duration_ms=round((now - began).total_seconds() * 1000),
            )
            if not self._teller.hold(ended):
                changes.append(Put(ended))
        await self._catalog.commit(lambda: changes)

    async def finish_cut_off(self, plan: Plan) -> None:
        """Carry out or undo a plan that the last run left; what fails is logged and tried at the next start."""
        instead = resume(plan)
        logger.info(
            "a plan was cut off and is finished now",
            extra={"action": "plan_resumed", "plan": instead.kind.value, "project": instead.project_id},
        )
        try:
            await self._catalog.put(instead)
            await self.carry_out(instead)
        except DormouseError as error:
            logger.warning(
                "a plan that was cut off cannot be finished",
                extra={"action": "plan_failed", "plan": instead.kind.value, "reason": error.message},
            )

    async def cancel_running(self) -> None:
        """Nothing runs yet, so what is said to be running was cut off; plans say how theirs goes on."""
        now = self._machine.now()
        cut_off = [
            replace(operation, status=OperationStatus.CANCELLED, updated_at=now, error="the platform was stopped")
            for project in list(self._catalog.projects)
            for operation in await self._catalog.operations(project)
            if operation.status in (OperationStatus.RUNNING, OperationStatus.SCHEDULING)
            and operation.id not in self._catalog.plans
        ]
        if cut_off:
            await self._catalog.put(*cut_off)

    async def _do(self, step: Step, plan: Plan) -> None:
        layout = self._machine.layout
        match step:
            case Step.TAKE_SPARE:
                project = self._catalog.projects[plan.project_id]
                await self._spares.take(choose(self._machine.installed, project.pg_version), self._folder(plan))
            case Step.CLONE_BRANCH:
                await self._builder.clone_branch(plan)
            case Step.OPEN_BRANCH:
                await self._builder.open_branch(plan)
            case Step.COPY_SCHEMA:
                await self._builder.copy_schema(plan)
            case Step.LINK_HISTORY:
                await self._builder.link_history(plan)
            case Step.BUILD_INCARNATION:
                await self._builder.build_incarnation(plan)
            case Step.SWAP_INCARNATION:
                await self._builder.swap_incarnation(plan)
            case Step.REMOVE_INCARNATION:
                await self._builder.remove_incarnation(plan)
            case Step.REOPEN_BRANCH:
                await self._builder.reopen(plan)
            case Step.CLONE_SNAPSHOT:
                await self._builder.clone_snapshot(plan)
            case Step.OPEN_SNAPSHOT:
                await self._builder.open_snapshot(plan)
            case Step.REMOVE_SNAPSHOT_FOLDER:
                await _remove(layout.snapshot(plan.project_id, origin_of(plan).snapshot or "").root)
            case Step.FORGET_SNAPSHOT:
                if (snapshot := self._catalog.snapshots.get(origin_of(plan).snapshot or "")) is not None:
                    await self._catalog.delete(snapshot)
            case Step.FORGET_KEPT:
                await self._catalog.commit(lambda: self._kept_of(plan))
            case Step.CLONE_PRIMARY:
                await self._clone_primary(plan)
            case Step.OPEN_ENDPOINT:
                await self._catalog.commit(lambda: [opened(self._catalog.endpoints[_endpoint_of(plan)])])
            case Step.CLOSE_ENDPOINTS:
                endpoints = self._endpoints(plan)
                await self._catalog.delete(*endpoints)
                # Replicas first, so that no walreceiver holds up a primary.
                for endpoint in sorted(endpoints, key=lambda one: one.type is EndpointType.READ_WRITE):
                    await self._computes.dismiss(endpoint.id)
            case Step.REMOVE_PROJECT_FOLDER:
                await _remove(layout.project(plan.project_id))
            case Step.REMOVE_BRANCH_FOLDER:
                await _remove(layout.project(plan.project_id) / "branches" / branch_of(plan))
            case Step.REMOVE_REPLICA_FOLDER:
                if plan.branch_id in self._catalog.branches:
                    await _remove(self._folder(plan).replica_data(_endpoint_of(plan)).parent)
            case Step.FORGET_PROJECT:
                await self._forget_ledgers(lambda branch: branch.project_id == plan.project_id)
                if (project_record := self._catalog.projects.get(plan.project_id)) is not None:
                    await self._catalog.delete(project_record)
            case Step.FORGET_BRANCH:
                await self._forget_ledgers(lambda branch: branch.id == plan.branch_id)
                await self._catalog.commit(lambda: self._branch_and_its_past(branch_of(plan)))

    def _folder(self, plan: Plan) -> BranchFolder:
        branch = self._catalog.branches[branch_of(plan)]
        return self._machine.layout.branch(plan.project_id, branch.id, branch.incarnation)

    def _endpoints(self, plan: Plan) -> list[Endpoint]:
        """Those that the plan is about: one, or all of its branch, or all of its project."""
        return [
            endpoint
            for endpoint in self._catalog.endpoints.values()
            if endpoint.project_id == plan.project_id
            and plan.branch_id in (None, endpoint.branch_id)
            and plan.endpoint_id in (None, endpoint.id)
        ]

    async def _forget_ledgers(self, is_gone: Callable[[Branch], bool]) -> None:
        branches = [*self._catalog.branches.values(), *(kept.branch for kept in self._catalog.kept.values())]
        for branch in branches:
            if is_gone(branch):
                await self._catalog.forget_ledger(branch.incarnation)

    def _branch_and_its_past(self, branch: BranchId) -> list[Change]:
        """Its folder went with all lives that it had."""
        gone: list[Change] = [Delete(kept) for kept in self._catalog.kept.values() if kept.branch.id == branch]
        found = self._catalog.branches.get(branch)
        return gone if found is None else [*gone, Delete(found)]

    def _kept_of(self, plan: Plan) -> list[Change]:
        incarnation = origin_of(plan).incarnation
        return [Delete(kept) for kept in self._catalog.kept.values() if kept.branch.incarnation == incarnation]

    async def _clone_primary(self, plan: Plan) -> None:
        primary = self._computes.primary(branch_of(plan))
        if primary is None:
            raise RuleViolation("a read_only endpoint needs a read_write endpoint on its branch")
        folder = self._folder(plan)
        async with self._computes.held_awake(primary):
            await clone_standby(
                self._machine,
                socket_dir=self._machine.socket_dir(primary.endpoint),
                source=folder.data,
                target=folder.replica_data(_endpoint_of(plan)),
            )


async def _remove(folder: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _endpoint_of(plan: Plan) -> EndpointId:
    if plan.endpoint_id is None:
        raise AssertionError(f"a plan to {plan.kind} names its endpoint")
    return plan.endpoint_id
