"""A client of the Neon API on the standard library alone: one method per route, records in and out.

It speaks to this platform and to Neon alike. One request is one connection, so a Client may be used from any
thread, and there is nothing to close. It does not retry: whether that is safe is the caller's knowledge.
"""

import http.client
import ipaddress
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from dormouse.api.bodies import (
    ApiKeyCreateRequest,
    AvailablePreloadLibraries,
    BackupSchedule,
    BranchAnswer,
    BranchChanged,
    BranchCount,
    BranchCreate,
    BranchCreated,
    BranchCreateRequest,
    BranchEndpoint,
    BranchesPage,
    BranchRecovered,
    BranchRestore,
    BranchSchema,
    BranchUpdate,
    BranchUpdateRequest,
    ConnectionUri,
    DatabaseAnswer,
    DatabaseChanged,
    DatabaseCreate,
    DatabaseCreateRequest,
    Databases,
    DatabaseUpdate,
    DatabaseUpdateRequest,
    EndpointAnswer,
    EndpointChanged,
    EndpointCreate,
    EndpointCreateRequest,
    Endpoints,
    EndpointUpdate,
    EndpointUpdateRequest,
    FinalizeRestore,
    OperationAnswer,
    Operations,
    OperationsPage,
    Organizations,
    PermissionGrantRequest,
    Permissions,
    ProjectAnswer,
    ProjectChanged,
    ProjectCreate,
    ProjectCreated,
    ProjectCreateRequest,
    ProjectsPage,
    ProjectUpdate,
    ProjectUpdateRequest,
    Regions,
    RoleAnswer,
    RoleChanged,
    RoleCreate,
    RoleCreateRequest,
    RolePassword,
    Roles,
    SchemaComparison,
    SnapshotAnswer,
    SnapshotCreated,
    SnapshotRestore,
    SnapshotRestored,
    Snapshots,
    SnapshotUpdate,
    SnapshotUpdateRequest,
)
from dormouse.api.errors import ApiError, Malformed, NoAnswer, refusal
from dormouse.api.json_form import exact_moment_text, from_json, list_from_json, to_json
from dormouse.api.local import (
    LOCAL_ROOT,
    BranchHistories,
    BranchHistory,
    ConsoleLink,
    Diagnosis,
    FaultInForce,
    FaultRequest,
    FaultsInForce,
    Finished,
    Health,
    KeptState,
    KeptStates,
    LatencyProfile,
    Reset,
    ResetRequest,
)
from dormouse.api.records import (
    ApiKey,
    ApiKeyCreated,
    ApiKeyRevoked,
    Auth,
    BackupScheduleItem,
    Branch,
    CurrentUser,
    Database,
    Endpoint,
    Operation,
    Organization,
    Permission,
    PreloadLibrary,
    Project,
    Region,
    Role,
    Snapshot,
    Table,
)
from dormouse.names import BranchId, EndpointId, OperationId, ProjectId

__all__ = ["Client"]

T = TypeVar("T")


