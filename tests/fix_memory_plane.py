"""A control plane of lists: what the HTTP side is tried on where no Postgres is needed.

It keeps the promises of `dormouse.control.plane` as far as an HTTP client can see them. `fail_with` is raised by
the next call that looks at a project.
"""

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from dormouse import names
from dormouse.api.local import FaultRequest, FaultsInForce
from dormouse.control import browsing, model, past, points, relation_model, schema_model, statement_model
from dormouse.control.telling import Profile
from dormouse.errors import Conflict, NotFound, RuleViolation
from dormouse.uri import ConnectionParameters
from dormouse.web.local import Diagnosis, PostgresFound

Ops = tuple[model.Operation, ...]

EARLIEST_LSN = 0x1000000
HEAD_LSN = 0x1FA22C0
"""All branches here have written as much as each other."""

SCHEMA = "CREATE TABLE public.orders (\n    id bigint NOT NULL\n);\n"
TABLES = (
    schema_model.Table(
        schema="public",
        name="orders",
        columns=(schema_model.Column(name="id", type="bigint", nullable=False, generated=False),),
        constraints=(
            schema_model.Constraint(type="primary_key", name="orders_pkey", columns=("id",)),
            schema_model.Constraint(
                type="foreign_key",
                name="orders_of_itself",
                columns=("id",),
                referenced_table=schema_model.ReferencedTable(schema="public", table="orders", columns=("id",)),
            ),
        ),
    ),
)
RELATIONS = (
    relation_model.RelationDetail(
        relation=relation_model.Relation(
            schema="public",
            name="orders",
            kind=relation_model.RelationKind.TABLE,
            estimated_rows=1000,
            size_bytes=65536,
        ),
        columns=(relation_model.RelationColumn(name="id", type="bigint", nullable=False),),
        key=("id",),
    ),
)


@dataclasses.dataclass
class State:
    """All that there is."""

    chance: Random = dataclasses.field(default_factory=lambda: Random(7))
    fail_with: Exception | None = None
    projects: list[model.Project] = dataclasses.field(default_factory=list)
    permissions: list[model.Permission] = dataclasses.field(default_factory=list)
    branches: list[model.Branch] = dataclasses.field(default_factory=list)
    endpoints: list[model.Endpoint] = dataclasses.field(default_factory=list)
    roles: list[model.Role] = dataclasses.field(default_factory=list)
    databases: list[model.Database] = dataclasses.field(default_factory=list)
    operations: list[model.Operation] = dataclasses.field(default_factory=list)
    keys: list[tuple[model.ApiKey, str]] = dataclasses.field(default_factory=list)
    kept: list[past.Kept] = dataclasses.field(default_factory=list)
    snapshots: list[past.Snapshot] = dataclasses.field(default_factory=list)
    schedules: dict[str, tuple[past.ScheduleItem, ...]] = dataclasses.field(default_factory=dict)
    schemas: dict[str, str] = dataclasses.field(default_factory=dict)
    """What differs from SCHEMA, by branch."""
    statements: list[tuple[statement_model.Statement, points.Point]] = dataclasses.field(default_factory=list)
    """Those that were run."""
    last_number: int = 0

    def number(self) -> int:
        self.last_number += 1
        return self.last_number

    def may_fail(self) -> None:
        failure, self.fail_with = self.fail_with, None
        if failure is not None:
            raise failure

    def project(self, project: str) -> model.Project:
        self.may_fail()
        return one(self.projects, "project not found", id=project, deleted_at=None)

    def branch(self, project: str, branch: str) -> model.Branch:
        self.project(project)
        return one(self.branches, "branch not found", id=branch, project_id=project)

    def change(self, kind: str, old: Any, **changes: Any) -> Any:
        given = {key: value for key, value in changes.items() if value is not None}
        new = dataclasses.replace(old, **given)
        self.put(kind, old, new)
        return new

    def put(self, kind: str, old: Any, new: Any) -> None:
        items: list[Any] = getattr(self, kind)
        items[items.index(old)] = new

    def operation(
        self, action: str, project: str, branch: str | None, endpoint: str | None = None
    ) -> model.Operation:
        now = datetime.now(UTC)
        operation = model.Operation(
            id=names.new_operation_id(self.chance),
            project_id=names.ProjectId(project),
            branch_id=None if branch is None else names.BranchId(branch),
            endpoint_id=None if endpoint is None else names.EndpointId(endpoint),
            action=model.OperationAction(action),
            status=model.OperationStatus.RUNNING,
            created_at=now,
            updated_at=now,
        )
        self.operations.append(operation)
        return operation

    def keep(self, because: past.KeptBecause, branch: model.Branch, operation: model.Operation) -> None:
        now = datetime.now(UTC)
        is_gone = because is past.KeptBecause.DELETE
        of_branch = {
            kind: tuple(each for each in getattr(self, kind) if each.branch_id == branch.id)
            for kind in ("roles", "databases", "endpoints")
        }
        kept = past.Kept(
            id=operation.id,
            project_id=branch.project_id,
            branch=branch,
            copies=past.Copies(roles=of_branch["roles"], databases=of_branch["databases"]),
            endpoints=of_branch["endpoints"] if is_gone else (),
            because=because,
            kept_at=now,
            kept_until=now + timedelta(days=7),
        )
        self.kept.insert(0, kept)

    def copy_contents(self, source: str, target: str) -> tuple[list[model.Role], list[model.Database]]:
        roles = [
            dataclasses.replace(each, branch_id=names.BranchId(target))
            for each in self.roles
            if each.branch_id == source
        ]
        databases = [
            dataclasses.replace(each, branch_id=names.BranchId(target), id=self.number())
            for each in self.databases
            if each.branch_id == source
        ]
        self.roles += roles
        self.databases += databases
        return roles, databases

    def new_endpoint(self, project: model.Project, branch: str, asked: Any) -> model.Endpoint:
        usual = project.default_endpoint_settings
        endpoint = model.Endpoint(
            id=names.new_endpoint_id(self.chance),
            project_id=project.id,
            branch_id=names.BranchId(branch),
            type=asked.type,
            name=getattr(asked, "name", ""),
            autoscaling_limit_min_cu=asked.autoscaling_limit_min_cu or usual.autoscaling_limit_min_cu,
            autoscaling_limit_max_cu=asked.autoscaling_limit_max_cu or usual.autoscaling_limit_max_cu,
            suspend_timeout_seconds=asked.suspend_timeout_seconds or usual.suspend_timeout_seconds,
            disabled=getattr(asked, "disabled", False),
            pending_state=model.EndpointState.ACTIVE,
            settings=asked.settings or model.EndpointSettings(pg_settings=usual.pg_settings),
            **stamps(),
        )
        self.endpoints.append(endpoint)
        return endpoint


