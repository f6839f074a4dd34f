"""From the control plane's records to the API's: the same things, as the world outside sees them.

What this platform does not measure (sizes, traffic, seconds of compute) is 0: the fields must be there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dormouse.api import records as api
from dormouse.control import model
from dormouse.names import EndpointId
from dormouse.web.account import NEVER, ORGANIZATION, SUBSCRIPTION, USER

__all__ = ["Rendering"]

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
            settings=_SETTINGS,
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
            settings=_SETTINGS,
            history_retention_seconds=project.history_retention_seconds,
            org_id=ORGANIZATION.id,
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


_BRANCH_GOAL: Final = {
    model.BranchState.INIT: model.BranchState.READY.value,
    model.BranchState.RESETTING: model.BranchState.READY.value,
}
"""Where a branch that is on its way is going."""

_SETTINGS: Final = api.ProjectSettings(
    allowed_ips=api.AllowedIps(ips=(), protected_branches_only=False),
    enable_logical_replication=False,
    block_public_connections=False,
    block_vpc_connections=False,
)

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
