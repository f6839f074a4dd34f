"""The one place that changes projects, branches, endpoints and roles: read, decide, act."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from dormouse.compute.binaries import choose
from dormouse.compute.lifecycle import ComputeState
from dormouse.control.catalog import Catalog, Change, Delete, Put, Record
from dormouse.control.cloning import clone_standby
from dormouse.control.computes import Computes
from dormouse.control.machine import Machine
from dormouse.control.model import (
    Branch,
    BranchState,
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
    whole_second,
)
from dormouse.control.planning import (
    Plan,
    Step,
    advance,
    plan_create_project,
    plan_create_replica,
    resume,
)
from dormouse.control.spares import Spares
from dormouse.errors import (
    Conflict,
    DormouseError,
    EndpointDisabled,
    Invalid,
    Locked,
    NotFound,
    PostgresNotFound,
    RuleViolation,
)
from dormouse.names import (
    BranchId,
    EndpointId,
    OperationId,
    ProjectId,
    host_of,
    new_branch_id,
    new_endpoint_id,
    new_incarnation,
    new_operation_id,
    new_password,
    new_project_id,
    owner_of,
)
from dormouse.uri import ConnectionParameters
from dormouse.wire.scram import build_verifier

__all__ = ["DEFAULT_REGION", "Service"]

logger = logging.getLogger("dormouse.control")

DEFAULT_REGION: Final = "aws-us-east-2"
"""A label: clients want one, and there is only this machine."""

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
        spawn_task: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
    ) -> None:
        self._catalog = catalog
        self._machine = machine
        self._host_suffix = host_suffix
        self._host_address = host_address
        self._spawn_task = spawn_task
        self._spares = Spares(machine, spawn_task)
        self._locks: dict[ProjectId, asyncio.Lock] = {}
        self._last_stamp: datetime | None = None
        self.computes = Computes(catalog, machine, spawn_task)
        self.pg_port = 0
        """The proxy's port, once it listens."""

    # Beginning and end.

    async def recover(self) -> None:
        """Carry out or undo what the last run left unfinished, then make the first spare."""
        for plan in list(self._catalog.plans.values()):
            await self._forget_plan(plan, then=resume(plan))
            await self._finish_cut_off(resume(plan))
        await self._fail_running_operations()

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
        made = self._new_project(spec, postgres.major)
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
            await self._carry_out(plan)
        return replace(
            made,
            branch=self._catalog.branches[made.branch.id],
            endpoint=await self._starting(
                made.endpoint.id, made.operations[1], then=lambda: self._spares.refill(postgres)
            ),
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
            endpoint = self._new_endpoint(owner, branch, spec)
            if spec.type is EndpointType.READ_WRITE:
                endpoint = replace(endpoint, current_state=EndpointState.IDLE)
                start = self._new_operation(OperationAction.START_COMPUTE, branch, endpoint.id)
                await self._catalog.put(endpoint, start)
                return await self._starting(endpoint.id, start), (start,)
            create = self._new_operation(OperationAction.CREATE_COMPUTE, branch, endpoint.id)
            start = self._new_operation(OperationAction.START_COMPUTE, branch, endpoint.id)
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
        operation = self._new_operation(
            OperationAction.START_COMPUTE, self._catalog.branches[found.branch_id], endpoint
        )
        await self._catalog.put(operation)
        return await self._starting(endpoint, operation), (operation,)

    async def suspend_endpoint(
        self, project: ProjectId, endpoint: EndpointId
    ) -> tuple[Endpoint, tuple[Operation, ...]]:
        """Put it to sleep, cutting its clients; no operation if it sleeps already."""
        found = await self.endpoint(project, endpoint)
        compute = self.computes.of(found)
        if compute.state in (ComputeState.ASLEEP, ComputeState.FAILED):
            return found, ()
        if compute.state is ComputeState.STARTING or self.computes.is_held(compute):
            raise Locked("endpoint is in some transitive state, could not suspend")
        operation = self._new_operation(
            OperationAction.SUSPEND_COMPUTE, self._catalog.branches[found.branch_id], endpoint
        )
        await self._catalog.put(operation)
        self._spawn_task(self._run_operation(operation, compute.sleep))
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

    # Making records.

    def _new_project(self, spec: ProjectSpec, pg_version: int) -> ProjectCreated:
        now = whole_second(self._machine.now())
        chance = self._machine.chance
        project_id = new_project_id(chance)
        project = Project(
            id=project_id,
            name=spec.name or project_id,
            pg_version=pg_version,
            region_id=spec.region_id or DEFAULT_REGION,
            store_passwords=spec.store_passwords,
            history_retention_seconds=spec.history_retention_seconds,
            default_endpoint_settings=spec.endpoint_defaults,
            created_at=now,
            updated_at=now,
        )
        branch = Branch(
            id=new_branch_id(chance),
            project_id=project_id,
            name=spec.branch_name,
            incarnation=new_incarnation(chance),
            state=BranchState.INIT,
            default=True,
            protected=False,
            created_at=now,
            updated_at=now,
            config_pending=True,
        )
        role = Role(
            branch_id=branch.id,
            name=spec.role_name or owner_of(spec.database_name),
            password=new_password(chance),
            protected=False,
            created_at=now,
            updated_at=now,
        )
        if role.name.startswith("pg_") or role.name in ("cloud_admin", "neon_superuser", "postgres"):
            raise Invalid(f"role name {role.name!r} is reserved")
        database = Database(
            id=self._next_database_id(),
            branch_id=branch.id,
            name=spec.database_name,
            owner_name=role.name,
            created_at=now,
            updated_at=now,
        )
        endpoint = self._new_endpoint(
            project, branch, EndpointSpec(branch_id=branch.id, type=EndpointType.READ_WRITE)
        )
        return ProjectCreated(
            project=project,
            branch=branch,
            endpoint=endpoint,
            role=role,
            database=database,
            operations=(
                self._new_operation(OperationAction.CREATE_TIMELINE, branch, None),
                self._new_operation(OperationAction.START_COMPUTE, branch, endpoint.id),
            ),
        )

    def _new_endpoint(self, project: Project, branch: Branch, spec: EndpointSpec) -> Endpoint:
        now = whole_second(self._machine.now())
        defaults = project.default_endpoint_settings
        least, most, timeout = (
            spec.autoscaling_limit_min_cu, spec.autoscaling_limit_max_cu, spec.suspend_timeout_seconds
        )  # fmt: skip
        return Endpoint(
            id=new_endpoint_id(self._machine.chance),
            project_id=project.id,
            branch_id=branch.id,
            type=spec.type,
            name=spec.name,
            autoscaling_limit_min_cu=defaults.autoscaling_limit_min_cu if least is None else least,
            autoscaling_limit_max_cu=defaults.autoscaling_limit_max_cu if most is None else most,
            suspend_timeout_seconds=defaults.suspend_timeout_seconds if timeout is None else timeout,
            disabled=spec.disabled,
            created_at=now,
            updated_at=now,
        )

    def _new_operation(self, action: OperationAction, branch: Branch, endpoint: EndpointId | None) -> Operation:
        now = self._machine.now()
        return Operation(
            id=new_operation_id(self._machine.chance),
            project_id=branch.project_id,
            branch_id=branch.id,
            endpoint_id=endpoint,
            action=action,
            status=OperationStatus.RUNNING,
            created_at=now,
            updated_at=now,
        )

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

    # Carrying out.

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

    async def _carry_out(self, plan: Plan) -> None:
        """Do the rest of a plan. What fails is undone or left for the next start, then raised again."""
        began = self._machine.now()
        try:
            while not plan.is_finished:
                await self._do(plan.next_step, plan)
                plan = advance(plan)
                if not plan.is_finished:
                    await self._catalog.put(plan)
        except DormouseError as error:
            await self._end_operation(plan.id, OperationStatus.FAILED, began, error.message)
            instead = resume(plan)
            await self._forget_plan(plan, then=instead if instead.kind is not plan.kind else None)
            if instead.kind is not plan.kind:
                await self._carry_out(instead)
            raise
        await self._end_operation(plan.id, OperationStatus.FINISHED, began, None, forget=plan)

    async def _do(self, step: Step, plan: Plan) -> None:
        match step:
            case Step.TAKE_SPARE:
                branch = self._catalog.branches[plan.branch_id]
                project = self._catalog.projects[plan.project_id]
                folder = self._machine.layout.branch(project.id, branch.id, branch.incarnation)
                await self._spares.take(choose(self._machine.installed, project.pg_version), folder)
            case Step.OPEN_BRANCH:
                await self._catalog.commit(
                    lambda: [
                        Put(replace(self._catalog.branches[plan.branch_id], state=BranchState.READY)),
                        *self._opened(plan.endpoint_id),
                    ]
                )
            case Step.CLONE_PRIMARY:
                await self._clone_primary(plan)
            case Step.OPEN_ENDPOINT:
                await self._catalog.commit(lambda: self._opened(plan.endpoint_id))
            case Step.REMOVE_FOLDER:
                await asyncio.to_thread(
                    shutil.rmtree, self._machine.layout.project(plan.project_id), ignore_errors=True
                )
            case Step.FORGET_PROJECT:
                if (project_record := self._catalog.projects.get(plan.project_id)) is not None:
                    await self._catalog.delete(project_record)

    def _opened(self, endpoint: EndpointId | None) -> list[Put]:
        record = None if endpoint is None else self._catalog.endpoints.get(endpoint)
        return [] if record is None else [Put(replace(record, current_state=EndpointState.IDLE))]

    async def _clone_primary(self, plan: Plan) -> None:
        primary = self.computes.primary(plan.branch_id)
        if primary is None or plan.endpoint_id is None:
            raise RuleViolation("a read_only endpoint needs a read_write endpoint on its branch")
        branch = self._catalog.branches[plan.branch_id]
        folder = self._machine.layout.branch(plan.project_id, branch.id, branch.incarnation)
        async with self.computes.held_awake(primary):
            await clone_standby(
                self._machine,
                socket_dir=self._machine.socket_dir(primary.endpoint),
                source=folder.data,
                target=folder.replica_data(plan.endpoint_id),
            )

    async def _make_replica(self, plan: Plan, start: Operation) -> None:
        try:
            await self._carry_out(plan)
        except DormouseError as error:
            began = start.created_at
            await self._end_operation(start.id, OperationStatus.CANCELLED, began, error.message)
            endpoint = self._catalog.endpoints.get(plan.endpoint_id or EndpointId(""))
            if endpoint is not None:
                await self._catalog.delete(endpoint)
            return
        if plan.endpoint_id is not None:
            await self._starting(plan.endpoint_id, start)

    async def _starting(
        self, endpoint: EndpointId, operation: Operation, then: Callable[[], None] = lambda: None
    ) -> Endpoint:
        """Begin to wake a compute, let `operation` tell how it went, and do `then` in either case."""
        record = self._catalog.endpoints[endpoint]
        compute = self.computes.of(record)

        async def wake() -> None:
            try:
                await compute.wake()
            finally:
                then()

        self._spawn_task(self._run_operation(operation, wake))
        await asyncio.sleep(0)  # so that the answer already shows where it is going
        return self._shown(record)

    async def _run_operation(self, operation: Operation, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except DormouseError as error:
            await self._end_operation(operation.id, OperationStatus.FAILED, operation.created_at, error.message)
        else:
            await self._end_operation(operation.id, OperationStatus.FINISHED, operation.created_at, None)

    async def _end_operation(
        self,
        operation: OperationId,
        status: OperationStatus,
        began: datetime,
        error: str | None,
        forget: Plan | None = None,
    ) -> None:
        record = await self._catalog.operation(operation)
        now = self._machine.now()
        ended = None if record is None else replace(
            record,
            status=status,
            error=error,
            failures_count=record.failures_count + (status is OperationStatus.FAILED),
            updated_at=now,
            total_duration_ms=round((now - began).total_seconds() * 1000),
        )  # fmt: skip
        changes: list[Change] = [*([Put(ended)] if ended else []), *([Delete(forget)] if forget else [])]
        await self._catalog.commit(lambda: changes)

    async def _forget_plan(self, plan: Plan, then: Plan | None) -> None:
        """Take a plan out of the journal, or put another in its place."""
        await self._catalog.commit(lambda: [Delete(plan) if then is None else Put(then)])

    async def _finish_cut_off(self, plan: Plan) -> None:
        logger.info(
            "a plan was cut off and is finished now",
            extra={"action": "plan_resumed", "plan": plan.kind.value, "project": plan.project_id},
        )
        try:
            await self._carry_out(plan)
        except DormouseError as error:
            logger.warning(
                "a plan that was cut off cannot be finished",
                extra={"action": "plan_failed", "plan": plan.kind.value, "reason": error.message},
            )

    async def _fail_running_operations(self) -> None:
        """Nothing runs yet, so what is said to be running was cut off."""
        now = self._machine.now()
        cut_off = [
            replace(operation, status=OperationStatus.CANCELLED, updated_at=now, error="the platform was stopped")
            for project in list(self._catalog.projects)
            for operation in await self._catalog.operations(project)
            if operation.status in (OperationStatus.RUNNING, OperationStatus.SCHEDULING)
        ]
        if cut_off:
            await self._catalog.put(*cut_off)


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