class Room:
    def __init__(self, state: State) -> None:
        self.state = state


class Projects(Room):
    async def create(self, spec: model.ProjectSpec) -> model.ProjectCreated:
        self.state.may_fail()
        project_id, branch_id = names.new_project_id(self.state.chance), names.new_branch_id(self.state.chance)
        project = model.Project(
            id=project_id,
            name=spec.name or project_id,
            pg_version=spec.pg_version or 17,
            region_id=spec.region_id or "aws-us-east-2",
            store_passwords=spec.store_passwords,
            history_retention_seconds=spec.history_retention_seconds,
            default_endpoint_settings=spec.endpoint_defaults,
            settings=spec.settings,
            **stamps(),
        )
        branch = model.Branch(
            id=branch_id,
            project_id=project_id,
            name=spec.branch_name,
            incarnation=names.new_incarnation(self.state.chance),
            state=model.BranchState.READY,
            default=True,
            protected=False,
            annotation=spec.annotation,
            **stamps(),
        )
        role = model.Role(
            branch_id=branch_id,
            name=spec.role_name or names.owner_of(spec.database_name),
            password=names.new_password(self.state.chance),
            protected=False,
            **stamps(),
        )
        database = model.Database(
            id=self.state.number(), branch_id=branch_id, name=spec.database_name, owner_name=role.name, **stamps()
        )
        self.state.projects.append(project)
        self.state.branches.append(branch)
        self.state.roles.append(role if spec.store_passwords else dataclasses.replace(role, password=None))
        self.state.databases.append(database)
        endpoint = self.state.new_endpoint(
            project, branch_id, model.NewEndpoint(type=model.EndpointType.READ_WRITE)
        )
        return model.ProjectCreated(
            project=project,
            branch=branch,
            endpoint=endpoint,
            role=role,
            database=database,
            operations=(
                self.state.operation("create_timeline", project_id, branch_id),
                self.state.operation("start_compute", project_id, branch_id, endpoint.id),
            ),
        )

    async def all(self, *, recoverable: bool = False) -> list[model.Project]:
        self.state.may_fail()
        return [each for each in self.state.projects if (each.deleted_at is not None) is recoverable]

    async def get(self, project: str) -> model.Project:
        return self.state.project(project)

    async def update(self, project: str, change: model.ProjectChange) -> tuple[model.Project, Ops]:
        given = {each.name: getattr(change, each.name) for each in dataclasses.fields(change)}
        return self.state.change("projects", self.state.project(project), **given), ()

    async def delete(self, project: str) -> model.Project:
        found = self.state.project(project)
        if any(each.protected for each in self.state.branches if each.project_id == project):
            raise RuleViolation("cannot delete project that has protected branches")
        gone: model.Project = self.state.change("projects", found, deleted_at=datetime.now(UTC))
        return gone

    async def recover(self, project: str) -> model.Project:
        for found in await self.all(recoverable=True):
            if found.id == project:
                back = dataclasses.replace(found, deleted_at=None)
                self.state.put("projects", found, back)
                return back
        raise NotFound("project not found")

    async def permissions(self, project: str) -> list[model.Permission]:
        self.state.project(project)
        return [each for each in self.state.permissions if each.project_id == project]

    async def grant(self, project: str, email: str) -> model.Permission:
        if email in [each.granted_to_email for each in await self.permissions(project)]:
            raise Conflict("permission already exists")
        permission = model.Permission(
            id=f"perm-{self.state.number()}",
            project_id=names.ProjectId(project),
            granted_to_email=email,
            granted_at=datetime.now(UTC),
        )
        self.state.permissions.append(permission)
        return permission

    async def revoke(self, project: str, permission: str) -> model.Permission:
        found = one(await self.permissions(project), "permission not found", id=permission)
        self.state.permissions.remove(found)
        return found


