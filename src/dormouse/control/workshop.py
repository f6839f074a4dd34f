"""What the rooms of the control plane share: the records, the computes, and one change of a project at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from dormouse.compute.lifecycle import ComputeState
from dormouse.control.building import Builder
from dormouse.control.carrying import Carrier
from dormouse.control.catalog import Catalog
from dormouse.control.computes import Computes, SpawnTask
from dormouse.control.configuring import configure
from dormouse.control.machine import Machine
from dormouse.control.making import Maker
from dormouse.control.model import (
    Branch,
    BranchState,
    Database,
    Endpoint,
    EndpointState,
    Operation,
    OperationAction,
    OperationStatus,
    Project,
    Role,
)
from dormouse.control.planning import Plan
from dormouse.control.rewinding import Rewinder
from dormouse.control.rules import Quotas
from dormouse.control.spares import Spares
from dormouse.control.telling import Profile, Teller, held_state
from dormouse.errors import EndpointDisabled, Locked, NotFound, RuleViolation
from dormouse.names import BranchId, EndpointId, ProjectId

__all__ = ["Workshop"]

_CONFLICT: Final = "project already has running conflicting operations, scheduling of new ones is prohibited"

_CONFLICT_WAIT_S: Final = 10.0
"""How long a change waits for another one of the same project before it is refused with 423."""


class Workshop:
    """One for all rooms. What looks records up raises NotFound."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        computes: Computes,
        quotas: Quotas,
        spawn_task: SpawnTask,
        profile: Profile,
    ) -> None:
        self.catalog = catalog
        self.machine = machine
        self.computes = computes
        self.quotas = quotas
        self.spawn_task = spawn_task
        self.spares = Spares(machine, spawn_task)
        self.teller = Teller(profile, spawn_task, catalog.put, {})
        self.rewinder = Rewinder(catalog, machine, computes)
        self.builder = Builder(catalog, machine, computes, self.spares, self.rewinder)
        self.carrier = Carrier(catalog, machine, computes, self.spares, self.teller, self.builder, spawn_task)
        self._locks: dict[ProjectId, asyncio.Lock] = {}

    def maker(self) -> Maker:
        """One that makes records of this moment."""
        return Maker(chance=self.machine.chance, now=self.machine.now())

    def project(self, project: ProjectId) -> Project:
        """One that was not deleted."""
        found = self.catalog.projects.get(project)
        if found is None or found.deleted_at is not None:
            raise NotFound("project not found")
        return found

    def branch(self, project: ProjectId, branch: BranchId) -> Branch:
        """One of a project."""
        self.project(project)
        found = self.catalog.branches.get(branch)
        if found is None or found.project_id != project:
            raise NotFound("branch not found")
        return found

    def ready_branch(self, project: ProjectId, branch: BranchId) -> Branch:
        """One whose data is there. Raises RuleViolation while it is being made."""
        found = self.branch(project, branch)
        if found.state is not BranchState.READY:
            raise RuleViolation("branch not ready yet")
        return found

    def branches(self, project: ProjectId) -> list[Branch]:
        """All of a project, oldest first."""
        self.project(project)
        return [branch for branch in self.catalog.branches.values() if branch.project_id == project]

    def endpoint(self, project: ProjectId, endpoint: EndpointId) -> Endpoint:
        """One of a project, as its record has it."""
        self.project(project)
        found = self.catalog.endpoints.get(endpoint)
        if found is None or found.project_id != project:
            raise NotFound("endpoint not found")
        return found

    def endpoints_of(self, branch: BranchId) -> list[Endpoint]:
        """All of a branch, oldest first."""
        return [endpoint for endpoint in self.catalog.endpoints.values() if endpoint.branch_id == branch]

    def roles_of(self, branch: BranchId) -> list[Role]:
        """All of a branch, in the order of their names."""
        found = [role for role in self.catalog.roles.values() if role.branch_id == branch]
        return sorted(found, key=lambda role: role.name)

    def databases_of(self, branch: BranchId) -> list[Database]:
        """All of a branch, in the order of their names."""
        found = [database for database in self.catalog.databases.values() if database.branch_id == branch]
        return sorted(found, key=lambda database: database.name)

    def shown(self, endpoint: Endpoint) -> Endpoint:
        """The record with what its compute is doing."""
        if endpoint.current_state is EndpointState.INIT:
            return replace(endpoint, pending_state=EndpointState.ACTIVE)
        held = held_state(endpoint.id, self.teller.held)
        now, pending = held or _SHOWN[self.computes.of(endpoint).state]
        return replace(endpoint, current_state=now, pending_state=pending)

    @asynccontextmanager
    async def changing(
        self, project: ProjectId, branch: BranchId | None = None, *, whole: bool = False
    ) -> AsyncIterator[None]:
        """One change of a project at a time; and after what is still being made on `branch`, or on the `whole`.

        Raises Locked when another one takes too long, or still seems to run.
        """
        if self.teller.is_busy(project):
            raise Locked(_CONFLICT)
        lock = self._locks.setdefault(project, asyncio.Lock())
        try:
            async with asyncio.timeout(_CONFLICT_WAIT_S):
                await self._acquire(
                    lock, lambda plan: plan.project_id == project and (whole or plan.branch_id == branch)
                )
        except TimeoutError:
            raise Locked(_CONFLICT) from None
        try:
            yield
        finally:
            lock.release()

    async def _acquire(self, lock: asyncio.Lock, conflicts: Callable[[Plan], bool]) -> None:
        """Have the lock while no such plan is under way: a clone goes on when its maker has answered."""

        def is_settled() -> bool:
            return not any(map(conflicts, self.catalog.plans.values()))

        while True:
            await self.catalog.until(is_settled)
            await lock.acquire()
            if is_settled():
                return
            lock.release()

    async def starting(self, operation: Operation, then: Callable[[], None] = lambda: None) -> Endpoint:
        """Begin to wake a compute, let the operation tell how it went, and do `then` in either case.

        Raises NotFound for one that is no more.
        """
        endpoint = self.catalog.endpoints.get(EndpointId(operation.endpoint_id or ""))
        if endpoint is None:  # deleted while the operation was written
            gone = "the endpoint does not exist any more"
            await self.carrier.end(operation.id, OperationStatus.CANCELLED, operation.created_at, gone)
            raise NotFound("endpoint not found")

        async def wake() -> None:
            try:
                await self.wake(endpoint.id)
            finally:
                then()

        self.spawn_task(self.carrier.run(operation, wake))
        await asyncio.sleep(0)  # so that the answer already shows where it is going
        return self.shown(endpoint)

    async def wake(self, endpoint: EndpointId) -> None:
        """Wake the compute of somebody who asked for that a while ago. Raises StartFailed.

        Raises NotFound or EndpointDisabled if it was deleted or disabled since.
        """
        found = self.catalog.endpoints.get(endpoint)
        if found is None:
            raise NotFound("endpoint not found")
        if found.disabled:
            raise EndpointDisabled("endpoint is disabled")
        await self.computes.of(found).wake()

    async def carried_out(self, plan: Plan, wait_s: float) -> None:
        """Return when a plan is carried out, or after a time, while it goes on. Raises what went wrong by then."""
        carrying = asyncio.ensure_future(self.carrier.carry_out(plan))
        await asyncio.wait({carrying}, timeout=wait_s)
        if carrying.done():
            await carrying
        else:
            self.spawn_task(_seen_to_its_end(carrying))

    async def apply(self, branch: Branch) -> Operation:
        """Bring the branch's server to where its records are; wakes it for that. Raises what went wrong."""
        primary = self.computes.primary(branch.id)
        if primary is None:
            raise RuleViolation("branch has no read_write endpoint to apply the change on")
        operation = self.maker().operation(OperationAction.APPLY_CONFIG, branch, primary.endpoint)
        await self.catalog.put(operation)

        async def work() -> None:
            async with self.computes.held_awake(primary) as server:
                if self.catalog.branches[branch.id].config_pending:
                    await configure(self.computes, server, branch.id)

        await self.carrier.run_or_raise(operation, work)
        return (await self.catalog.operation(operation.id)) or operation

    def is_awake(self, branch: BranchId) -> bool:
        """Whether the branch's primary can be asked."""
        primary = self.computes.primary(branch)
        return primary is not None and primary.state is ComputeState.READY


async def _seen_to_its_end(carrying: asyncio.Future[None]) -> None:
    await carrying


_SHOWN: Final = MappingProxyType(
    {
        ComputeState.ASLEEP: (EndpointState.IDLE, None),
        ComputeState.FAILED: (EndpointState.IDLE, None),
        ComputeState.STARTING: (EndpointState.IDLE, EndpointState.ACTIVE),
        ComputeState.READY: (EndpointState.ACTIVE, None),
        ComputeState.STOPPING: (EndpointState.ACTIVE, EndpointState.IDLE),
    }
)
"""What the API says of a compute: its state, and the one it is on the way to."""
