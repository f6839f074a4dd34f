"""From the control plane's records to the API's: the same things, as the world outside sees them.

What this platform does not measure (sizes, traffic, seconds of compute) is 0: the fields must be there.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final

from dormouse.api import local
from dormouse.api import records as api
from dormouse.control import model, past, schema_model
from dormouse.names import BranchId, EndpointId
from dormouse.web.account import NEVER, ORGANIZATION, SUBSCRIPTION, USER
from dormouse.web.points import lsn_text

__all__ = [
    "Rendering",
    "annotation",
    "api_key",
    "history",
    "kept_state",
    "new_api_key",
    "revoked_api_key",
    "schedule_item",
    "snapshot",
    "table",
]

_PLATFORM: Final = "aws"
_PROVISIONER: Final = "k8s-neonvm"
"""The two values that Neon's documents know; a client may have closed its list."""

_SIZE_LIMIT_MIB: Final = 16 * 1024 * 1024
"""16 TiB a branch: the disk's end comes first."""

_SOURCE: Final = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What the records do not say: under which names the computes are reached."""

    host: Callable[[EndpointId], str]
    """The host of an endpoint, with the port of the proxy."""
    proxy_host: str
    """What all hosts end in."""

    def project(self, project: model.Project) -> api.Project:
        """A project as a single object."""
        return api.Project(
            id=project.id,
            platform_id=_PLATFORM,
            region_id=project.region_id,
            name=project.name,
            provisioner=_PROVISIONER,
            pg_version=project.pg_version,
            proxy_host=self.proxy_host,
            branch_logical_size_limit=_SIZE_LIMIT_MIB,
            branch_logical_size_limit_bytes=_SIZE_LIMIT_MIB * 1024 * 1024,
            store_passwords=project.store_passwords,
            creation_source=_SOURCE,
            history_retention_seconds=project.history_retention_seconds,
            created_at=project.created_at,
            updated_at=project.updated_at,
            consumption_period_start=NEVER,
            consumption_period_end=NEVER,
            owner_id=ORGANIZATION.id,
            data_storage_bytes_hour=0,
            data_transfer_bytes=0,
            written_data_bytes=0,
            compute_time_seconds=0,
            active_time_seconds=0,
            cpu_used_sec=0,
            default_endpoint_settings=_endpoint_settings(project),
            settings=_settings(project),
            owner=_OWNER,
            org_id=ORGANIZATION.id,
        )

    def project_in_list(self, project: model.Project) -> api.ProjectListItem:
        """A project as lists show it."""
        return api.ProjectListItem(
            id=project.id,
            platform_id=_PLATFORM,
            region_id=project.region_id,
            name=project.name,
            provisioner=_PROVISIONER,
            pg_version=project.pg_version,
            proxy_host=self.proxy_host,
            branch_logical_size_limit=_SIZE_LIMIT_MIB,
            branch_logical_size_limit_bytes=_SIZE_LIMIT_MIB * 1024 * 1024,
            store_passwords=project.store_passwords,
            active_time=0,
            cpu_used_sec=0,
            creation_source=_SOURCE,
            created_at=project.created_at,
            updated_at=project.updated_at,
            owner_id=ORGANIZATION.id,
            default_endpoint_settings=_endpoint_settings(project),
            settings=_settings(project),
            history_retention_seconds=project.history_retention_seconds,
            org_id=ORGANIZATION.id,
            deleted_at=project.deleted_at,
            recoverable_until=project.recoverable_until,
        )

    def endpoint(
        self, endpoint: model.Endpoint, project: model.Project, lag: model.ReplicaLag | None = None
    ) -> api.Endpoint:
        """An endpoint of `project`."""
        return api.Endpoint(
            id=endpoint.id,
            project_id=endpoint.project_id,
            branch_id=endpoint.branch_id,
            host=self.host(endpoint.id),
            proxy_host=self.proxy_host,
            region_id=project.region_id,
            type=endpoint.type.value,
            current_state=endpoint.current_state.value,
            autoscaling_limit_min_cu=endpoint.autoscaling_limit_min_cu,
            autoscaling_limit_max_cu=endpoint.autoscaling_limit_max_cu,
            settings=_compute_settings(endpoint.settings),
            pooler_enabled=False,
            pooler_mode="transaction",
            disabled=endpoint.disabled,
            passwordless_access=True,
            suspend_timeout_seconds=endpoint.suspend_timeout_seconds,
            provisioner=_PROVISIONER,
            creation_source=_SOURCE,
            created_at=endpoint.created_at,
            updated_at=endpoint.updated_at,
            name=endpoint.name or None,
            pending_state=endpoint.pending_state.value if endpoint.pending_state else None,
            last_active=endpoint.last_active,
            started_at=endpoint.started_at,
            suspended_at=endpoint.suspended_at,
            dormouse=None if lag is None else api.ReplicaLag(lag_bytes=lag.lag_bytes, lag_ms=lag.lag_ms),
        )

    def branch(self, branch: model.Branch) -> api.Branch:
        """A branch."""
        return api.Branch(
            id=branch.id,
            project_id=branch.project_id,
            name=branch.name,
            current_state=branch.state.value,
            pending_state=_BRANCH_GOAL.get(branch.state),
            state_changed_at=branch.updated_at,
            creation_source=_SOURCE,
            default=branch.default,
            primary=branch.default,
            protected=branch.protected,
            cpu_used_sec=0,
            compute_time_seconds=0,
            active_time_seconds=0,
            written_data_bytes=0,
            data_transfer_bytes=0,
            created_at=branch.created_at,
            updated_at=branch.updated_at,
            parent_id=branch.parent_id,
            parent_lsn=branch.parent_lsn or None,
            parent_timestamp=branch.parent_timestamp,
            expires_at=branch.expires_at,
            ttl_interval_seconds=branch.ttl_interval_seconds,
            init_source=branch.init_source,
            created_by=api.Creator(name=USER.name, image=""),
            last_reset_at=branch.last_reset_at,
            restore_status=branch.restore_status,
            restored_from=branch.restored_from,
            restored_as=branch.restored_as,
        )

    def deleted_branch(self, kept: past.Kept) -> api.Branch:
        """A branch that was deleted and can be recovered, as it was."""
        expires_at = kept.branch.expires_at
        is_expired = expires_at is not None and expires_at <= kept.kept_at
        return replace(
            self.branch(kept.branch),
            recovery=api.BranchRecovery(
                deleted_at=kept.kept_at,
                recoverable_until=kept.kept_until,
                deletion_method="ttl" if is_expired else "user",
            ),
        )

    def operation(self, operation: model.Operation) -> api.Operation:
        """An operation."""
        return api.Operation(
            id=operation.id,
            project_id=operation.project_id,
            branch_id=operation.branch_id,
            endpoint_id=operation.endpoint_id,
            action=operation.action.value,
            status=operation.status.value,
            error=operation.error,
            failures_count=operation.failures_count,
            created_at=operation.created_at,
            updated_at=operation.updated_at,
            total_duration_ms=operation.total_duration_ms,
        )

    def operations(self, operations: Iterable[model.Operation]) -> tuple[api.Operation, ...]:
        """The operations of a change, in the order in which they run."""
        return tuple(map(self.operation, operations))

    def permission(self, permission: model.Permission) -> api.Permission:
        """A permission."""
        return api.Permission(
            id=permission.id,
            granted_to_email=permission.granted_to_email,
            granted_at=permission.granted_at,
        )

    def role(self, role: model.Role, *, with_password: bool = False) -> api.Role:
        """A role; its password only where it was just made."""
        return api.Role(
            branch_id=role.branch_id,
            name=role.name,
            password=role.password if with_password else None,
            protected=role.protected,
            created_at=role.created_at,
            updated_at=role.updated_at,
        )

    def database(self, database: model.Database) -> api.Database:
        """A database."""
        return api.Database(
            id=database.id,
            branch_id=database.branch_id,
            name=database.name,
            owner_name=database.owner_name,
            created_at=database.created_at,
            updated_at=database.updated_at,
        )


def annotation(branch: model.Branch) -> api.Annotation:
    """What is attached to a branch; the words may be none."""
    return api.Annotation(
        object=api.AnnotationObject(type="console/branch", id=branch.id),
        value=branch.annotation,
        created_at=branch.created_at,
        updated_at=branch.created_at,
    )


def snapshot(kept: past.Snapshot) -> api.Snapshot:
    """A snapshot."""
    return api.Snapshot(
        id=kept.id,
        name=kept.name,
        created_at=kept.created_at,
        lsn=kept.lsn or None,
        timestamp=kept.timestamp,
        source_branch_id=kept.source_branch_id,
        expires_at=kept.expires_at,
        manual=kept.manual,
    )


def schedule_item(item: past.ScheduleItem) -> api.BackupScheduleItem:
    """One line of a schedule."""
    return api.BackupScheduleItem(
        frequency=item.frequency,
        hour=item.hour,
        day=item.day,
        month=item.month,
        retention_seconds=item.retention_seconds,
    )


def table(found: schema_model.Table) -> api.Table:
    """A table of a database."""
    return api.Table(
        schema=found.schema,
        name=found.name,
        columns=tuple(
            api.Column(name=each.name, type=each.type, nullable=each.nullable, generated=each.generated)
            for each in found.columns
        ),
        constraints=tuple(map(_constraint, found.constraints)),
    )


def history(branch: BranchId, found: past.History) -> local.BranchHistory:
    """What of a branch's past can be had."""
    return local.BranchHistory(
        branch_id=branch,
        earliest_lsn=lsn_text(found.earliest_lsn),
        earliest_time=found.earliest_time,
        head_lsn=lsn_text(found.head_lsn),
        own_bytes=found.own_bytes,
        bases=found.bases,
    )