class Branches(Room):
    async def all(self, project: str) -> list[model.Branch]:
        self.state.project(project)
        return [each for each in self.state.branches if each.project_id == project]

    async def get(self, project: str, branch: str) -> model.Branch:
        return self.state.branch(project, branch)

    async def create(self, project: str, spec: model.BranchSpec) -> model.BranchCreated:
        present = await self.all(project)
        default = next(each for each in present if each.default)
        parent = self.state.branch(project, spec.parent_id or default.id)
        branch_id = names.new_branch_id(self.state.chance)
        if spec.name in [each.name for each in present]:
            raise Conflict("branch already exists")
        if sum(each.type is model.EndpointType.READ_WRITE for each in spec.endpoints) > 1:
            raise Conflict("read_write endpoint already exists")
        branch = model.Branch(
            id=branch_id,
            project_id=names.ProjectId(project),
            name=spec.name or branch_id,
            incarnation=names.new_incarnation(self.state.chance),
            state=model.BranchState.INIT,
            default=False,
            protected=spec.protected,
            init_source="schema-only" if spec.schema_only else "parent-data",
            expires_at=spec.expires_at,
            ttl_interval_seconds=None if spec.expires_at is None else 3600,
            annotation=spec.annotation,
            **({} if spec.schema_only else beginning(parent, spec.point)),
            **stamps(),
        )
        roles, databases = self.state.copy_contents(parent.id, branch_id)
        self.state.branches.append(branch)
        operations = [self.state.operation("create_branch", project, branch_id)]
        endpoints = [
            self.state.new_endpoint(self.state.project(project), branch_id, each) for each in spec.endpoints
        ]
        operations += [self.state.operation("start_compute", project, branch_id, each.id) for each in endpoints]
        return model.BranchCreated(
            branch=branch,
            endpoints=tuple(endpoints),
            roles=tuple(roles),
            databases=tuple(databases),
            operations=tuple(operations),
        )

    async def update(self, project: str, branch: str, change: model.BranchChange) -> tuple[model.Branch, Ops]:
        found = self.state.branch(project, branch)
        if change.name in [each.name for each in await self.all(project) if each.id != branch]:
            raise Conflict("branch already exists")
        new = self.state.change("branches", found, name=change.name, protected=change.protected)
        if change.expires_at is not model.Unchanged.UNCHANGED:
            old, new = new, dataclasses.replace(new, expires_at=change.expires_at)
            self.state.put("branches", old, new)
        return new, ()

    async def delete(self, project: str, branch: str, *, hard: bool = False) -> tuple[model.Branch, Ops]:
        found = self.state.branch(project, branch)
        children = [each.id for each in self.state.branches if each.parent_id == branch]
        if children:
            raise RuleViolation(f"cannot delete branch that has children: {', '.join(children)}")
        if found.default:
            raise RuleViolation("cannot delete the default branch")
        if found.protected:
            raise RuleViolation("cannot delete a protected branch")
        operation = self.state.operation("delete_timeline", project, branch)
        self.state.kept = [each for each in self.state.kept if each.branch.id != branch]
        if not hard:
            self.state.keep(past.KeptBecause.DELETE, found, operation)
        self.state.branches.remove(found)
        for kind in ("endpoints", "roles", "databases"):
            setattr(self.state, kind, [each for each in getattr(self.state, kind) if each.branch_id != branch])
        return found, (operation,)

    async def kept(self, project: str) -> list[past.Kept]:
        self.state.project(project)
        return [each for each in self.state.kept if each.project_id == project]

    async def recover(self, project: str, branch: str) -> tuple[model.Branch, list[model.Endpoint], Ops]:
        deleted = [each for each in await self.kept(project) if each.because is past.KeptBecause.DELETE]
        found = next((each for each in deleted if each.branch.id == branch), None)
        if found is None:
            raise NotFound("branch not found")
        if found.branch.name in [each.name for each in await self.all(project)]:
            raise Conflict("branch already exists")
        self.state.kept.remove(found)
        self.state.branches.append(found.branch)
        self.state.roles += found.copies.roles
        self.state.databases += found.copies.databases
        self.state.endpoints += found.endpoints
        return found.branch, list(found.endpoints), (self.state.operation("create_timeline", project, branch),)

    async def restore(self, project: str, branch: str, spec: past.RestoreSpec) -> tuple[model.Branch, Ops]:
        found, source = self.state.branch(project, branch), self.state.branch(project, spec.source)
        is_own, is_head = source.id == branch, spec.point is points.HEAD
        children = [each for each in self.state.branches if each.parent_id == branch]
        if found.protected:
            raise RuleViolation("cannot restore a protected branch")
        if is_own and is_head:
            raise RuleViolation("source_lsn or source_timestamp is required to restore a branch to its own past")
        if children and spec.preserve_under_name is None:
            raise RuleViolation("Branch has children, preserve_under_name is required")
        if is_own and spec.preserve_under_name is None:
            raise RuleViolation("preserve_under_name is required to restore a branch to its own past")
        if spec.preserve_under_name in [each.name for each in await self.all(project)]:
            raise Conflict("branch already exists")
        began = beginning(source, spec.point)
        operation = self.state.operation("create_branch", project, branch)
        if spec.preserve_under_name is None:
            is_reset = is_head and source.id == found.parent_id
            self.state.keep(past.KeptBecause.RESET if is_reset else past.KeptBecause.RESTORE, found, operation)
        else:
            backup = dataclasses.replace(
                found,
                id=names.new_branch_id(self.state.chance),
                name=spec.preserve_under_name,
                default=False,
                **stamps(),
            )
            self.state.branches.append(backup)
            self.state.copy_contents(branch, backup.id)
            for each in children:
                self.state.change("branches", each, parent_id=backup.id)
            if is_own:
                began |= {"parent_id": backup.id}
        restored: model.Branch = self.state.change(
            "branches",
            found,
            incarnation=names.new_incarnation(self.state.chance),
            last_reset_at=datetime.now(UTC),
            **began,
        )
        return restored, (operation,)

    async def undo(self, project: str, branch: str) -> tuple[model.Branch, Ops]:
        found = next((each for each in await self.kept(project) if each.branch.id == branch), None)
        if found is None:
            raise NotFound("nothing is kept of this branch")
        if found.because is past.KeptBecause.DELETE:
            back, _, operations = await self.recover(project, branch)
            return back, operations
        present = self.state.branch(project, branch)
        operation = self.state.operation("create_branch", project, branch)
        self.state.kept.remove(found)
        self.state.keep(past.KeptBecause.UNDO, present, operation)
        self.state.put("branches", present, found.branch)
        return found.branch, (operation,)

    async def finalize_restore(self, project: str, branch: str, old_name: str | None) -> Ops:
        found = self.state.branch(project, branch)
        if found.restore_status != "restored" or found.restored_as is None:
            raise RuleViolation("branch was not made from a snapshot")
        target = self.state.branch(project, found.restored_as)
        for each in self.state.endpoints:
            if each.branch_id == target.id:
                self.state.put("endpoints", each, dataclasses.replace(each, branch_id=found.id))
        name = target.name
        old = dataclasses.replace(target, name=old_name or f"{name} (old)", default=False)
        self.state.put("branches", target, old)
        self.state.change("branches", found, name=name, default=target.default, restore_status="finalized")
        return (self.state.operation("apply_config", project, branch),)

    async def history(self, project: str, branch: str) -> past.History:
        found = self.state.branch(project, branch)
        return past.History(
            earliest_lsn=EARLIEST_LSN,
            earliest_time=found.created_at,
            head_lsn=HEAD_LSN,
            own_bytes=4096,
            bases=1,
        )

    async def set_as_default(self, project: str, branch: str) -> tuple[model.Branch, Ops]:
        self.state.branch(project, branch)
        for each in await self.all(project):
            self.state.change("branches", each, default=each.id == branch)
        return self.state.branch(project, branch), ()


