"""The records of the platform: what exists, as frozen values.

Names and enumerations are the Neon API's (Project, Branch, Endpoint, Role, Database, Operation). A change is
`dataclasses.replace`; storing one is the catalog's business, and what a compute is doing at this moment is
its supervisor's: `Endpoint.current_state` is filled in by the service when it hands a record out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Final

from dormouse.control.points import HEAD, Point
from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId

__all__ = [
    "DEFAULT_SUSPEND_TIMEOUT_S",
    "RECOVERABLE_FOR",
    "AllowedIps",
    "ApiKey",
    "AuditLogLevel",
    "Branch",
    "BranchChange",
    "BranchCreated",
    "BranchSpec",
    "BranchState",
    "Database",
    "Endpoint",
    "EndpointChange",
    "EndpointDefaults",
    "EndpointSettings",
    "EndpointSpec",
    "EndpointState",
    "EndpointType",
    "MaintenanceWindow",
    "NewEndpoint",
    "Operation",
    "OperationAction",
    "OperationStatus",
    "Permission",
    "PreloadLibraries",
    "Project",
    "ProjectChange",
    "ProjectCreated",
    "ProjectSettings",
    "ProjectSpec",
    "Quota",
    "ReplicaLag",
    "Role",
    "StoredVerifier",
    "Unchanged",
    "Vitals",
    "suspend_timeout_s",
    "whole_second",
]

RECOVERABLE_FOR: Final = timedelta(days=7)
"""How long a deleted project can be recovered, as at Neon."""

DEFAULT_SUSPEND_TIMEOUT_S: Final = 300
"""What `suspend_timeout_seconds: 0` means at Neon."""


class BranchState(StrEnum):
    """`init` until its data directory and records are there."""

    INIT = "init"
    RESETTING = "resetting"
    READY = "ready"
    ARCHIVED = "archived"


class EndpointType(StrEnum):
    """A primary, or a streaming standby of it."""

    READ_WRITE = "read_write"
    READ_ONLY = "read_only"


class EndpointState(StrEnum):
    """`init` until created, `active` while a server runs, `idle` while it sleeps."""

    INIT = "init"
    ACTIVE = "active"
    IDLE = "idle"


class OperationAction(StrEnum):
    """The actions that old and new clients both accept; another one breaks neon-api's whole list."""

    CREATE_TIMELINE = "create_timeline"
    CREATE_BRANCH = "create_branch"
    CREATE_COMPUTE = "create_compute"
    START_COMPUTE = "start_compute"
    SUSPEND_COMPUTE = "suspend_compute"
    APPLY_CONFIG = "apply_config"
    DELETE_TIMELINE = "delete_timeline"


class OperationStatus(StrEnum):
    """Ended for good: `finished`, `failed`, `cancelled`, `skipped`."""

    SCHEDULING = "scheduling"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    ERROR = "error"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDefaults:
    """What an endpoint gets when its creator does not say."""

    autoscaling_limit_min_cu: float = 0.25
    autoscaling_limit_max_cu: float = 0.25
    suspend_timeout_seconds: int = 0
    pg_settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of Postgres, by name: what a new endpoint gets. Checked by `parameters`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreloadLibraries:
    """What a server is to load at its start. Kept and shown, not applied."""

    use_defaults: bool = True
    enabled_libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """An endpoint's `settings`: of Postgres by name, applied at its next start. See `parameters`."""

    pg_settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    preload_libraries: PreloadLibraries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLag:
    """How far a replica is behind its primary at this moment; never stored."""

    lag_bytes: int
    """Of WAL that is not yet replayed."""
    lag_ms: int
    """Since the last commit that it replayed; 0 if it lacks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a compute is doing at this moment; never stored."""

    wake_ms: float | None = None
    """How long its last start took, since the platform started."""
    connections: int | None = None
    """Of clients; None where nobody could be asked: it sleeps, or is too busy."""
    transactions: int | None = None
    """Ended since its statistics began; a statement by itself is one too. None as above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedIps:
    """Who may connect. Kept and shown, not enforced: everybody here is on this machine."""

    ips: tuple[str, ...] = ()
    protected_branches_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a project may use up, in seconds and bytes; None and 0 are no limit. Kept and shown, not enforced."""

    active_time_seconds: int | None = None
    compute_time_seconds: int | None = None
    written_data_bytes: int | None = None
    data_transfer_bytes: int | None = None
    logical_size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """When a provider may maintain its machines. Kept and shown: nothing is ever done in it here."""

    weekdays: tuple[int, ...]
    """1 is Monday."""
    start_time: str
    """`03:00`, in UTC."""
    end_time: str