def kept_state(kept: past.Kept) -> local.KeptState:
    """A state that an undo brings back."""
    return local.KeptState(
        id=kept.id,
        branch_id=kept.branch.id,
        branch_name=kept.branch.name,
        because=kept.because.value,
        kept_at=kept.kept_at,
        kept_until=kept.kept_until,
    )


def api_key(key: model.ApiKey) -> api.ApiKey:
    """A key as lists show it."""
    creator = api.ApiKeyCreator(id=USER.id, name=USER.name, image=USER.image)
    return api.ApiKey(
        id=key.id,
        name=key.name,
        created_at=key.created_at,
        created_by=creator,
        last_used_from_addr=_ADDRESS_OF_USE,
        last_used_at=key.last_used_at,
    )


def new_api_key(key: model.ApiKey, secret: str) -> api.ApiKeyCreated:
    """A key with its text."""
    return api.ApiKeyCreated(id=key.id, key=secret, name=key.name, created_at=key.created_at, created_by=USER.id)


def revoked_api_key(key: model.ApiKey) -> api.ApiKeyRevoked:
    """A key that was taken back."""
    return api.ApiKeyRevoked(
        id=key.id,
        name=key.name,
        created_at=key.created_at,
        created_by=USER.id,
        last_used_from_addr=_ADDRESS_OF_USE,
        revoked=True,
        last_used_at=key.last_used_at,
    )