class Snapshots(Room):
    async def create(self, project: str, branch: str, spec: past.SnapshotSpec) -> tuple[past.Snapshot, Ops]:
        found = self.state.branch(project, branch)
        if found.parent_id is not None:
            raise RuleViolation("snapshots are made of root branches alone")
        began = beginning(found, spec.point)
        now = datetime.now(UTC)
        snapshot = past.Snapshot(
            id=f"snap-calm-hill-{self.state.number():08}",
            project_id=names.ProjectId(project),
            name=spec.name or f"{found.name} at {now:%H:%M:%S}",
            source_branch_id=found.id,
            lsn=began["parent_lsn"],
            timestamp=began["parent_timestamp"],
            created_at=now,
            copies=past.Copies(),
            expires_at=spec.expires_at,
        )
        self.state.snapshots.append(snapshot)
        return snapshot, (self.state.operation("create_timeline", project, branch),)

    async def all(self, project: str) -> list[past.Snapshot]:
        self.state.project(project)
        return [each for each in self.state.snapshots if each.project_id == project]

    async def update(self, project: str, snapshot: str, change: past.SnapshotChange) -> past.Snapshot:
        found = one(await self.all(project), "snapshot not found", id=snapshot)
        new: past.Snapshot = dataclasses.replace(found, name=change.name or found.name)
        if change.expires_at is not model.Unchanged.UNCHANGED:
            new = dataclasses.replace(new, expires_at=change.expires_at)
        self.state.put("snapshots", found, new)
        return new

    async def delete(self, project: str, snapshot: str) -> Ops:
        found = one(await self.all(project), "snapshot not found", id=snapshot)
        self.state.snapshots.remove(found)
        return (self.state.operation("delete_timeline", project, None),)

    async def restore(
        self, project: str, snapshot: str, spec: past.SnapshotRestoreSpec
    ) -> tuple[model.Branch, list[model.Endpoint], Ops]:
        found = one(await self.all(project), "snapshot not found", id=snapshot)
        target = self.state.branch(project, spec.target or found.source_branch_id)
        if spec.name in [each.name for each in self.state.branches if each.project_id == project]:
            raise Conflict("branch already exists")
        branch = model.Branch(
            id=names.new_branch_id(self.state.chance),
            project_id=names.ProjectId(project),
            name=spec.name or f"{target.name} from {found.name}",
            incarnation=names.new_incarnation(self.state.chance),
            state=model.BranchState.INIT,
            default=False,
            protected=False,
            restored_from=snapshot,
            restored_as=target.id,
            restore_status="restored",
            **stamps(),
        )
        self.state.branches.append(branch)
        self.state.copy_contents(target.id, branch.id)
        operations = (self.state.operation("create_branch", project, branch.id),)
        if spec.finalize:
            branches = Branches(self.state)
            operations += await branches.finalize_restore(project, branch.id, None)
            branch = await branches.get(project, branch.id)
        endpoints = [each for each in self.state.endpoints if each.branch_id == branch.id]
        return branch, endpoints, operations

    async def schedule(self, project: str, branch: str) -> tuple[past.ScheduleItem, ...]:
        return self.state.schedules.get(self.state.branch(project, branch).id, ())

    async def set_schedule(self, project: str, branch: str, items: tuple[past.ScheduleItem, ...]) -> None:
        self.state.schedules[self.state.branch(project, branch).id] = items