class AuditLogLevel(StrEnum):
    """How much a provider logs of who did what."""

    BASE = "base"
    EXTENDED = "extended"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """A project's `settings`. Kept and shown; nothing here changes what a compute does."""

    allowed_ips: AllowedIps = field(default_factory=AllowedIps)
    enable_logical_replication: bool = False
    """One-way: once on, it stays on."""
    block_public_connections: bool = False
    block_vpc_connections: bool = False
    quota: Quota = field(default_factory=Quota)
    maintenance_window: MaintenanceWindow | None = None
    hipaa: bool | None = None
    audit_log_level: AuditLogLevel | None = None
    preload_libraries: PreloadLibraries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One tenant: a Postgres major version and a tree of branches."""

    id: ProjectId
    name: str
    pg_version: int
    """The major version, kept for life."""
    region_id: str
    store_passwords: bool
    history_retention_seconds: int
    default_endpoint_settings: EndpointDefaults
    created_at: datetime
    updated_at: datetime
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    deleted_at: datetime | None = None
    """Since when it waits to be recovered or removed; None for one that is there."""

    @property
    def recoverable_until(self) -> datetime | None:
        """When a deleted project is removed for good."""
        return None if self.deleted_at is None else self.deleted_at + RECOVERABLE_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whom a project is shared with. Kept and shown; there is one account here."""

    id: str
    project_id: ProjectId
    granted_to_email: str
    granted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of the API beside the home's own. Its text was shown once; what is kept is its SHA-256."""

    id: int
    name: str
    digest: str = field(repr=False)
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One line of data with its own history."""

    id: BranchId
    project_id: ProjectId
    name: str
    incarnation: Incarnation
    """Which life of the data is current: part of the paths of data directory and archive."""
    state: BranchState
    default: bool
    protected: bool
    created_at: datetime
    updated_at: datetime
    parent_id: BranchId | None = None
    parent_lsn: str = ""
    """Where on its parent it begins; empty for a root branch."""
    parent_timestamp: datetime | None = None
    expires_at: datetime | None = None
    ttl_interval_seconds: int | None = None
    stopped_cleanly: bool = True
    """Whether the data directory is that of an orderly stop: then the kept verifiers are the true ones."""
    config_pending: bool = False
    """Whether roles and databases of the records are still to be made in the server, at its next start."""
    end_of_wal: str = ""
    """The LSN a standby must have replayed to be current with this branch while its primary sleeps."""
    last_active: datetime | None = None
    init_source: str = "parent-data"
    """Or `schema-only`: then it is a root, and began without rows."""
    last_reset_at: datetime | None = None
    """When its data was last replaced by a reset."""
    restored_from: str | None = None
    """The snapshot that it was made from."""
    restored_as: BranchId | None = None
    """The branch whose place it takes when its restore is finalized."""
    restore_status: str | None = None
    """`restored`, then `finalized`."""
    annotation: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Words that its creator attached to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A compute's lasting side: its name, its size, when it may sleep."""

    id: EndpointId
    project_id: ProjectId
    branch_id: BranchId
    type: EndpointType
    name: str
    autoscaling_limit_min_cu: float
    autoscaling_limit_max_cu: float
    suspend_timeout_seconds: int
    """As the API has it: 0 is the default, -1 never."""
    disabled: bool
    created_at: datetime
    updated_at: datetime
    current_state: EndpointState = EndpointState.INIT
    pending_state: EndpointState | None = None
    last_active: datetime | None = None
    started_at: datetime | None = None
    suspended_at: datetime | None = None
    settings: EndpointSettings = field(default_factory=EndpointSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role that may log in; the password is kept so that it can be revealed."""

    branch_id: BranchId
    name: str
    password: str | None = field(repr=False)
    """None if it was made by SQL, cannot log in, or is not to be stored."""
    protected: bool
    created_at: datetime
    updated_at: datetime
    no_login: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database of a branch."""

    id: int
    branch_id: BranchId
    name: str
    owner_name: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerifier:
    """What `pg_authid` held of a role when it was last read."""

    branch_id: BranchId
    role: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One piece of work, as the API shows it."""

    id: OperationId
    project_id: ProjectId
    branch_id: BranchId | None
    endpoint_id: EndpointId | None
    action: OperationAction
    status: OperationStatus
    created_at: datetime
    updated_at: datetime
    failures_count: int = 0
    total_duration_ms: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSpec:
    """What the creator of a project may ask for; None takes the default.

    Lengths and ranges were checked at the border.
    """

    name: str | None = None
    pg_version: int | None = None
    region_id: str | None = None
    store_passwords: bool = True
    history_retention_seconds: int = 86400
    branch_name: str = "main"
    role_name: str | None = None
    database_name: str = "neondb"
    annotation: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of its branch."""
    endpoint_defaults: EndpointDefaults = field(default_factory=EndpointDefaults)
    settings: ProjectSettings = field(default_factory=ProjectSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpec:
    """What the creator of an endpoint may ask for; None takes the project's default."""

    branch_id: BranchId
    type: EndpointType
    name: str = ""
    autoscaling_limit_min_cu: float | None = None
    autoscaling_limit_max_cu: float | None = None
    suspend_timeout_seconds: int | None = None
    disabled: bool = False
    settings: EndpointSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated:
    """All that came into being with a project. Operations are in the order in which they run."""

    project: Project
    branch: Branch
    endpoint: Endpoint
    role: Role
    database: Database
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChange:
    """What `PATCH /projects/{id}` may change; None leaves it."""

    name: str | None = None
    history_retention_seconds: int | None = None
    settings: ProjectSettings | None = None
    default_endpoint_settings: EndpointDefaults | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSpec:
    """What the creator of a branch may ask for: by default a child of the default branch, named after its id."""

    name: str | None = None
    parent_id: BranchId | None = None
    point: Point = HEAD
    """Where on its parent it begins."""
    schema_only: bool = False
    """A root branch with the parent's schema and none of its rows."""
    protected: bool = False
    expires_at: datetime | None = None
    endpoints: tuple["NewEndpoint", ...] = ()
    annotation: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """A compute that is made with its branch; None takes the project's default."""

    type: EndpointType
    autoscaling_limit_min_cu: float | None = None
    autoscaling_limit_max_cu: float | None = None
    suspend_timeout_seconds: int | None = None
    settings: EndpointSettings | None = None


class Unchanged(Enum):
    """For fields in which None means something."""

    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchChange:
    """What `PATCH …/branches/{id}` may change; None leaves it, and for `expires_at` None clears it."""

    name: str | None = None
    protected: bool | None = None
    expires_at: datetime | Unchanged | None = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What `PATCH …/endpoints/{id}` may change; None leaves it."""

    name: str | None = None
    autoscaling_limit_min_cu: float | None = None
    autoscaling_limit_max_cu: float | None = None
    suspend_timeout_seconds: int | None = None
    disabled: bool | None = None
    settings: EndpointSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCreated:
    """All that came into being with a branch. Roles carry no passwords in the API's answer."""

    branch: Branch
    endpoints: tuple[Endpoint, ...]
    roles: tuple[Role, ...]
    databases: tuple[Database, ...]
    operations: tuple[Operation, ...]


def suspend_timeout_s(endpoint: Endpoint) -> float | None:
    """Seconds without activity after which the compute may sleep; None is never."""
    match endpoint.suspend_timeout_seconds:
        case 0:
            return float(DEFAULT_SUSPEND_TIMEOUT_S)
        case -1:
            return None
        case seconds:
            return float(seconds)


def whole_second(moment: datetime) -> datetime:
    """Neon's objects carry whole seconds, in UTC."""
    return moment.astimezone(UTC).replace(microsecond=0)