class Client:
    """Calls the API at `base_url`, for example `http://127.0.0.1:55433/api/v2`, with or without a final slash.

    Every method raises an ApiError: Refused where the server said no, NoAnswer where nobody answered within
    `timeout_s`, Malformed where the answer is not the API's.
    """

    def __init__(
        self, base_url: str, api_key: str, *, timeout_s: float = 60.0, user_agent: str = "dormouse"
    ) -> None:
        """Raises ApiError for an address or a key that no request could carry."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise ApiError(
                "the API's address must look like http://127.0.0.1:55433/api/v2, without user or password"
            )
        # http.client would refuse such a key too, with the key in its message.
        if not api_key.isascii() or not api_key.isprintable():
            raise ApiError("the API key holds characters that cannot stand in a header")
        self.base_url = base_url.rstrip("/")
        self._authorization = f"Bearer {api_key}"
        self._timeout_s = timeout_s
        self._user_agent = user_agent
        self._opener = _opener(parts.hostname)

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def me(self) -> CurrentUser:
        """Whom the key belongs to."""
        return self._get(CurrentUser, "/users/me")

    def organizations(self) -> tuple[Organization, ...]:
        """The organizations of the key's owner."""
        return self._get(Organizations, "/users/me/organizations").organizations

    def organization(self, organization: str) -> Organization:
        """One organization, by its id."""
        return self._get(Organization, _path("organizations", organization))

    def auth(self) -> Auth:
        """How this client proves who it is."""
        return self._get(Auth, "/auth")

    def regions(self) -> tuple[Region, ...]:
        """Where projects may live."""
        return self._get(Regions, "/regions").regions

    def api_keys(self) -> tuple[ApiKey, ...]:
        """The keys beside the platform's own, without their texts."""
        return list_from_json(ApiKey, self._json("GET", "/api_keys"))

    def create_api_key(self, name: str) -> ApiKeyCreated:
        """Make a key; the answer is the only place where its text is ever shown."""
        return self._post(ApiKeyCreated, "/api_keys", to_json(ApiKeyCreateRequest(key_name=name)))

    def revoke_api_key(self, key: int) -> ApiKeyRevoked:
        """Make a key open nothing any more."""
        return self._call(ApiKeyRevoked, "DELETE", _path("api_keys", str(key)))

    def projects(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str | None = None,
        org_id: str | None = None,
        recoverable: bool = False,
    ) -> ProjectsPage:
        """One page of projects; the server's default is ten. With `recoverable`, of those that were deleted."""
        return self._get(
            ProjectsPage,
            "/projects",
            limit=limit,
            cursor=cursor,
            search=search,
            org_id=org_id,
            recoverable="true" if recoverable else None,
        )

    def shared_projects(self) -> ProjectsPage:
        """The projects that others share with this account."""
        return self._get(ProjectsPage, "/projects/shared")

    def create_project(self, project: ProjectCreate | None = None) -> ProjectCreated:
        """Make a project with its branch, role, database and compute; the compute may still be starting."""
        body = to_json(ProjectCreateRequest(project=project or ProjectCreate()))
        return self._post(ProjectCreated, "/projects", body)

    def project(self, project: ProjectId) -> Project:
        """One project."""
        return self._get(ProjectAnswer, _path("projects", project)).project

    def update_project(self, project: ProjectId, change: ProjectUpdate) -> ProjectChanged:
        """Change what was given."""
        body = to_json(ProjectUpdateRequest(project=change))
        return self._patch(ProjectChanged, _path("projects", project), body)

    def delete_project(self, project: ProjectId) -> Project:
        """Take a project away; for seven days it can be recovered."""
        return self._call(ProjectAnswer, "DELETE", _path("projects", project)).project

    def recover_project(self, project: ProjectId) -> Project:
        """Bring a deleted project back with all that it had."""
        return self._post(ProjectAnswer, _path("projects", project, "recover")).project

    def permissions(self, project: ProjectId) -> tuple[Permission, ...]:
        """Whom a project is shared with."""
        return self._get(Permissions, _path("projects", project, "permissions")).project_permissions

    def grant_permission(self, project: ProjectId, email: str) -> Permission:
        """Share a project; raises Exists for an address that it is shared with."""
        body = to_json(PermissionGrantRequest(email=email))
        return self._post(Permission, _path("projects", project, "permissions"), body)

    def revoke_permission(self, project: ProjectId, permission: str) -> Permission:
        """Share a project no longer; `permission` is the id."""
        return self._call(Permission, "DELETE", _path("projects", project, "permissions", permission))

    def preload_libraries(self, project: ProjectId) -> tuple[PreloadLibrary, ...]:
        """What the project's servers could load at their start."""
        return self._get(
            AvailablePreloadLibraries, _path("projects", project, "available_preload_libraries")
        ).libraries

    def operations(
        self, project: ProjectId, *, limit: int | None = None, cursor: str | None = None
    ) -> OperationsPage:
        """One page of a project's operations, newest first."""
        return self._get(OperationsPage, _path("projects", project, "operations"), limit=limit, cursor=cursor)

    def operation(self, project: ProjectId, operation: OperationId) -> Operation:
        """One operation."""
        return self._get(OperationAnswer, _path("projects", project, "operations", operation)).operation

    def connection_uri(
        self,
        project: ProjectId,
        *,
        database: str,
        role: str,
        branch: BranchId | None = None,
        endpoint: EndpointId | None = None,
        pooled: bool = False,
    ) -> str:
        """A connection string with its password; without branch or endpoint, the default branch's primary."""
        path = _path("projects", project, "connection_uri")
        answer = self._get(
            ConnectionUri,
            path,
            database_name=database,
            role_name=role,
            branch_id=branch,
            endpoint_id=endpoint,
            pooled="true" if pooled else None,
        )
        return answer.uri

    def branches(
        self,
        project: ProjectId,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        include_deleted: bool = False,
    ) -> BranchesPage:
        """One page of branches; without `limit`, all of them.

        With `include_deleted` also those that can be recovered: they have a `recovery`.
        """
        return self._get(
            BranchesPage,
            _path("projects", project, "branches"),
            limit=limit,
            cursor=cursor,
            search=search,
            sort_by=sort_by,
            sort_order=sort_order,
            include_deleted="true" if include_deleted else None,
        )

    def branch_count(self, project: ProjectId, *, search: str | None = None) -> int:
        """How many branches there are."""
        return self._get(BranchCount, _path("projects", project, "branches", "count"), search=search).count

    def branch(self, project: ProjectId, branch: BranchId) -> Branch:
        """One branch."""
        return self._get(BranchAnswer, _path("projects", project, "branches", branch)).branch

    def create_branch(
        self,
        project: ProjectId,
        branch: BranchCreate | None = None,
        *,
        endpoints: tuple[BranchEndpoint, ...] = (BranchEndpoint(type="read_write"),),
        annotation: Mapping[str, str] | None = None,
    ) -> BranchCreated:
        """Make a branch with its computes; raises Exists for a name that is taken.

        Without computes nobody can connect to it. `annotation` are words that lists show beside it.
        """
        request = BranchCreateRequest(
            branch=branch or BranchCreate(), endpoints=endpoints, annotation_value=annotation
        )
        body = to_json(request)
        return self._post(BranchCreated, _path("projects", project, "branches"), body)

    def update_branch(
        self, project: ProjectId, branch: BranchId, change: BranchUpdate, *, never_expires: bool = False
    ) -> BranchChanged:
        """Change what was given; `never_expires` takes the expiry away."""
        body = to_json(BranchUpdateRequest(branch=change))
        if never_expires:
            body["branch"] |= {"expires_at": None}
        return self._patch(BranchChanged, _path("projects", project, "branches", branch), body)

    def delete_branch(self, project: ProjectId, branch: BranchId, *, hard: bool = False) -> BranchChanged | None:
        """Delete a branch with its computes; None from a server that says it was gone already.

        `hard`, so that it cannot be recovered.
        """
        path = _path("projects", project, "branches", branch)
        return self._delete(BranchChanged, path + ("?hard_delete=true" if hard else ""))

    def recover_branch(self, project: ProjectId, branch: BranchId) -> BranchRecovered:
        """Bring a deleted branch back with its computes; raises Exists where its name was taken meanwhile."""
        return self._post(BranchRecovered, _path("projects", project, "branches", branch, "recover"))

    def restore_branch(self, project: ProjectId, branch: BranchId, restore: BranchRestore) -> BranchChanged:
        """Give a branch the data of another one, or of its own past; its clients are cut off."""
        path = _path("projects", project, "branches", branch, "restore")
        return self._post(BranchChanged, path, to_json(restore))

    def finalize_restore(
        self, project: ProjectId, branch: BranchId, *, name: str | None = None
    ) -> tuple[Operation, ...]:
        """Put a branch that was made from a snapshot in the place of the one that it is to replace.

        `name` is what that one is called afterwards.
        """
        path = _path("projects", project, "branches", branch, "finalize_restore")
        return self._post(Operations, path, to_json(FinalizeRestore(name=name))).operations

    def set_default_branch(self, project: ProjectId, branch: BranchId) -> BranchChanged:
        """Make a branch the project's default; the old one becomes ordinary."""
        return self._post(BranchChanged, _path("projects", project, "branches", branch, "set_as_default"))

    def branch_schema(
        self,
        project: ProjectId,
        branch: BranchId,
        database: str,
        *,
        lsn: str | None = None,
        timestamp: datetime | None = None,
    ) -> str:
        """What is in a database besides rows, as SQL; now, or at one of the two points."""
        path = _path("projects", project, "branches", branch, "schema")
        answer = self._get(BranchSchema, path, db_name=database, lsn=lsn, timestamp=_moment(timestamp))
        return answer.sql or ""

    def branch_tables(
        self,
        project: ProjectId,
        branch: BranchId,
        database: str,
        *,
        lsn: str | None = None,
        timestamp: datetime | None = None,
    ) -> tuple[Table, ...]:
        """The tables of a database with their columns and constraints; now, or at one of the two points."""
        path = _path("projects", project, "branches", branch, "schema")
        answer = self._get(
            BranchSchema, path, db_name=database, lsn=lsn, timestamp=_moment(timestamp), format="json"
        )
        return () if answer.json is None else answer.json.tables

    def compare_schema(
        self,
        project: ProjectId,
        branch: BranchId,
        database: str,
        *,
        base_branch: BranchId | None = None,
        lsn: str | None = None,
        timestamp: datetime | None = None,
        base_lsn: str | None = None,
        base_timestamp: datetime | None = None,
    ) -> str:
        """How a schema differs from that of its base, by default the parent: a unified diff, or nothing."""
        answer = self._get(
            SchemaComparison,
            _path("projects", project, "branches", branch, "compare_schema"),
            db_name=database,
            base_branch_id=base_branch,
            lsn=lsn,
            timestamp=_moment(timestamp),
            base_lsn=base_lsn,
            base_timestamp=_moment(base_timestamp),
        )
        return answer.diff

    def snapshots(self, project: ProjectId) -> tuple[Snapshot, ...]:
        """The snapshots of a project."""
        return self._get(Snapshots, _path("projects", project, "snapshots")).snapshots

    def create_snapshot(
        self,
        project: ProjectId,
        branch: BranchId,
        *,
        name: str | None = None,
        lsn: str | None = None,
        timestamp: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> SnapshotCreated:
        """Keep a state of a root branch, its present one or that at one of the two points."""
        path = _path("projects", project, "branches", branch, "snapshot")
        query = _query(name=name, lsn=lsn, timestamp=_moment(timestamp), expires_at=_moment(expires_at))
        return self._post(SnapshotCreated, path + query)

    def update_snapshot(self, project: ProjectId, snapshot: str, change: SnapshotUpdate) -> Snapshot:
        """Change what was given."""
        body = to_json(SnapshotUpdateRequest(snapshot=change))
        return self._patch(SnapshotAnswer, _path("projects", project, "snapshots", snapshot), body).snapshot

    def delete_snapshot(self, project: ProjectId, snapshot: str) -> tuple[Operation, ...]:
        """Delete a snapshot; branches that were made from it stay."""
        path = _path("projects", project, "snapshots", snapshot)
        return self._call(Operations, "DELETE", path).operations

    def restore_snapshot(
        self,
        project: ProjectId,
        snapshot: str,
        *,
        name: str | None = None,
        target_branch_id: BranchId | None = None,
        finalize: bool = False,
    ) -> SnapshotRestored:
        """Make a branch from a snapshot; with `finalize`, in the place of the target, by default its source."""
        body = to_json(SnapshotRestore(name=name, target_branch_id=target_branch_id, finalize_restore=finalize))
        return self._post(SnapshotRestored, _path("projects", project, "snapshots", snapshot, "restore"), body)

    def backup_schedule(self, project: ProjectId, branch: BranchId) -> tuple[BackupScheduleItem, ...]:
        """When snapshots of a branch are made by themselves."""
        path = _path("projects", project, "branches", branch, "backup_schedule")
        return self._get(BackupSchedule, path).schedule

    def set_backup_schedule(
        self, project: ProjectId, branch: BranchId, schedule: tuple[BackupScheduleItem, ...]
    ) -> None:
        """Make snapshots so from now on; an empty schedule makes none."""
        path = _path("projects", project, "branches", branch, "backup_schedule")
        self._json("PUT", path, to_json(BackupSchedule(schedule=schedule)))

    def branch_endpoints(self, project: ProjectId, branch: BranchId) -> tuple[Endpoint, ...]:
        """The endpoints of a branch."""
        return self._get(Endpoints, _path("projects", project, "branches", branch, "endpoints")).endpoints

    def roles(self, project: ProjectId, branch: BranchId) -> tuple[Role, ...]:
        """The roles of a branch, without passwords."""
        return self._get(Roles, _path("projects", project, "branches", branch, "roles")).roles

    def role(self, project: ProjectId, branch: BranchId, role: str) -> Role:
        """One role, without its password."""
        return self._get(RoleAnswer, _path("projects", project, "branches", branch, "roles", role)).role

    def reveal_password(self, project: ProjectId, branch: BranchId, role: str) -> str:
        """The password of a role."""
        path = _path("projects", project, "branches", branch, "roles", role, "reveal_password")
        return self._get(RolePassword, path).password

    def create_role(
        self, project: ProjectId, branch: BranchId, role: str, *, no_login: bool | None = None
    ) -> RoleChanged:
        """Make a role; the answer carries its password. Raises Exists for a name that is taken."""
        body = to_json(RoleCreateRequest(role=RoleCreate(name=role, no_login=no_login)))
        return self._post(RoleChanged, _path("projects", project, "branches", branch, "roles"), body)

    def reset_password(self, project: ProjectId, branch: BranchId, role: str) -> RoleChanged:
        """Give a role a new password, which the answer carries."""
        path = _path("projects", project, "branches", branch, "roles", role, "reset_password")
        return self._post(RoleChanged, path)

    def delete_role(self, project: ProjectId, branch: BranchId, role: str) -> RoleChanged | None:
        """Delete a role that owns no database; None from a server that says it was gone already."""
        return self._delete(RoleChanged, _path("projects", project, "branches", branch, "roles", role))

    def databases(self, project: ProjectId, branch: BranchId) -> tuple[Database, ...]:
        """The databases of a branch."""
        return self._get(Databases, _path("projects", project, "branches", branch, "databases")).databases

    def database(self, project: ProjectId, branch: BranchId, database: str) -> Database:
        """One database."""
        path = _path("projects", project, "branches", branch, "databases", database)
        return self._get(DatabaseAnswer, path).database

    def create_database(
        self, project: ProjectId, branch: BranchId, database: str, *, owner: str
    ) -> DatabaseChanged:
        """Make a database; raises Exists for a name that is taken."""
        body = to_json(DatabaseCreateRequest(database=DatabaseCreate(name=database, owner_name=owner)))
        return self._post(DatabaseChanged, _path("projects", project, "branches", branch, "databases"), body)

    def update_database(
        self, project: ProjectId, branch: BranchId, database: str, change: DatabaseUpdate
    ) -> DatabaseChanged:
        """Rename a database, give it to another role."""
        body = to_json(DatabaseUpdateRequest(database=change))
        path = _path("projects", project, "branches", branch, "databases", database)
        return self._patch(DatabaseChanged, path, body)

    def delete_database(self, project: ProjectId, branch: BranchId, database: str) -> DatabaseChanged | None:
        """Delete a database and cut its clients; None from a server that says it was gone already."""
        path = _path("projects", project, "branches", branch, "databases", database)
        return self._delete(DatabaseChanged, path)

    def endpoints(self, project: ProjectId) -> tuple[Endpoint, ...]:
        """The endpoints of a project."""
        return self._get(Endpoints, _path("projects", project, "endpoints")).endpoints

    def create_endpoint(self, project: ProjectId, endpoint: EndpointCreate) -> EndpointChanged:
        """Make an endpoint; raises Exists for a second read-write one of a branch."""
        body = to_json(EndpointCreateRequest(endpoint=endpoint))
        return self._post(EndpointChanged, _path("projects", project, "endpoints"), body)

    def endpoint(self, project: ProjectId, endpoint: EndpointId) -> Endpoint:
        """One endpoint."""
        return self._get(EndpointAnswer, _path("projects", project, "endpoints", endpoint)).endpoint

    def update_endpoint(self, project: ProjectId, endpoint: EndpointId, change: EndpointUpdate) -> EndpointChanged:
        """Change what was given; a new size holds from the next start."""
        body = to_json(EndpointUpdateRequest(endpoint=change))
        return self._patch(EndpointChanged, _path("projects", project, "endpoints", endpoint), body)

    def delete_endpoint(self, project: ProjectId, endpoint: EndpointId) -> EndpointChanged | None:
        """Delete an endpoint and cut its clients; None from a server that says it was gone already."""
        return self._delete(EndpointChanged, _path("projects", project, "endpoints", endpoint))

    def start_endpoint(self, project: ProjectId, endpoint: EndpointId) -> EndpointChanged:
        """Wake a compute; it may be starting still when this returns."""
        return self._post(EndpointChanged, _path("projects", project, "endpoints", endpoint, "start"))

    def suspend_endpoint(self, project: ProjectId, endpoint: EndpointId) -> EndpointChanged:
        """Put a compute to sleep; its clients are cut off."""
        return self._post(EndpointChanged, _path("projects", project, "endpoints", endpoint, "suspend"))

    def restart_endpoint(self, project: ProjectId, endpoint: EndpointId) -> EndpointChanged:
        """Put a compute to sleep and wake it again; its clients are cut off."""
        return self._post(EndpointChanged, _path("projects", project, "endpoints", endpoint, "restart"))

    def health(self) -> Health:
        """That this platform serves, and its version. Neon has no such route, nor those below."""
        return from_json(Health, self._local("GET", "/health"))

    def diagnose(self) -> Diagnosis:
        """On what this platform runs, and how much of it."""
        return from_json(Diagnosis, self._local("GET", "/diagnose"))

    def console_link(self) -> ConsoleLink:
        """A new link to the console, for one browser and once."""
        return from_json(ConsoleLink, self._local("POST", "/console_links"))

    def reset(self, *, confirm: str) -> Reset:
        """Delete all projects of this platform for good; `confirm` must be `local.RESET_CONFIRMATION`."""
        return from_json(Reset, self._local("POST", "/reset", to_json(ResetRequest(confirm=confirm))))

    def finish_operations(self) -> int:
        """Say of all operations that have ended that they have, where the profile is `manual`."""
        return from_json(Finished, self._local("POST", "/operations/finish")).operations

    def choose_profile(self, profile: str) -> str:
        """Choose when operations are said to have ended, until the platform stops: what holds from now on.

        `immediate`: at once. `timed`: after a second. `manual`: with `finish_operations`.
        """
        asked = to_json(LatencyProfile(profile=profile))
        return from_json(LatencyProfile, self._local("POST", "/operations/profile", asked)).profile

    def cause_fault(self, fault: FaultRequest) -> FaultsInForce:
        """Let something go wrong with a compute, on purpose; the answer is all that does from now on."""
        return from_json(FaultsInForce, self._local("POST", "/faults", to_json(fault)))

    def faults(self) -> tuple[FaultInForce, ...]:
        """What goes wrong on purpose now."""
        return from_json(FaultsInForce, self._local("GET", "/faults")).faults

    def branch_histories(self, project: ProjectId) -> tuple[BranchHistory, ...]:
        """From when on each branch of a project can be restored, and what it takes on disk."""
        return from_json(BranchHistories, self._local("GET", _path("projects", project, "branches"))).branches

    def kept_states(self, project: ProjectId) -> tuple[KeptState, ...]:
        """The states of branches that an undo can bring back, newest first."""
        return from_json(KeptStates, self._local("GET", _path("projects", project, "kept"))).kept

    def undo_branch(self, project: ProjectId, branch: BranchId) -> BranchChanged:
        """Bring back what the last restore, reset or deletion of a branch replaced.

        A second undo takes the first back. Raises Missing where nothing is kept.
        """
        path = _path("projects", project, "branches", branch, "undo")
        return from_json(BranchChanged, self._local("POST", path))

    def _get(self, kind: type[T], path: str, **query: str | int | None) -> T:
        return self._call(kind, "GET", path + _query(**query))

    def _post(self, kind: type[T], path: str, body: Mapping[str, Any] | None = None) -> T:
        return from_json(kind, self._json("POST", path, body))

    def _patch(self, kind: type[T], path: str, body: Mapping[str, Any]) -> T:
        return from_json(kind, self._json("PATCH", path, body))

    def _delete(self, kind: type[T], path: str) -> T | None:
        # Neon answers the second of two deletes with 204 and no body.
        content = self._send("DELETE", self.base_url + path)
        return from_json(kind, _json(content)) if content else None

    def _call(self, kind: type[T], method: str, path: str) -> T:
        return from_json(kind, self._json(method, path))

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> object:
        return _json(self._send(method, self.base_url + path, body))

    def _local(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> object:
        parts = urlsplit(self.base_url)
        return _json(self._send(method, f"{parts.scheme}://{parts.netloc}{LOCAL_ROOT}{path}", body))

    def _send(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> bytes:
        if body is not None:
            data: bytes | None = json.dumps(body).encode()
        else:
            # An empty body, not an absent one, so that every server sees a Content-Length.
            data = b"" if method == "POST" else None
        request = Request(url, data=data, method=method)  # noqa: S310 - checked to be http(s)
        request.add_header("Accept", "application/json")
        request.add_header("User-Agent", self._user_agent)
        if data is not None:
            request.add_header("Content-Type", "application/json; charset=utf-8")
        request.add_header("Authorization", self._authorization)
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as no:
            with no:
                raise _refused(no.code, no.headers.get("x-neon-ret-request-id", ""), _read(no)) from None
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise NoAnswer(f"no answer from {self.base_url}: {reason or type(reason).__name__}") from error


def _opener(host: str) -> OpenerDirector:
    """An opener for http and https that goes nowhere but where it was sent.

    There is no handler for redirects: the API has none, and who redirects is not the API. A proxy from the
    environment is left out for loopback: it cannot reach ours, and would see the key.
    """
    opener = OpenerDirector()
    for handler in (
        ProxyHandler({}) if _is_loopback(host) else ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _path(*segments: str) -> str:
    return "".join("/" + quote(segment, safe="") for segment in segments)


def _query(**query: str | int | None) -> str:
    """What stands behind a path, with its `?`; nothing where nothing was given."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else exact_moment_text(moment)


def _read(no: HTTPError) -> bytes:
    try:
        return no.read()
    except (OSError, http.client.HTTPException):
        return b""


def _refused(status: int, request_id: str, content: bytes) -> ApiError:
    """The error in an answer, even if its body is a proxy's page or a shape of another version."""
    try:
        body = _json(content)
    except Malformed:
        body = {}
    said = body if isinstance(body, dict) else {}
    message, code, own_id = said.get("message"), said.get("code"), said.get("request_id")
    return refusal(
        status,
        code if isinstance(code, str) else "",
        message if isinstance(message, str) and message else f"HTTP status {status}, without a message",
        own_id if isinstance(own_id, str) and own_id else request_id,
    )


def _json(content: bytes) -> object:
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed(f"the answer is not JSON ({len(content)} bytes)") from None
    return value