class Schemas(Room):
    async def sql(self, project: str, branch: str, database: str, point: points.Point) -> str:
        await self._must_be(project, branch, database, point)
        return self.state.schemas.get(branch, SCHEMA)

    async def tables(
        self, project: str, branch: str, database: str, point: points.Point
    ) -> tuple[schema_model.Table, ...]:
        await self._must_be(project, branch, database, point)
        return TABLES

    async def _must_be(self, project: str, branch: str, database: str, point: points.Point) -> None:
        beginning(self.state.branch(project, branch), point)
        await Databases(self.state).get(project, branch, database)


class Statements(Room):
    """Answers with the statement itself; one that begins with "fail" has an error at its second word."""

    async def run(
        self, project: str, branch: str, statement: statement_model.Statement, point: points.Point = points.HEAD
    ) -> statement_model.Answer:
        beginning(self.state.branch(project, branch), point)
        await Roles(self.state).get(project, branch, statement.role)
        self.state.statements.append((statement, point))
        if statement.text.startswith("fail"):
            complaint = statement_model.Complaint(
                severity="ERROR", sqlstate="42601", message="syntax error", hint="Mend it.", position=6
            )
            return statement_model.Answer(result=complaint, seconds=0.001)
        rows = statement_model.Rows(
            columns=(statement_model.ResultColumn(name="statement", type="text"),),
            rows=((statement_model.Cell(statement.text, len(statement.text.encode())),),),
            tag="SELECT 1",
        )
        return statement_model.Answer(result=rows, seconds=0.001)


