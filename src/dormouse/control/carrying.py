"""Carrying plans and operations out, and saying how they went."""

import asyncio
import logging
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any

from dormouse.compute.binaries import choose
from dormouse.control.catalog import Catalog, Change, Delete, Put
from dormouse.control.cloning import clone_standby
from dormouse.control.computes import Computes
from dormouse.control.machine import Machine
from dormouse.control.model import BranchState, EndpointState, Operation, OperationStatus
from dormouse.control.planning import Plan, Step, advance, resume, undo
from dormouse.control.spares import Spares
from dormouse.errors import DormouseError, RuleViolation
from dormouse.names import EndpointId, OperationId
from dormouse.storage.layout import BranchFolder

__all__ = ["Carrier"]

logger = logging.getLogger("dormouse.control")


class Carrier:
    """The one that does what plans say."""

    def __init__(self, catalog: Catalog, machine: Machine, computes: Computes, spares: Spares) -> None:
        self._catalog = catalog
        self._machine = machine
        self._computes = computes
        self._spares = spares

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
            await self.end(plan.id, OperationStatus.FAILED, began, error.message)
            if (instead := undo(plan)) is not None:
                await self._catalog.put(instead)
                await self.carry_out(instead)
            raise
        await self.end(plan.id, OperationStatus.FINISHED, began, None, forget=plan)

    async def run(self, operation: Operation, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Do some work, and let the operation tell how it went. Raises nothing of ours."""
        try:
            await work()
        except DormouseError as error:
            await self.end(operation.id, OperationStatus.FAILED, operation.created_at, error.message)
        else:
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
        match step:
            case Step.TAKE_SPARE:
                project = self._catalog.projects[plan.project_id]
                await self._spares.take(choose(self._machine.installed, project.pg_version), self._folder(plan))
            case Step.OPEN_BRANCH:
                await self._catalog.commit(
                    lambda: [
                        Put(replace(self._catalog.branches[plan.branch_id], state=BranchState.READY)),
                        *self._opened(plan),
                    ]
                )
            case Step.CLONE_PRIMARY:
                await self._clone_primary(plan)
            case Step.OPEN_ENDPOINT:
                await self._catalog.commit(lambda: self._opened(plan))
            case Step.REMOVE_PROJECT_FOLDER:
                folder = self._machine.layout.project(plan.project_id)
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            case Step.FORGET_PROJECT:
                if (project_record := self._catalog.projects.get(plan.project_id)) is not None:
                    await self._catalog.delete(project_record)
            case Step.REMOVE_REPLICA_FOLDER:
                data = self._folder(plan).replica_data(_endpoint_of(plan))
                await asyncio.to_thread(shutil.rmtree, data.parent, ignore_errors=True)
            case Step.FORGET_ENDPOINT:
                if (endpoint := self._catalog.endpoints.get(_endpoint_of(plan))) is not None:
                    await self._catalog.delete(endpoint)

    def _folder(self, plan: Plan) -> BranchFolder:
        branch = self._catalog.branches[plan.branch_id]
        return self._machine.layout.branch(plan.project_id, branch.id, branch.incarnation)

    def _opened(self, plan: Plan) -> list[Put]:
        record = self._catalog.endpoints[_endpoint_of(plan)]
        return [Put(replace(record, current_state=EndpointState.IDLE))]

    async def _clone_primary(self, plan: Plan) -> None:
        primary = self._computes.primary(plan.branch_id)
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


def _endpoint_of(plan: Plan) -> EndpointId:
    if plan.endpoint_id is None:
        raise AssertionError(f"a plan to {plan.kind} names its endpoint")
    return plan.endpoint_id
