"""The one place that changes projects, branches, endpoints and roles: read, decide, act."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from dormouse.compute.binaries import choose
from dormouse.compute.lifecycle import ComputeState
from dormouse.control.carrying import Carrier
from dormouse.control.catalog import Catalog, Record
from dormouse.control.computes import Computes, SpawnTask
from dormouse.control.duties import duty_of
from dormouse.control.machine import Machine
from dormouse.control.making import Maker
from dormouse.control.model import (
    Branch,
    Database,
    Endpoint,
    EndpointSpec,
    EndpointState,
    EndpointType,
    Operation,
    OperationAction,
    OperationStatus,
    Project,
    ProjectCreated,
    ProjectSpec,
    Role,
    StoredVerifier,
)
from dormouse.control.planning import Plan, PlanKind, plan_create_project, plan_create_replica
from dormouse.control.spares import Spares
from dormouse.errors import (
    Conflict,
    DormouseError,
    EndpointDisabled,
    Locked,
    NotFound,
    PostgresNotFound,
    RuleViolation,
)
from dormouse.names import BranchId, EndpointId, OperationId, ProjectId, host_of
from dormouse.uri import ConnectionParameters
from dormouse.wire.scram import build_verifier

__all__ = ["Service"]

_CONFLICT_WAIT_S: Final = 10.0
"""How long a change waits for another one of the same project before it is refused with 423."""


class Service:
    """The control plane. Every method may raise a RequestError (NotFound, Conflict, RuleViolation, Locked)."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        *,
        host_suffix: str,
        host_address: str | None,
        spawn_task: SpawnTask,
    ) -> None:
        self._catalog = catalog
        self._machine = machine
        self._host_suffix = host_suffix
        self._host_address = host_address
        self._spawn_task = spawn_task
        self._spares = Spares(machine, spawn_task)
        self._locks: dict[ProjectId, asyncio.Lock] = {}
        self.computes = Computes(catalog, machine, spawn_task, duty_of)
        self._carrier = Carrier(catalog, machine, self.computes, self._spares)
        self.pg_port = 0
        """The proxy's port, once it listens."""

    # Beginning and end.

    async def recover(self) -> None:
        """Carry out or undo what the last run left unfinished, then make the first spare."""
        await self._carrier.cancel_running()
        for plan in list(self._catalog.plans.values()):
            if plan.kind is PlanKind.CREATE_REPLICA:
                # Its clone may take long, and whoever connects to it waits.
                self._spawn_task(self._carrier.finish_cut_off(plan))
            else:
                await self._carrier.finish_cut_off(plan)

    def prepare_spare(self) -> None:
        """Have the default Postgres's spare made in the background."""
        self._spares.refill(choose(self._machine.installed, None))

    async def close(self) -> None:
        """Put every compute to sleep."""
        await self.computes.sleep_all()

    # Projects.

    async def create_project(self, spec: ProjectSpec) -> ProjectCreated:
        """Return as soon as the records and the data directory are there; the compute starts meanwhile."""
        try:
            postgres = choose(self._machine.installed, spec.pg_version)
        except PostgresNotFound as error:
            raise RuleViolation(error.message, error.hint) from error
        made = self._maker().project(spec, pg_version=postgres.major, database_id=self._next_database_id())
        plan = plan_create_project(made.operations[0].id, made.project.id, made.branch.id, made.endpoint.id)
        verifier = StoredVerifier(
            branch_id=made.branch.id,
            role=made.role.name,
            verifier=build_verifier(made.role.password or "", self._machine.chance.randbytes(16)),
        )
        kept = made.role if spec.store_passwords else replace(made.role, password=None)
        records: list[Record] = [made.project, made.branch, made.endpoint, kept, made.database, verifier]
        async with self._changing(made.project.id):
            await self._catalog.put(*records, *made.operations, plan)
            await self._carrier.carry_out(plan)
        return replace(
            made,
            branch=self._catalog.branches[made.branch.id],
            endpoint=await self._starting(made.operations[1], then=lambda: self._spares.refill(postgres)),
            operations=(await self.operation(made.project.id, plan.id), made.operations[1]),
        )

    async def projects(self) -> list[Project]:
        """All, oldest first."""
        return list(self._catalog.projects.values())

    async def project(self, project: ProjectId) -> Project:
        """Raises NotFound."""
        found = self._catalog.projects.get(project)
        if found is None:
            raise NotFound("project not found")
        return found

    # Branches, and what is in them.

    async def branches(self, project: ProjectId) -> list[Branch]:
        """All of a project, oldest first."""
        await self.project(project)
        return [branch for branch in self._catalog.branches.values() if branch.project_id == project]

    async def branch(self, project: ProjectId, branch: BranchId) -> Branch:
        """Raises NotFound."""
        await self.project(project)
        found = self._catalog.branches.get(branch)
        if found is None or found.project_id != project:
            raise NotFound("branch not found")
        return found

    async def roles(self, project: ProjectId, branch: BranchId) -> list[Role]:
        """The roles of a branch, in the order of their names."""
        await self.branch(project, branch)
        found = [role for role in self._catalog.roles.values() if role.branch_id == branch]
        return sorted(found, key=lambda role: role.name)

    async def databases(self, project: ProjectId, branch: BranchId) -> list[Database]:
        """The databases of a branch, in the order of their names."""
        await self.branch(project, branch)
        found = [database for database in self._catalog.databases.values() if database.branch_id == branch]
        return sorted(found, key=lambda database: database.name)

    # Endpoints.

    async def endpoints(self, project: ProjectId) -> list[Endpoint]:
        """All of a project, oldest first, with their present states."""
        await self.project(project)
        found = [endpoint for endpoint in self._catalog.endpoints.values() if endpoint.project_id == project]
        return [self._shown(endpoint) for endpoint in found]

    async def endpoint(self, project: ProjectId, endpoint: EndpointId) -> Endpoint:
        """Raises NotFound."""
        await self.project(project)
        found = self._catalog.endpoints.get(endpoint)
        if found is None or found.project_id != project:
            raise NotFound("endpoint not found")
        return self._shown(found)

    async def create_endpoint(
        self, project: ProjectId, spec: EndpointSpec
    ) -> tuple[Endpoint, tuple[Operation, ...]]:
        """A second read-write endpoint of a branch is a Conflict: `read_write endpoint already exists`."""
        owner = await self.project(project)
        branch = await self.branch(project, spec.branch_id)
        async with self._changing(project):
            primary = self.computes.primary(branch.id)
            if spec.type is EndpointType.READ_WRITE and primary is not None:
                raise Conflict("read_write endpoint already exists")
            if spec.type is EndpointType.READ_ONLY and primary is None:
                raise RuleViolation("a read_only endpoint needs a read_write endpoint on its branch")
            endpoint = self._maker().endpoint(owner, spec)
            if spec.type is EndpointType.READ_WRITE:
                endpoint = replace(endpoint, current_state=EndpointState.IDLE)
                start = self._maker().operation(OperationAction.START_COMPUTE, branch, endpoint.id)
                await self._catalog.put(endpoint, start)
                return await self._starting(start), (start,)
            create = self._maker().operation(OperationAction.CREATE_COMPUTE, branch, endpoint.id)
            start = self._maker().operation(OperationAction.START_COMPUTE, branch, endpoint.id)
            plan = plan_create_replica(create.id, project, branch.id, endpoint.id)
            await self._catalog.put(endpoint, create, start, plan)
        self._spawn_task(self._make_replica(plan, start))
        return self._shown(endpoint), (create, start)

    async def start_endpoint(
        self, project: ProjectId, endpoint: EndpointId
    ) -> tuple[Endpoint, tuple[Operation, ...]]:
        """Wake it; no operation if it is awake already. Returns while the start goes on."""
        found = await self.endpoint(project, endpoint)
        if found.disabled:
            raise EndpointDisabled("endpoint is disabled")
        compute = self.computes.of(found)
        if compute.state in (ComputeState.READY, ComputeState.STARTING):
            return found, ()
        operation = self._maker().operation(
            OperationAction.START_COMPUTE, self._catalog.branches[found.branch_id], endpoint
        )
        await self._catalog.put(operation)
        return await self._starting(operation), (operation,)

    async def suspend_endpoint(
        self, project: ProjectId, endpoint: EndpointId
    ) -> tuple[Endpoint, tuple[Operation, ...]]:
        """Put it to sleep, cutting its clients; no operation if it sleeps already.

        Waits for a start that goes on, and for a replica that is being cloned from it, instead of a 423.
        """
        found = await self.endpoint(project, endpoint)
        compute = self.computes.of(found)
        if compute.state in (ComputeState.ASLEEP, ComputeState.FAILED):
            return found, ()
        operation = self._maker().operation(
            OperationAction.SUSPEND_COMPUTE, self._catalog.branches[found.branch_id], endpoint
        )
        await self._catalog.put(operation)
        self._spawn_task(self._carrier.run(operation, lambda: self.computes.sleep(compute)))
        await asyncio.sleep(0)  # so that the answer already shows where it is going
        return self._shown(found), (operation,)

    # Operations.

    async def operations(self, project: ProjectId) -> list[Operation]:
        """All of a project, newest first."""
        await self.project(project)
        return await self._catalog.operations(project)

    async def operation(self, project: ProjectId, operation: OperationId) -> Operation:
        """Raises NotFound."""
        await self.project(project)
        found = await self._catalog.operation(operation)
        if found is None or found.project_id != project:
            raise NotFound("operation not found")
        return found

    # How to connect.

    async def connection_parameters(
        self,
        project: ProjectId,
        *,
        database: str,
        role: str,
        branch: BranchId | None = None,
        endpoint: EndpointId | None = None,
        pooled: bool = False,
    ) -> ConnectionParameters:
        """How a libpq client connects; without branch or endpoint, to the default branch's primary."""
        target = await self._target(project, branch, endpoint)
        names = {found.name for found in await self.databases(project, target.branch_id)}
        if database not in names:
            raise NotFound("database not found")
        found = self._catalog.roles.get((target.branch_id, role))
        if found is None:
            raise NotFound("role not found")
        options = {"sslmode": "require", "channel_binding": "require"}
        if self._host_address is not None:
            options["hostaddr"] = self._host_address
        return ConnectionParameters(
            role=role,
            password=found.password,
            host=host_of(target.id, self._host_suffix, pooled=pooled),
            port=self.pg_port,
            database=database,
            options=MappingProxyType(options),
        )

    def host(self, endpoint: EndpointId, *, pooled: bool = False) -> str:
        """The host name of an endpoint, with the proxy's port: `ep-….dormouse.localhost:55432`."""
        return f"{host_of(endpoint, self._host_suffix, pooled=pooled)}:{self.pg_port}"

    def _maker(self) -> Maker:
        return Maker(chance=self._machine.chance, now=self._machine.now())

    def _next_database_id(self) -> int:
        return max(self._catalog.databases, default=0) + 1

    async def _target(self, project: ProjectId, branch: BranchId | None, endpoint: EndpointId | None) -> Endpoint:
        if endpoint is not None:
            found = await self.endpoint(project, endpoint)
            if branch is not None and found.branch_id != branch:
                raise NotFound("endpoint not found")
            return found
        branches = await self.branches(project)
        wanted = (
            await self.branch(project, branch)
            if branch is not None
            else next(candidate for candidate in branches if candidate.default)
        )
        on_branch = [found for found in await self.endpoints(project) if found.branch_id == wanted.id]
        # A primary before a replica; `False` sorts first.
        ranked = sorted(on_branch, key=lambda found: found.type is not EndpointType.READ_WRITE)
        if not ranked:
            raise NotFound("endpoint not found")
        return ranked[0]

    def _shown(self, endpoint: Endpoint) -> Endpoint:
        """The record with what its compute is doing."""
        if endpoint.current_state is EndpointState.INIT:
            return replace(endpoint, pending_state=EndpointState.ACTIVE)
        now, pending = _SHOWN[self.computes.of(endpoint).state]
        return replace(endpoint, current_state=now, pending_state=pending)

    @asynccontextmanager
    async def _changing(self, project: ProjectId) -> AsyncIterator[None]:
        """One change of a project at a time. Raises Locked when another one takes too long."""
        lock = self._locks.setdefault(project, asyncio.Lock())
        try:
            async with asyncio.timeout(_CONFLICT_WAIT_S):
                await lock.acquire()
        except TimeoutError:
            raise Locked(
                "project already has running conflicting operations, scheduling of new ones is prohibited"
            ) from None
        try:
            yield
        finally:
            lock.release()

    async def _make_replica(self, plan: Plan, start: Operation) -> None:
        try:
            await self._carrier.carry_out(plan)
        except DormouseError as error:
            await self._carrier.end(start.id, OperationStatus.CANCELLED, start.created_at, error.message)
        else:
            await self._starting(start)

    async def _starting(self, operation: Operation, then: Callable[[], None] = lambda: None) -> Endpoint:
        """Begin to wake a compute, let the operation tell how it went, and do `then` in either case."""
        endpoint = self._catalog.endpoints[EndpointId(operation.endpoint_id or "")]
        compute = self.computes.of(endpoint)

        async def wake() -> None:
            try:
                await compute.wake()
            finally:
                then()

        self._spawn_task(self._carrier.run(operation, wake))
        await asyncio.sleep(0)  # so that the answer already shows where it is going
        return self._shown(endpoint)


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