class Relations(Room):
    async def all(self, scope: relation_model.Scope) -> tuple[relation_model.Relation, ...]:
        beginning(self.state.branch(scope.project, scope.branch), scope.point)
        await Roles(self.state).get(scope.project, scope.branch, scope.role)
        await Databases(self.state).get(scope.project, scope.branch, scope.database)
        return tuple(each.relation for each in RELATIONS)

    async def get(self, scope: relation_model.Scope, schema: str, name: str) -> relation_model.RelationDetail:
        await self.all(scope)
        for each in RELATIONS:
            if (each.relation.schema, each.relation.name) == (schema, name):
                return each
        raise NotFound(f"there is no table {schema}.{name}")

    async def rows(
        self,
        scope: relation_model.Scope,
        relation: relation_model.RelationDetail,
        browse: relation_model.Browse,
    ) -> statement_model.Answer:
        await self.all(scope)
        browsing.query_of(relation, browse)
        columns = tuple(statement_model.ResultColumn(name=each.name, type=each.type) for each in relation.columns)
        numbers = range(browse.offset + 1, browse.offset + 1 + browse.limit)
        rows = tuple(tuple(statement_model.Cell(str(each), len(str(each))) for _ in columns) for each in numbers)
        return statement_model.Answer(
            result=statement_model.Rows(columns=columns, rows=rows, stopped=statement_model.Stopped.ROWS),
            seconds=0.001,
        )


class Endpoints(Room):
    async def lags(self, endpoints: Iterable[model.Endpoint]) -> dict[str, model.ReplicaLag]:
        awake = (each for each in endpoints if each.current_state is model.EndpointState.ACTIVE)
        behind = model.ReplicaLag(lag_bytes=8192, lag_ms=12)
        return {each.id: behind for each in awake if each.type is model.EndpointType.READ_ONLY}

    async def vitals(self, endpoints: Iterable[model.Endpoint]) -> dict[str, model.Vitals]:
        awake = model.Vitals(wake_ms=48.2, connections=3, transactions=100)
        is_awake = model.EndpointState.ACTIVE
        return {each.id: awake if each.current_state is is_awake else model.Vitals() for each in endpoints}

    async def all(self, project: str) -> list[model.Endpoint]:
        self.state.project(project)
        return [each for each in self.state.endpoints if each.project_id == project]

    async def of_branch(self, project: str, branch: str) -> list[model.Endpoint]:
        self.state.branch(project, branch)
        return [each for each in await self.all(project) if each.branch_id == branch]

    async def get(self, project: str, endpoint: str) -> model.Endpoint:
        return one(await self.all(project), "endpoint not found", id=endpoint)

    async def create(self, project: str, spec: model.EndpointSpec) -> tuple[model.Endpoint, Ops]:
        present = await self.of_branch(project, spec.branch_id)
        if spec.type is model.EndpointType.READ_WRITE and any(each.type is spec.type for each in present):
            raise Conflict("read_write endpoint already exists")
        endpoint = self.state.new_endpoint(self.state.project(project), spec.branch_id, spec)
        return endpoint, (self.state.operation("start_compute", project, spec.branch_id, endpoint.id),)

    async def update(
        self, project: str, endpoint: str, change: model.EndpointChange
    ) -> tuple[model.Endpoint, Ops]:
        given = {each.name: getattr(change, each.name) for each in dataclasses.fields(change)}
        return self.state.change("endpoints", await self.get(project, endpoint), **given), ()

    async def delete(self, project: str, endpoint: str) -> tuple[model.Endpoint, Ops]:
        found = await self.get(project, endpoint)
        self.state.endpoints.remove(found)
        return found, (self.state.operation("suspend_compute", project, found.branch_id, endpoint),)

    async def start(self, project: str, endpoint: str) -> tuple[model.Endpoint, Ops]:
        found = await self.get(project, endpoint)
        awake = dataclasses.replace(found, current_state=model.EndpointState.ACTIVE, pending_state=None)
        self.state.put("endpoints", found, awake)
        return awake, (self.state.operation("start_compute", project, found.branch_id, endpoint),)

    async def suspend(self, project: str, endpoint: str) -> tuple[model.Endpoint, Ops]:
        found = await self.get(project, endpoint)
        asleep = dataclasses.replace(found, current_state=model.EndpointState.IDLE, pending_state=None)
        self.state.put("endpoints", found, asleep)
        return asleep, (self.state.operation("suspend_compute", project, found.branch_id, endpoint),)

    async def restart(self, project: str, endpoint: str) -> tuple[model.Endpoint, Ops]:
        found = await self.get(project, endpoint)
        actions = ("suspend_compute", "start_compute")
        return found, tuple(self.state.operation(each, project, found.branch_id, endpoint) for each in actions)