_ADDRESS_OF_USE: Final = ""
"""From where a key was last used is not noted; the field must be there."""

_BRANCH_GOAL: Final = {
    model.BranchState.INIT: model.BranchState.READY.value,
    model.BranchState.RESETTING: model.BranchState.READY.value,
}
"""Where a branch that is on its way is going."""

_OWNER: Final = api.Owner(
    email=USER.email, name=USER.name, branches_limit=USER.branches_limit, subscription_type=SUBSCRIPTION
)


def _endpoint_settings(project: model.Project) -> api.EndpointSettings:
    usual = project.default_endpoint_settings
    return api.EndpointSettings(
        autoscaling_limit_min_cu=usual.autoscaling_limit_min_cu,
        autoscaling_limit_max_cu=usual.autoscaling_limit_max_cu,
        suspend_timeout_seconds=usual.suspend_timeout_seconds,
        pg_settings=usual.pg_settings or None,
    )


def _compute_settings(kept: model.EndpointSettings) -> dict[str, object]:
    shown: dict[str, object] = {}
    if kept.pg_settings:
        shown["pg_settings"] = dict(kept.pg_settings)
    if kept.preload_libraries is not None:
        shown["preload_libraries"] = asdict(kept.preload_libraries)
    return shown


def _constraint(found: schema_model.Constraint) -> api.Constraint:
    referenced = found.referenced_table
    return api.Constraint(
        type=found.type,
        name=found.name,
        columns=found.columns,
        referenced_table=None
        if referenced is None
        else api.ReferencedTable(schema=referenced.schema, table=referenced.table, columns=referenced.columns),
    )


def _settings(project: model.Project) -> api.ProjectSettings:
    kept = project.settings
    return api.ProjectSettings(
        allowed_ips=api.AllowedIps(
            ips=kept.allowed_ips.ips, protected_branches_only=kept.allowed_ips.protected_branches_only
        ),
        enable_logical_replication=kept.enable_logical_replication,
        block_public_connections=kept.block_public_connections,
        block_vpc_connections=kept.block_vpc_connections,
        quota=None if kept.quota == model.Quota() else api.Quota(**asdict(kept.quota)),
        maintenance_window=None
        if kept.maintenance_window is None
        else api.MaintenanceWindow(**asdict(kept.maintenance_window)),
        hipaa=kept.hipaa,
        audit_log_level=None if kept.audit_log_level is None else kept.audit_log_level.value,
        preload_libraries=None
        if kept.preload_libraries is None
        else api.PreloadLibraries(**asdict(kept.preload_libraries)),
    )
