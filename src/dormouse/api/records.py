"""The objects of the Neon API, with its own field names (https://neon.com/api_spec/release/v2.json, schemas).

A field without a default is one that the specification requires; None stands for a field that is absent.
Enumerations are plain `str`: a server may know more values than we do, and a list must not fail over one of them.

Moments are aware datetimes; on the wire they are RFC 3339, in UTC, in whole seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dormouse.names import BranchId, EndpointId, OperationId, ProjectId

__all__ = [
    "AllowedIps",
    "Annotation",
    "AnnotationObject",
    "ApiKey",
    "ApiKeyCreated",
    "ApiKeyCreator",
    "ApiKeyRevoked",
    "Auth",
    "AuthAccount",
    "BackupScheduleItem",
    "BillingAccount",
    "Branch",
    "BranchRecovery",
    "Column",
    "ConnectionDetails",
    "ConnectionParameters",
    "Constraint",
    "Creator",
    "CurrentUser",
    "Database",
    "Endpoint",
    "EndpointSettings",
    "MaintenanceWindow",
    "Operation",
    "Organization",
    "Owner",
    "PaymentSource",
    "Permission",
    "PreloadLibraries",
    "PreloadLibrary",
    "Project",
    "ProjectListItem",
    "ProjectSettings",
    "Quota",
    "ReferencedTable",
    "Region",
    "ReplicaLag",
    "Role",
    "Snapshot",
    "Table",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthAccount:
    """A sign-in that belongs to the user."""

    email: str
    image: str
    login: str
    name: str
    provider: str
    """`keycloak`, `github`, `google`, `microsoft`, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSource:
    """How the bill is paid; an empty `type` is not at all."""

    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingAccount:
    """Who pays. neon-api 0.3.0 cannot read a user without one."""

    state: str
    payment_source: PaymentSource
    subscription_type: str
    payment_method: str
    quota_reset_at_last: datetime
    name: str
    email: str
    address_city: str
    address_country: str
    address_line1: str
    address_line2: str
    address_postal_code: str
    address_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentUser:
    """Whom the key belongs to."""

    id: str
    login: str
    email: str
    name: str
    last_name: str
    image: str
    plan: str
    projects_limit: int
    branches_limit: int
    max_autoscaling_limit: float
    """In compute units; 0 is no limit."""
    active_seconds_limit: int
    auth_accounts: tuple[AuthAccount, ...]
    compute_seconds_limit: int | None = None
    billing_account: BillingAccount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """What owns projects."""

    id: str
    name: str
    handle: str
    plan: str
    created_at: datetime
    managed_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How a request proved who it comes from."""

    account_id: str
    auth_method: str
    """`keycloak`, `session_cookie`, `api_key_user`, `api_key_org` or `oauth`."""
    auth_data: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreator:
    """Who made a key."""

    id: str
    name: str
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as lists show it: without its text."""

    id: int
    name: str
    created_at: datetime
    created_by: ApiKeyCreator
    last_used_from_addr: str
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated:
    """A new key with its text, which nobody can see again."""

    id: int
    key: str = field(repr=False)
    name: str
    created_at: datetime
    created_by: str
    """The id of who made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked:
    """A key that opens nothing any more."""

    id: int
    name: str
    created_at: datetime
    created_by: str
    last_used_from_addr: str
    revoked: bool
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where a project may live."""

    region_id: str
    name: str
    default: bool
    geo_lat: str
    geo_long: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """What a project's endpoints get when their creator does not say; None takes the platform's default."""

    autoscaling_limit_min_cu: float | None = None
    autoscaling_limit_max_cu: float | None = None
    suspend_timeout_seconds: int | None = None
    """0 is the default of 300 s, -1 never."""
    pg_settings: Mapping[str, str] | None = None
    """Of Postgres, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedIps:
    """From where connections are taken; an empty list is from anywhere."""

    ips: tuple[str, ...] = ()
    protected_branches_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a project may use up, in seconds and bytes; None and 0 are no limit."""

    active_time_seconds: int | None = None
    compute_time_seconds: int | None = None
    written_data_bytes: int | None = None
    data_transfer_bytes: int | None = None
    logical_size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """When the provider may maintain a project's machines."""

    weekdays: tuple[int, ...]
    """1 is Monday."""
    start_time: str
    """`03:00`, in UTC."""
    end_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreloadLibraries:
    """What servers load at their start."""

    use_defaults: bool | None = None
    enabled_libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """What holds for a whole project."""

    allowed_ips: AllowedIps | None = None
    enable_logical_replication: bool | None = None
    block_public_connections: bool | None = None
    block_vpc_connections: bool | None = None
    quota: Quota | None = None
    maintenance_window: MaintenanceWindow | None = None
    hipaa: bool | None = None
    audit_log_level: str | None = None
    """`base`, `extended` or `full`."""
    preload_libraries: PreloadLibraries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The account that a project belongs to."""

    email: str
    name: str
    branches_limit: int
    subscription_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as a single object."""

    id: ProjectId
    platform_id: str
    region_id: str
    name: str
    provisioner: str
    pg_version: int
    proxy_host: str
    branch_logical_size_limit: int
    """In MiB."""
    branch_logical_size_limit_bytes: int
    store_passwords: bool
    creation_source: str
    history_retention_seconds: int
    created_at: datetime
    updated_at: datetime
    consumption_period_start: datetime
    consumption_period_end: datetime
    owner_id: str
    data_storage_bytes_hour: int
    data_transfer_bytes: int
    written_data_bytes: int
    compute_time_seconds: int
    active_time_seconds: int
    cpu_used_sec: int
    default_endpoint_settings: EndpointSettings | None = None
    settings: ProjectSettings | None = None
    owner: Owner | None = None
    org_id: str | None = None
    compute_last_active_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectListItem:
    """A project as lists show it: `active_time` in place of the usage counters."""

    id: ProjectId
    platform_id: str
    region_id: str
    name: str
    provisioner: str
    pg_version: int
    proxy_host: str
    branch_logical_size_limit: int
    branch_logical_size_limit_bytes: int
    store_passwords: bool
    active_time: int
    cpu_used_sec: int
    creation_source: str
    created_at: datetime
    updated_at: datetime
    owner_id: str
    default_endpoint_settings: EndpointSettings | None = None
    settings: ProjectSettings | None = None
    history_retention_seconds: int | None = None
    org_id: str | None = None
    compute_last_active_at: datetime | None = None
    deleted_at: datetime | None = None
    recoverable_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whom a project is shared with."""

    id: str
    granted_to_email: str
    granted_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreloadLibrary:
    """A library that a project's servers can load at their start."""

    library_name: str
    description: str
    is_default: bool
    is_experimental: bool
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Creator:
    """Who made a branch; `image` is the address of a picture, or empty."""

    name: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRecovery:
    """Until when a deleted branch can be brought back."""

    deleted_at: datetime
    recoverable_until: datetime
    deletion_method: str
    """`user`, or `ttl` where it expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One line of data with its own history."""

    id: BranchId
    project_id: ProjectId
    name: str
    current_state: str
    """`init`, `resetting`, `ready` or `archived`."""
    state_changed_at: datetime
    creation_source: str
    default: bool
    protected: bool
    cpu_used_sec: int
    compute_time_seconds: int
    active_time_seconds: int
    written_data_bytes: int
    data_transfer_bytes: int
    created_at: datetime
    updated_at: datetime
    primary: bool | None = None
    """The old name of `default`."""
    parent_id: BranchId | None = None
    parent_lsn: str | None = None
    parent_timestamp: datetime | None = None
    pending_state: str | None = None
    logical_size: int | None = None
    init_source: str | None = None
    created_by: Creator | None = None
    expires_at: datetime | None = None
    ttl_interval_seconds: int | None = None
    last_reset_at: datetime | None = None
    restore_status: str | None = None
    """Of one that was made from a snapshot: `restored`, then `finalized`."""
    restored_from: str | None = None
    """The snapshot that it was made from."""
    restored_as: BranchId | None = None
    """The branch whose place it takes when its restore is finalized."""
    recovery: BranchRecovery | None = None
    """Only of a deleted one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationObject:
    """What an annotation is about: `console/branch`, and its id."""

    type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Words that somebody attached to a branch."""

    object: AnnotationObject
    value: Mapping[str, str]
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLag:
    """How far a replica is behind its primary; Neon's endpoints have no such field."""

    lag_bytes: int
    """Of WAL that is not yet replayed."""
    lag_ms: int
    """Since the last commit that it replayed; 0 if it lacks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A compute's lasting side."""

    id: EndpointId
    project_id: ProjectId
    branch_id: BranchId
    host: str
    """May carry a port: `ep-….dormouse.localhost:55432`."""
    proxy_host: str
    region_id: str
    type: str
    """`read_write` or `read_only`."""
    current_state: str
    """`init`, `active` or `idle`."""
    autoscaling_limit_min_cu: float
    autoscaling_limit_max_cu: float
    settings: Mapping[str, object]
    pooler_enabled: bool
    pooler_mode: str
    disabled: bool
    passwordless_access: bool
    suspend_timeout_seconds: int
    provisioner: str
    creation_source: str
    created_at: datetime
    updated_at: datetime
    name: str | None = None
    pending_state: str | None = None
    last_active: datetime | None = None
    started_at: datetime | None = None
    suspended_at: datetime | None = None
    dormouse: ReplicaLag | None = None
    """This platform's own, of a replica that is awake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One piece of work."""

    id: OperationId
    project_id: ProjectId
    action: str
    status: str
    """Under way: `scheduling`, `running`, `error`, `cancelling`.

    Ended: `finished`, `skipped`, `failed`, `cancelled`.
    """
    failures_count: int
    created_at: datetime
    updated_at: datetime
    total_duration_ms: int
    branch_id: BranchId | None = None
    endpoint_id: EndpointId | None = None
    error: str | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role; its password stands here only right after it was made or reset."""

    branch_id: BranchId
    name: str
    created_at: datetime
    updated_at: datetime
    password: str | None = field(default=None, repr=False)
    protected: bool | None = None


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
class Snapshot:
    """A state of a root branch under a name."""

    id: str
    name: str
    created_at: datetime
    lsn: str | None = None
    timestamp: datetime | None = None
    source_branch_id: BranchId | None = None
    expires_at: datetime | None = None
    manual: bool | None = None
    """False of one that a schedule made."""
    full_size: int | None = None
    """In bytes."""
    diff_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupScheduleItem:
    """When snapshots of a branch are made by themselves, in UTC, and how long they stay."""

    frequency: str
    """`hourly`, `daily`, `weekly`, `monthly` or `yearly`."""
    hour: int | None = None
    day: int | None = None
    """Of the week (1 is Monday) or of the month."""
    month: int | None = None
    retention_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencedTable:
    """What a foreign key refers to."""

    schema: str
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A constraint of a table."""

    type: str
    """`primary_key`, `unique` or `foreign_key`."""
    columns: tuple[str, ...]
    name: str | None = None
    referenced_table: ReferencedTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    """`character varying(20)`"""
    nullable: bool | None = None
    generated: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its columns in their order."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionParameters:
    """How to connect, in pieces."""

    database: str
    password: str = field(repr=False)
    role: str
    host: str
    pooler_host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDetails:
    """How to connect, as a URL and in pieces."""

    connection_uri: str = field(repr=False)
    connection_parameters: ConnectionParameters