class Roles(Room):
    async def all(self, project: str, branch: str) -> list[model.Role]:
        self.state.branch(project, branch)
        return sorted((each for each in self.state.roles if each.branch_id == branch), key=lambda each: each.name)

    async def get(self, project: str, branch: str, role: str) -> model.Role:
        return one(await self.all(project, branch), "role not found", name=role)

    async def create(self, project: str, branch: str, role: str, *, no_login: bool) -> tuple[model.Role, Ops]:
        if role in [each.name for each in await self.all(project, branch)]:
            raise Conflict("role already exists")
        made = model.Role(
            branch_id=names.BranchId(branch),
            name=role,
            password=None if no_login else names.new_password(self.state.chance),
            protected=False,
            **stamps(),
        )
        self.state.roles.append(made)
        return made, (self.state.operation("apply_config", project, branch),)

    async def reset_password(self, project: str, branch: str, role: str) -> tuple[model.Role, Ops]:
        found = await self.get(project, branch, role)
        new = self.state.change("roles", found, password=names.new_password(self.state.chance))
        return new, (self.state.operation("apply_config", project, branch),)

    async def delete(self, project: str, branch: str, role: str) -> tuple[model.Role, Ops]:
        found = await self.get(project, branch, role)
        if role in [each.owner_name for each in self.state.databases if each.branch_id == branch]:
            raise RuleViolation("role owns a database")
        self.state.roles.remove(found)
        return found, (self.state.operation("apply_config", project, branch),)


class Databases(Room):
    async def all(self, project: str, branch: str) -> list[model.Database]:
        self.state.branch(project, branch)
        return sorted(
            (each for each in self.state.databases if each.branch_id == branch), key=lambda each: each.name
        )

    async def get(self, project: str, branch: str, database: str) -> model.Database:
        return one(await self.all(project, branch), "database not found", name=database)

    async def create(self, project: str, branch: str, database: str, *, owner: str) -> tuple[model.Database, Ops]:
        if database in [each.name for each in await self.all(project, branch)]:
            raise Conflict("database already exists")
        await Roles(self.state).get(project, branch, owner)
        made = model.Database(
            id=self.state.number(),
            branch_id=names.BranchId(branch),
            name=database,
            owner_name=owner,
            **stamps(),
        )
        self.state.databases.append(made)
        return made, (self.state.operation("apply_config", project, branch),)

    async def update(
        self, project: str, branch: str, database: str, *, name: str | None, owner: str | None
    ) -> tuple[model.Database, Ops]:
        found = await self.get(project, branch, database)
        if name not in (None, database) and name in [each.name for each in await self.all(project, branch)]:
            raise Conflict("database already exists")
        if owner is not None:
            await Roles(self.state).get(project, branch, owner)
        new = self.state.change("databases", found, name=name, owner_name=owner)
        return new, (self.state.operation("apply_config", project, branch),)

    async def delete(self, project: str, branch: str, database: str) -> tuple[model.Database, Ops]:
        found = await self.get(project, branch, database)
        self.state.databases.remove(found)
        return found, (self.state.operation("apply_config", project, branch),)


class Operations(Room):
    async def all(self, project: str) -> list[model.Operation]:
        self.state.project(project)
        return [each for each in reversed(self.state.operations) if each.project_id == project]

    async def get(self, project: str, operation: str) -> model.Operation:
        return one(await self.all(project), "operation not found", id=operation)


class ApiKeys(Room):
    async def all(self) -> list[model.ApiKey]:
        return [key for key, _ in self.state.keys]

    async def create(self, name: str) -> tuple[model.ApiKey, str]:
        text = f"napi_{self.state.chance.getrandbits(128):032x}"
        key = model.ApiKey(id=self.state.number(), name=name, digest="", created_at=datetime.now(UTC))
        self.state.keys.append((key, text))
        return key, text

    async def revoke(self, key: int) -> model.ApiKey:
        for found, text in self.state.keys:
            if found.id == key:
                self.state.keys.remove((found, text))
                return found
        raise NotFound("API key not found")

    def opens(self, text: str) -> bool:
        return text in [each for _, each in self.state.keys]


