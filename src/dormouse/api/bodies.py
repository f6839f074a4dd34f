"""What travels whole in one request or answer of the Neon API: the objects, and what stands around them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dormouse.api.json_form import EXACT
from dormouse.api.records import (
    Annotation,
    BackupScheduleItem,
    Branch,
    ConnectionDetails,
    Database,
    Endpoint,
    EndpointSettings,
    Operation,
    Organization,
    Permission,
    PreloadLibrary,
    Project,
    ProjectListItem,
    ProjectSettings,
    Region,
    Role,
    Snapshot,
    Table,
)
from dormouse.names import BranchId

__all__ = [
    "ApiKeyCreateRequest",
    "AvailablePreloadLibraries",
    "BackupSchedule",
    "BranchAnswer",
    "BranchChanged",
    "BranchCount",
    "BranchCreate",
    "BranchCreateRequest",
    "BranchCreated",
    "BranchEndpoint",
    "BranchPagination",
    "BranchRecovered",
    "BranchRestore",
    "BranchSchema",
    "BranchUpdate",
    "BranchUpdateRequest",
    "BranchesPage",
    "ConnectionUri",
    "Cursor",
    "DatabaseAnswer",
    "DatabaseChanged",
    "DatabaseCreate",
    "DatabaseCreateRequest",
    "DatabaseUpdate",
    "DatabaseUpdateRequest",
    "Databases",
    "Empty",
    "EndpointAnswer",
    "EndpointChanged",
    "EndpointCreate",
    "EndpointCreateRequest",
    "EndpointUpdate",
    "EndpointUpdateRequest",
    "Endpoints",
    "ErrorBody",
    "FinalizeRestore",
    "NewBranch",
    "OperationAnswer",
    "Operations",
    "OperationsPage",
    "Organizations",
    "PermissionGrantRequest",
    "Permissions",
    "ProjectAnswer",
    "ProjectChanged",
    "ProjectCreate",
    "ProjectCreateRequest",
    "ProjectCreated",
    "ProjectRecovered",
    "ProjectUpdate",
    "ProjectUpdateRequest",
    "ProjectsPage",
    "Regions",
    "RoleAnswer",
    "RoleChanged",
    "RoleCreate",
    "RoleCreateRequest",
    "RolePassword",
    "Roles",
    "SchemaComparison",
    "SnapshotAnswer",
    "SnapshotCreated",
    "SnapshotRestore",
    "SnapshotRestored",
    "SnapshotUpdate",
    "SnapshotUpdateRequest",
    "Snapshots",
    "Tables",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The body of every answer that is not a success. `code` is nearly always empty."""

    message: str
    code: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """An answer that says nothing but that it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the next page begins: give it back as `cursor`."""

    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPagination:
    """`next` is absent on the last page."""

    sort_by: str | None = None
    sort_order: str | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organizations:
    """`GET /users/me/organizations`"""

    organizations: tuple[Organization, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """`GET /regions`"""

    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreateRequest:
    """`POST /api_keys`"""

    key_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectsPage:
    """`GET /projects`; `pagination` stands on the last page too, and is absent from an empty one."""

    projects: tuple[ProjectListItem, ...]
    applications: Mapping[str, object] = field(default_factory=dict)
    integrations: Mapping[str, object] = field(default_factory=dict)
    pagination: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectAnswer:
    """`GET /projects/{id}`"""

    project: Project


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBranch:
    """The first branch of a project that is to be made."""

    name: str | None = None
    role_name: str | None = None
    database_name: str | None = None
    annotations: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreate:
    """What the creator of a project may ask for; None leaves it to the platform."""

    name: str | None = None
    pg_version: int | None = None
    region_id: str | None = None
    org_id: str | None = None
    store_passwords: bool | None = None
    history_retention_seconds: int | None = None
    branch: NewBranch | None = None
    default_endpoint_settings: EndpointSettings | None = None
    settings: ProjectSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreateRequest:
    """`POST /projects`"""

    project: ProjectCreate


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated:
    """The answer to `POST /projects`: all that came into being. The role carries its password."""

    project: Project
    connection_uris: tuple[ConnectionDetails, ...]
    roles: tuple[Role, ...]
    databases: tuple[Database, ...]
    operations: tuple[Operation, ...]
    branch: Branch
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUpdate:
    """What may be changed of a project; None leaves it, and so does a setting that is None."""

    name: str | None = None
    history_retention_seconds: int | None = None
    settings: ProjectSettings | None = None
    default_endpoint_settings: EndpointSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUpdateRequest:
    """`PATCH /projects/{id}`"""

    project: ProjectUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChanged:
    """The answer to a change of a project."""

    project: Project
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRecovered:
    """The answer to `POST /projects/{id}/recover`: what is there again."""

    project: Project
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """`GET …/permissions`"""

    project_permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionGrantRequest:
    """`POST …/permissions`"""

    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailablePreloadLibraries:
    """`GET …/available_preload_libraries`"""

    libraries: tuple[PreloadLibrary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsPage:
    """`GET …/operations`, newest first."""

    operations: tuple[Operation, ...]
    pagination: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationAnswer:
    """`GET …/operations/{id}`"""

    operation: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The answer to a change of which there is nothing else to say."""

    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionUri:
    """`GET …/connection_uri`"""

    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchesPage:
    """`GET …/branches`. neonctl cannot draw its table without `annotations`."""

    branches: tuple[Branch, ...]
    annotations: Mapping[str, Annotation] = field(default_factory=dict)
    """By branch id."""
    pagination: BranchPagination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchAnswer:
    """`GET …/branches/{id}`"""

    branch: Branch
    annotation: Annotation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCount:
    """`GET …/branches/count`"""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCreate:
    """What the creator of a branch may ask for; by default a child of the default branch, at its head."""

    name: str | None = None
    parent_id: BranchId | None = None
    parent_lsn: str | None = None
    parent_timestamp: datetime | None = field(default=None, metadata=EXACT)
    protected: bool | None = None
    init_source: str | None = None
    """`parent-data` or `schema-only`."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchEndpoint:
    """A compute that is made with its branch; None leaves it to the project."""

    type: str
    autoscaling_limit_min_cu: float | None = None
    autoscaling_limit_max_cu: float | None = None
    suspend_timeout_seconds: int | None = None
    settings: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCreateRequest:
    """`POST …/branches`; without `endpoints`, a branch that nobody can connect to yet."""

    branch: BranchCreate | None = None
    endpoints: tuple[BranchEndpoint, ...] | None = None
    annotation_value: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCreated:
    """The answer to `POST …/branches`: all that came into being. Roles carry no passwords."""

    branch: Branch
    endpoints: tuple[Endpoint, ...]
    operations: tuple[Operation, ...]
    roles: tuple[Role, ...] = ()
    databases: tuple[Database, ...] = ()
    connection_uris: tuple[ConnectionDetails, ...] | None = None
    """Only where the parent has exactly one role and one database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchUpdate:
    """What may be changed of a branch; None leaves it."""

    name: str | None = None
    protected: bool | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchUpdateRequest:
    """`PATCH …/branches/{id}`"""

    branch: BranchUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchChanged:
    """The answer to every change of a branch, and the work that the change takes."""

    branch: Branch
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRestore:
    """`POST …/branches/{id}/restore`: whose data, and of when; without a point, of now.

    A branch restored to its own past, or one that has children, needs `preserve_under_name`.
    """

    source_branch_id: BranchId
    source_lsn: str | None = None
    source_timestamp: datetime | None = field(default=None, metadata=EXACT)
    preserve_under_name: str | None = None
    """What the branch has now stays under this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRecovered:
    """The answer to `POST …/branches/{id}/recover`: what is there again."""

    branch: Branch
    endpoints: tuple[Endpoint, ...] = ()
    operations: tuple[Operation, ...] = ()
    """Not in Neon's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeRestore:
    """`POST …/branches/{id}/finalize_restore`"""

    name: str | None = None
    """What the branch that is replaced is called from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A schema as a model of its tables."""

    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSchema:
    """`GET …/branches/{id}/schema`, in the form that was asked for."""

    sql: str | None = None
    json: Tables | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaComparison:
    """`GET …/branches/{id}/compare_schema`: a unified diff, empty where there is no difference."""

    diff: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """`GET …/snapshots`"""

    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotCreated:
    """The answer to `POST …/branches/{id}/snapshot`."""

    snapshot: Snapshot
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotUpdate:
    """What may be changed of a snapshot; None leaves it."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotUpdateRequest:
    """`PATCH …/snapshots/{id}`"""

    snapshot: SnapshotUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotAnswer:
    """The answer to a change of a snapshot."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRestore:
    """`POST …/snapshots/{id}/restore`: a new branch; if it is to be finalized, in the place of the target."""

    name: str | None = None
    target_branch_id: BranchId | None = None
    """By default the branch that the snapshot was made of."""
    finalize_restore: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRestored:
    """The answer to the restore of a snapshot."""

    branch: Branch
    operations: tuple[Operation, ...]
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSchedule:
    """`GET` and `PUT …/branches/{id}/backup_schedule`"""

    schedule: tuple[BackupScheduleItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """`GET …/roles`"""

    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAnswer:
    """`GET …/roles/{name}`"""

    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCreate:
    """A role that is to be made."""

    name: str
    no_login: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCreateRequest:
    """`POST …/roles`"""

    role: RoleCreate


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged:
    """The answer to every change of a role; it carries the password where that is new."""

    role: Role
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePassword:
    """`GET …/roles/{name}/reveal_password`"""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """`GET …/databases`"""

    databases: tuple[Database, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAnswer:
    """`GET …/databases/{name}`"""

    database: Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCreate:
    """A database that is to be made."""

    name: str
    owner_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCreateRequest:
    """`POST …/databases`"""

    database: DatabaseCreate


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUpdate:
    """What may be changed of a database; None leaves it."""

    name: str | None = None
    owner_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUpdateRequest:
    """`PATCH …/databases/{name}`"""

    database: DatabaseUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseChanged:
    """The answer to every change of a database."""

    database: Database
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """`GET …/endpoints`, of a project or of a branch."""

    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAnswer:
    """`GET …/endpoints/{id}`"""

    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCreate:
    """What the creator of an endpoint may ask for; None leaves it to the project."""

    branch_id: BranchId
    type: str
    name: str | None = None
    autoscaling_limit_min_cu: float | None = None
    autoscaling_limit_max_cu: float | None = None
    suspend_timeout_seconds: int | None = None
    disabled: bool | None = None
    settings: Mapping[str, object] | None = None
    """`pg_settings` and `preload_libraries`, as an endpoint shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCreateRequest:
    """`POST …/endpoints`"""

    endpoint: EndpointCreate


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointUpdate:
    """What may be changed of an endpoint; None leaves it."""

    name: str | None = None
    autoscaling_limit_min_cu: float | None = None
    autoscaling_limit_max_cu: float | None = None
    suspend_timeout_seconds: int | None = None
    disabled: bool | None = None
    settings: Mapping[str, object] | None = None
    """`pg_settings` and `preload_libraries`, as an endpoint shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointUpdateRequest:
    """`PATCH …/endpoints/{id}`"""

    endpoint: EndpointUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChanged:
    """The answer to every change of an endpoint: as it is now, and the work that the change takes."""

    endpoint: Endpoint
    operations: tuple[Operation, ...]
