"""From the control plane's records to the API's: the same things, as the world outside sees them.

What this platform does not measure (sizes, traffic, seconds of compute) is 0: the fields must be there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dormouse.api import records as api
from dormouse.control import model
from dormouse.names import EndpointId
from dormouse.web.account import NEVER, ORGANIZATION, SUBSCRIPTION, USER

__all__ = ["Rendering", "api_key", "new_api_key", "revoked_api_key"]

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

    def endpoint(self, endpoint: model.Endpoint, project: model.Project) -> api.Endpoint:
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
            settings={},
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
            init_source="parent-data" if branch.parent_id else None,
            created_by=api.Creator(name=USER.name, image=""),
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
    )