class Connections(Room):
    async def parameters(
        self,
        project: str,
        *,
        database: str,
        role: str,
        branch: str | None = None,
        endpoint: str | None = None,
        pooled: bool = False,
    ) -> ConnectionParameters:
        present = await Endpoints(self.state).all(project)
        branches = await Branches(self.state).all(project)
        branch = branch or next(each.id for each in branches if each.default)
        self.state.branch(project, branch)
        wanted = {"id": endpoint} if endpoint else {"branch_id": branch}
        found = one(present, "endpoint not found", **wanted)
        login = await Roles(self.state).get(project, found.branch_id, role)
        await Databases(self.state).get(project, found.branch_id, database)
        return ConnectionParameters(
            role=role,
            password=login.password,
            host=names.host_of(found.id, names.DEFAULT_HOST_SUFFIX, pooled=pooled),
            port=55432,
            database=database,
            options={"sslmode": "require", "channel_binding": "require"},
        )

    def host(self, endpoint: str, *, pooled: bool = False) -> str:
        return names.host_of(names.EndpointId(endpoint), names.DEFAULT_HOST_SUFFIX, pooled=pooled) + ":55432"


class MemoryPlane:
    """The rooms, over one state."""

    def __init__(self) -> None:
        self.state = State()
        self.projects = Projects(self.state)
        self.branches = Branches(self.state)
        self.snapshots = Snapshots(self.state)
        self.schemas = Schemas(self.state)
        self.statements = Statements(self.state)
        self.relations = Relations(self.state)
        self.endpoints = Endpoints(self.state)
        self.roles = Roles(self.state)
        self.databases = Databases(self.state)
        self.operations = Operations(self.state)
        self.api_keys = ApiKeys(self.state)
        self.connections = Connections(self.state)


class MemoryLocal:
    """What a platform tells of itself, of a plane in memory."""

    def __init__(self, plane: MemoryPlane) -> None:
        self.state = plane.state
        self.operations_profile: Profile = "immediate"

    async def diagnose(self) -> Diagnosis:
        return Diagnosis(
            version="0",
            python="3",
            postgres=(PostgresFound(version="17.2", bin_path="/usr/bin", is_default=True),),
            storage="copy",
            operations=self.operations_profile,
            home="/home",
            disk_free_bytes=1,
            disk_total_bytes=2,
            bind="127.0.0.1",
            http_port=55433,
            pg_port=55432,
            projects=len(self.state.projects),
            branches=len(self.state.branches),
            computes={"asleep": len(self.state.endpoints)},
        )

    async def metrics(self) -> tuple[bytes, str]:
        return b"dormouse_projects 1.0\n", "text/plain"

    async def cause(self, fault: FaultRequest) -> FaultsInForce:
        return await self.faults()

    async def faults(self) -> FaultsInForce:
        return FaultsInForce(faults=())

    async def finish_operations(self) -> int:
        return len(self.state.operations)

    async def follow(self, profile: Profile) -> None:
        self.operations_profile = profile

    async def reset(self) -> int:
        count = len(self.state.projects)
        kinds = ("projects", "permissions", "branches", "endpoints", "roles", "databases", "operations")
        for kind in (*kinds, "kept", "snapshots"):
            getattr(self.state, kind).clear()
        return count


def one(items: list[Any], complaint: str, **wanted: Any) -> Any:
    for each in items:
        if all(getattr(each, key) == value for key, value in wanted.items()):
            return each
    raise NotFound(complaint)


def beginning(source: model.Branch, point: points.Point) -> dict[str, Any]:
    """Where a branch of `source` at a point begins. A point beyond the head is the head."""
    lsn, moment = HEAD_LSN, datetime.now(UTC)
    match point:
        case points.AtLsn(asked) if asked < EARLIEST_LSN:
            raise RuleViolation("the earliest LSN that can be restored is 0/1000000")
        case points.AtLsn(asked):
            lsn = min(asked, lsn)
        case points.AtTime(asked) if asked < source.created_at.replace(microsecond=0):
            raise RuleViolation(f"the earliest time that can be restored is {source.created_at.isoformat()}")
        case points.AtTime(asked):
            moment = min(asked, moment)
    return {
        "parent_id": source.id,
        "parent_lsn": f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}",
        "parent_timestamp": moment,
    }


def stamps() -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"created_at": now, "updated_at": now}
