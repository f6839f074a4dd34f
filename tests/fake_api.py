"""An API in memory: what `dormouse.api.client.Client` does for the command, without a server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from dormouse.api.bodies import (
    BranchChanged,
    BranchCreate,
    BranchCreated,
    BranchEndpoint,
    BranchesPage,
    BranchRecovered,
    BranchRestore,
    BranchUpdate,
    Cursor,
    DatabaseChanged,
    DatabaseUpdate,
    EndpointChanged,
    EndpointCreate,
    OperationsPage,
    ProjectChanged,
    ProjectCreate,
    ProjectsPage,
    ProjectUpdate,
    RoleChanged,
    SnapshotCreated,
    SnapshotRestored,
    SnapshotUpdate,
)
from dormouse.api.errors import Exists, Missing, refusal
from dormouse.api.local import BranchHistory, KeptState
from dormouse.api.records import (
    Branch,
    BranchRecovery,
    Database,
    Endpoint,
    Operation,
    Project,
    ProjectListItem,
    Role,
    Snapshot,
)
from dormouse.names import BranchId, EndpointId, OperationId, ProjectId

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NEXT_WEEK = LONG_AGO + timedelta(days=7)


def project_of(number: int, name: str) -> ProjectListItem:
    return ProjectListItem(
        id=ProjectId(f"cold-sea-{number:08}"),
        platform_id="local",
        region_id="local",
        name=name,
        provisioner="k8s-pod",
        pg_version=17,
        proxy_host="dormouse.localhost",
        branch_logical_size_limit=0,
        branch_logical_size_limit_bytes=0,
        store_passwords=True,
        active_time=0,
        cpu_used_sec=0,
        creation_source="console",
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
        owner_id="anna",
        org_id="org-calm-hill-12345678",
    )


def branch_of(project: ProjectId, number: int, name: str, **more: Any) -> Branch:
    given = {"default": False, "protected": False, "current_state": "ready"} | more
    return Branch(
        id=BranchId(f"br-cold-sea-{number:08}"),
        project_id=project,
        name=name,
        state_changed_at=LONG_AGO,
        creation_source="console",
        cpu_used_sec=0,
        compute_time_seconds=0,
        active_time_seconds=0,
        written_data_bytes=0,
        data_transfer_bytes=0,
        created_at=LONG_AGO + timedelta(seconds=number),
        updated_at=LONG_AGO,
        **given,
    )


def endpoint_of(branch: Branch, number: int, kind: str, **more: Any) -> Endpoint:
    given = {"current_state": "idle", "suspend_timeout_seconds": 0} | more
    identifier = EndpointId(f"ep-cold-sea-{number:08}")
    return Endpoint(
        id=identifier,
        project_id=branch.project_id,
        branch_id=branch.id,
        host=f"{identifier}.dormouse.localhost:55432",
        proxy_host="dormouse.localhost",
        region_id="local",
        type=kind,
        autoscaling_limit_min_cu=0.25,
        autoscaling_limit_max_cu=0.25,
        settings={},
        pooler_enabled=False,
        pooler_mode="transaction",
        disabled=False,
        passwordless_access=True,
        provisioner="k8s-pod",
        creation_source="console",
        created_at=LONG_AGO + timedelta(seconds=number),
        updated_at=LONG_AGO,
        **given,
    )


class FakeApi:
    """One project, `shop`, with the branches `main` (a primary, two replicas) and `dev` (a primary).

    `calls` are the names of the changes that were asked for. `lasting` is how often an operation is looked at
    before it ends as `ending`; `busy` how many changes are refused with 423 first. `created` and `restored` are
    what was asked for, `schemas` the SQL of databases by the names of branch and database, with `@POINT` behind
    them for the past. With `is_neon` there are no routes beside Neon's own.
    """

    base_url = "http://127.0.0.1:55433/api/v2"

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.lasting = 0
        self.ending = "finished"
        self.busy = 0
        self.is_neon = False
        self.created: list[BranchCreate] = []
        self.restored: list[tuple[str, BranchRestore]] = []
        self.deleted_branches: list[Branch] = []
        self.kept: list[KeptState] = []
        self.history_list: list[BranchHistory] = []
        self.snapshot_list: list[Snapshot] = []
        self.schemas: dict[tuple[str, str], str] = {}
        self._number = 100
        shop = project_of(1, "shop")
        self.project_list = [shop]
        self.deleted_list = [replace(project_of(9, "gone"), recoverable_until=LONG_AGO)]
        main = branch_of(shop.id, 1, "main", default=True)
        dev = branch_of(shop.id, 2, "dev", parent_id=main.id)
        self.branch_list = [main, dev]
        self.endpoint_list = [
            endpoint_of(main, 3, "read_only"),
            endpoint_of(main, 1, "read_write"),
            endpoint_of(main, 4, "read_only"),
            endpoint_of(dev, 2, "read_write"),
        ]
        self.role_names = ["anna"]
        self.database_names = ["shop"]
        self.operation_list: list[Operation] = []
        self._looks: dict[str, int] = {}

    # Projects

    def projects(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str | None = None,
        org_id: str | None = None,
        recoverable: bool = False,
    ) -> ProjectsPage:
        found = self.deleted_list if recoverable else self.project_list
        begin = next((at + 1 for at, each in enumerate(found) if each.id == cursor), 0)
        page = tuple(found[begin : begin + (limit or 10)])
        return ProjectsPage(projects=page, pagination=Cursor(cursor=page[-1].id) if page else None)

    def organizations(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(id="org-calm-hill-12345678")]

    def project(self, project: str) -> Project:
        return _whole(_found(self.project_list, project, "project"))

    def create_project(self, asked: ProjectCreate) -> Any:
        self._change("create_project")
        made = replace(project_of(self._next(), asked.name or "unnamed"), pg_version=asked.pg_version or 17)
        self.project_list.append(made)
        branch = branch_of(made.id, self._next(), "main", default=True)
        endpoint = endpoint_of(branch, self._next(), "read_write")
        self.branch_list.append(branch)
        self.endpoint_list.append(endpoint)
        return SimpleNamespace(
            project=_whole(made),
            branch=branch,
            endpoints=(endpoint,),
            operations=self._operations("create_timeline", made.id),
        )

    def update_project(self, project: str, change: ProjectUpdate) -> ProjectChanged:
        self._change("update_project")
        found = _found(self.project_list, project, "project")
        now = replace(found, name=change.name or found.name)
        self.project_list[self.project_list.index(found)] = now
        return ProjectChanged(project=_whole(now), operations=())

    def delete_project(self, project: str) -> Project:
        self._change("delete_project")
        found = _found(self.project_list, project, "project")
        self.project_list.remove(found)
        self.deleted_list.append(found)
        return _whole(found)

    def recover_project(self, project: str) -> Project:
        self._change("recover_project")
        found = _found(self.deleted_list, project, "project")
        self.deleted_list.remove(found)
        self.project_list.append(found)
        return _whole(found)

    # Operations

    def operations(self, project: str, *, limit: int | None = None, cursor: str | None = None) -> OperationsPage:
        return OperationsPage(operations=tuple(reversed(self.operation_list))[: limit or 100])

    def operation(self, project: str, operation: str) -> Operation:
        found = _found(self.operation_list, operation, "operation")
        self._looks[operation] = self._looks.get(operation, 0) + 1
        if self._looks[operation] > self.lasting:
            error = None if self.ending == "finished" else "the disk is full"
            return replace(found, status=self.ending, error=error)
        return found

    def finish_operations(self) -> int:
        return len(self.operation_list)

    def choose_profile(self, profile: str) -> str:
        return profile

    # Branches

    def branches(self, project: str, *, include_deleted: bool = False) -> BranchesPage:
        found = [*self.branch_list, *(self.deleted_branches if include_deleted else ())]
        return BranchesPage(branches=tuple(each for each in found if each.project_id == project))

    def branch_count(self, project: str) -> int:
        return len(self.branches(project).branches)

    def branch(self, project: str, branch: str) -> Branch:
        return _found(self.branch_list, branch, "branch")

    def create_branch(
        self, project: ProjectId, asked: BranchCreate, *, endpoints: tuple[BranchEndpoint, ...]
    ) -> BranchCreated:
        self._change("create_branch")
        self.created.append(asked)
        if any(each.name == asked.name for each in self.branches(project).branches):
            raise Exists(409, "", "branch already exists", "")
        made = branch_of(
            project,
            self._next(),
            asked.name or "br-unnamed",
            parent_id=asked.parent_id,
            expires_at=asked.expires_at,
            protected=bool(asked.protected),
        )
        computes = tuple(endpoint_of(made, self._next(), each.type) for each in endpoints)
        self.branch_list.append(made)
        self.endpoint_list += computes
        return BranchCreated(
            branch=replace(made, current_state="init", pending_state="ready"),
            endpoints=computes,
            operations=self._operations("create_branch", project),
        )

    def update_branch(
        self, project: ProjectId, branch: str, change: BranchUpdate, *, never_expires: bool = False
    ) -> BranchChanged:
        self._change("update_branch")
        found = _found(self.branch_list, branch, "branch")
        now = replace(
            found,
            name=change.name or found.name,
            protected=found.protected if change.protected is None else change.protected,
            expires_at=None if never_expires else change.expires_at or found.expires_at,
        )
        self.branch_list[self.branch_list.index(found)] = now
        return BranchChanged(branch=now, operations=())

    def delete_branch(self, project: ProjectId, branch: str, *, hard: bool = False) -> BranchChanged:
        self._change("delete_branch")
        found = _found(self.branch_list, branch, "branch")
        if found.default:
            raise refusal(422, "", "cannot delete the default branch", "")
        self.branch_list.remove(found)
        if not hard:
            recovery = BranchRecovery(deleted_at=LONG_AGO, recoverable_until=NEXT_WEEK, deletion_method="user")
            self.deleted_branches.append(replace(found, recovery=recovery))
        return BranchChanged(branch=found, operations=self._operations("delete_timeline", project))

    def recover_branch(self, project: ProjectId, branch: str) -> BranchRecovered:
        self._change("recover_branch")
        found = _found(self.deleted_branches, branch, "branch")
        self.deleted_branches.remove(found)
        self.branch_list.append(replace(found, recovery=None))
        return BranchRecovered(branch=replace(found, recovery=None))

    def restore_branch(self, project: ProjectId, branch: str, asked: BranchRestore) -> BranchChanged:
        self._change("restore_branch")
        self.restored.append((branch, asked))
        found = _found(self.branch_list, branch, "branch")
        if asked.preserve_under_name is not None:
            preserved = branch_of(project, self._next(), asked.preserve_under_name, parent_id=found.parent_id)
            self.branch_list.append(preserved)
            now = replace(found, parent_id=preserved.id)
            self.branch_list[self.branch_list.index(found)] = now
            found = now
        return BranchChanged(branch=found, operations=self._operations("create_branch", project))

    def branch_schema(
        self,
        project: ProjectId,
        branch: str,
        database: str,
        *,
        lsn: str | None = None,
        timestamp: datetime | None = None,
    ) -> str:
        name = _found(self.branch_list, branch, "branch").name
        point = lsn or ("" if timestamp is None else timestamp.isoformat())
        try:
            return self.schemas[name + (f"@{point}" if point else ""), database]
        except KeyError:
            raise Missing(404, "", "database not found", "") from None

    # What Neon has not

    def branch_histories(self, project: ProjectId) -> tuple[BranchHistory, ...]:
        self._only_here()
        return tuple(self.history_list)

    def kept_states(self, project: ProjectId) -> tuple[KeptState, ...]:
        self._only_here()
        return tuple(self.kept)

    def undo_branch(self, project: ProjectId, branch: str) -> BranchChanged:
        self._only_here()
        self._change("undo_branch")
        gone = next((each for each in self.deleted_branches if each.id == branch), None)
        if gone is not None:
            return BranchChanged(branch=self.recover_branch(project, branch).branch, operations=())
        found = _found(self.branch_list, branch, "branch")
        return BranchChanged(branch=found, operations=self._operations("create_branch", project))

    # Snapshots

    def snapshots(self, project: ProjectId) -> tuple[Snapshot, ...]:
        return tuple(self.snapshot_list)

    def create_snapshot(
        self, project: ProjectId, branch: str, *, name: str | None = None, **more: Any
    ) -> SnapshotCreated:
        self._change("create_snapshot")
        if _found(self.branch_list, branch, "branch").parent_id is not None:
            raise refusal(422, "", "snapshots can be made of root branches only", "")
        number = self._next()
        made = Snapshot(
            id=f"snap-cold-sea-{number:08}",
            name=name or f"main at {number}",
            created_at=LONG_AGO,
            lsn=more.get("lsn") or "0/1FA22C0",
            timestamp=more.get("timestamp") or LONG_AGO,
            source_branch_id=BranchId(branch),
            expires_at=more.get("expires_at"),
            manual=True,
            full_size=12_000_000,
        )
        self.snapshot_list.append(made)
        return SnapshotCreated(snapshot=made, operations=self._operations("create_branch", project))

    def update_snapshot(self, project: ProjectId, snapshot: str, change: SnapshotUpdate) -> Snapshot:
        self._change("update_snapshot")
        found = _found(self.snapshot_list, snapshot, "snapshot")
        now = replace(found, name=change.name or found.name)
        self.snapshot_list[self.snapshot_list.index(found)] = now
        return now

    def delete_snapshot(self, project: ProjectId, snapshot: str) -> tuple[Operation, ...]:
        self._change("delete_snapshot")
        self.snapshot_list.remove(_found(self.snapshot_list, snapshot, "snapshot"))
        return self._operations("delete_timeline", project)

    def restore_snapshot(
        self,
        project: ProjectId,
        snapshot: str,
        *,
        name: str | None = None,
        target_branch_id: BranchId | None = None,
        finalize: bool = False,
    ) -> SnapshotRestored:
        self._change("restore_snapshot")
        found = _found(self.snapshot_list, snapshot, "snapshot")
        target = _found(self.branch_list, target_branch_id or found.source_branch_id, "branch")
        made = branch_of(project, self._next(), name or f"{target.name}_restored", restored_from=found.id)
        if finalize:
            made = replace(made, name=target.name, default=target.default)
            self.branch_list[self.branch_list.index(target)] = replace(
                target, name=name or f"{target.name} (old)", default=False
            )
        self.branch_list.append(made)
        return SnapshotRestored(branch=made, operations=self._operations("create_branch", project))

    def set_default_branch(self, project: ProjectId, branch: str) -> BranchChanged:
        self._change("set_default_branch")
        self.branch_list = [replace(each, default=each.id == branch) for each in self.branch_list]
        return BranchChanged(branch=_found(self.branch_list, branch, "branch"), operations=())

    # Computes

    def endpoints(self, project: str) -> tuple[Endpoint, ...]:
        return tuple(each for each in self.endpoint_list if each.project_id == project)

    def branch_endpoints(self, project: str, branch: str) -> tuple[Endpoint, ...]:
        return tuple(each for each in self.endpoint_list if each.branch_id == branch)

    def endpoint(self, project: str, endpoint: str) -> Endpoint:
        return _found(self.endpoint_list, endpoint, "endpoint")

    def create_endpoint(self, project: ProjectId, asked: EndpointCreate) -> EndpointChanged:
        self._change("create_endpoint")
        branch = _found(self.branch_list, asked.branch_id, "branch")
        made = endpoint_of(branch, self._next(), asked.type)
        self.endpoint_list.append(made)
        return EndpointChanged(endpoint=made, operations=self._operations("start_compute", project))

    def delete_endpoint(self, project: ProjectId, endpoint: str) -> EndpointChanged:
        self._change("delete_endpoint")
        found = _found(self.endpoint_list, endpoint, "endpoint")
        self.endpoint_list.remove(found)
        return EndpointChanged(endpoint=found, operations=())

    def start_endpoint(self, project: ProjectId, endpoint: str) -> EndpointChanged:
        return self._becomes("start_endpoint", endpoint, "active")

    def suspend_endpoint(self, project: ProjectId, endpoint: str) -> EndpointChanged:
        return self._becomes("suspend_endpoint", endpoint, "idle")

    def restart_endpoint(self, project: ProjectId, endpoint: str) -> EndpointChanged:
        return self._becomes("restart_endpoint", endpoint, "active")

    # Roles and databases

    def roles(self, project: str, branch: str) -> list[Role]:
        return [self._role(branch, name) for name in self.role_names]

    def create_role(
        self, project: ProjectId, branch: str, role: str, *, no_login: bool | None = None
    ) -> RoleChanged:
        self._change("create_role")
        self.role_names.append(role)
        return RoleChanged(role=replace(self._role(branch, role), password="npg_new"), operations=())

    def reset_password(self, project: ProjectId, branch: str, role: str) -> RoleChanged:
        self._change("reset_password")
        return RoleChanged(role=replace(self._role(branch, role), password="npg_newer"), operations=())

    def reveal_password(self, project: ProjectId, branch: str, role: str) -> str:
        return "npg_secret"

    def delete_role(self, project: ProjectId, branch: str, role: str) -> RoleChanged:
        self._change("delete_role")
        self.role_names.remove(role)
        return RoleChanged(role=self._role(branch, role), operations=())

    def databases(self, project: str, branch: str) -> list[Database]:
        return [self._database(branch, name) for name in self.database_names]

    def create_database(self, project: ProjectId, branch: str, database: str, *, owner: str) -> DatabaseChanged:
        self._change("create_database")
        self.database_names.append(database)
        return DatabaseChanged(database=self._database(branch, database, owner), operations=())

    def update_database(
        self, project: ProjectId, branch: str, database: str, change: DatabaseUpdate
    ) -> DatabaseChanged:
        self._change("update_database")
        self.database_names = [change.name if name == database else name for name in self.database_names]
        return DatabaseChanged(database=self._database(branch, str(change.name)), operations=())

    def delete_database(self, project: ProjectId, branch: str, database: str) -> None:
        self._change("delete_database")
        self.database_names.remove(database)

    def connection_uri(self, project: str, *, database: str, role: str, endpoint: str) -> str:
        host = f"{endpoint}.dormouse.localhost:55432"
        return f"postgresql://{role}:npg_secret@{host}/{database}?sslmode=require&hostaddr=127.0.0.1"

    def _only_here(self) -> None:
        if self.is_neon:
            raise Missing(404, "", "this route does not exist", "")

    def _change(self, name: str) -> None:
        self.calls.append(name)
        if self.busy > 0:
            self.busy -= 1
            raise refusal(423, "", "project already has running conflicting operations", "")

    def _operations(self, action: str, project: ProjectId) -> tuple[Operation, ...]:
        made = Operation(
            id=OperationId(f"00000000-0000-4000-8000-{self._next():012}"),
            project_id=project,
            action=action,
            status="running",
            failures_count=0,
            created_at=LONG_AGO,
            updated_at=LONG_AGO,
            total_duration_ms=0,
        )
        self.operation_list.append(made)
        return (made,)

    def _becomes(self, call: str, endpoint: str, state: str) -> EndpointChanged:
        self._change(call)
        found = _found(self.endpoint_list, endpoint, "endpoint")
        now = replace(found, current_state=state)
        self.endpoint_list[self.endpoint_list.index(found)] = now
        return EndpointChanged(endpoint=found, operations=self._operations(call, found.project_id))

    def _role(self, branch: str, name: str) -> Role:
        return Role(branch_id=BranchId(branch), name=name, created_at=LONG_AGO, updated_at=LONG_AGO)

    def _database(self, branch: str, name: str, owner: str = "anna") -> Database:
        return Database(
            id=1,
            branch_id=BranchId(branch),
            name=name,
            owner_name=owner,
            created_at=LONG_AGO,
            updated_at=LONG_AGO,
        )

    def _next(self) -> int:
        self._number += 1
        return self._number


def _found(there: list[Any], identifier: str, kind: str) -> Any:
    for each in there:
        if each.id == identifier:
            return each
    raise Missing(404, "", f"{kind} not found", "")


def _whole(item: ProjectListItem) -> Project:
    """The project as a single object."""
    shared: dict[str, Any] = {
        name: getattr(item, name)
        for name in ProjectListItem.__slots__
        if name in Project.__slots__ and name != "history_retention_seconds"
    }
    return Project(
        **shared,
        history_retention_seconds=86400,
        consumption_period_start=LONG_AGO,
        consumption_period_end=LONG_AGO,
        data_storage_bytes_hour=0,
        data_transfer_bytes=0,
        written_data_bytes=0,
        compute_time_seconds=0,
        active_time_seconds=0,
    )
