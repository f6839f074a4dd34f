"""The bodies that clients send, checked: types, lengths and ranges as the Neon API has them.

Fields that are documented there and mean nothing here (`provisioner`, `org_id`, `pgbouncer_settings`, …) are
passed over: clients send them unasked. The answer shows what holds.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from dormouse.api.local import FaultRequest
from dormouse.control.model import (
    BranchChange,
    BranchSpec,
    Endpoint,
    EndpointChange,
    EndpointDefaults,
    EndpointSettings,
    EndpointSpec,
    EndpointType,
    NewEndpoint,
    Project,
    ProjectChange,
    ProjectSpec,
    Unchanged,
)
from dormouse.control.telling import Profile
from dormouse.names import BranchId, EndpointId
from dormouse.web.errors import NotYet
from dormouse.web.fields import (
    IDENTIFIER_BYTES,
    Annotations,
    Body,
    Count,
    Email,
    EndpointName,
    Id,
    Identifier,
    KeyName,
    Lsn,
    Moment,
    Retention,
    Title,
    given,
)
from dormouse.web.points import point_of
from dormouse.web.settings import (
    DefaultEndpointSettings,
    EndpointSettingsBody,
    EndpointSizes,
    ProjectSettingsBody,
)

__all__ = [
    "ApiKeyCreateBody",
    "BranchCreateBody",
    "BranchUpdateBody",
    "DatabaseCreateBody",
    "DatabaseUpdateBody",
    "EndpointCreateBody",
    "EndpointUpdateBody",
    "FaultBody",
    "LatencyProfileBody",
    "PermissionGrantBody",
    "PermissionRevokeBody",
    "ProjectCreateBody",
    "ProjectUpdateBody",
    "ResetBody",
    "RoleCreateBody",
]


class _ProjectBranch(Body):
    name: Title | None = None
    role_name: Identifier | None = None
    database_name: Identifier | None = None
    annotations: Annotations | None = None


class _NewProject(EndpointSizes):
    # The inherited fields are deprecated here; they count where default_endpoint_settings is absent.

    name: Title | None = None
    pg_version: Annotated[int, Field(ge=14, le=18)] | None = None
    region_id: Title | None = None
    store_passwords: bool | None = None
    history_retention_seconds: Retention | None = None
    branch: _ProjectBranch | None = None
    default_endpoint_settings: DefaultEndpointSettings | None = None
    settings: ProjectSettingsBody | None = None


class ProjectCreateBody(Body):
    """`POST /projects`"""

    project: _NewProject

    def spec(self) -> ProjectSpec:
        """What the control plane is asked for."""
        asked, branch, usual = self.project, self.project.branch or _ProjectBranch(), ProjectSpec()
        return ProjectSpec(
            name=asked.name,
            pg_version=asked.pg_version,
            region_id=asked.region_id,
            store_passwords=given(asked.store_passwords, usual.store_passwords),
            history_retention_seconds=given(asked.history_retention_seconds, usual.history_retention_seconds),
            branch_name=given(branch.name, usual.branch_name),
            role_name=branch.role_name,
            database_name=given(branch.database_name, usual.database_name),
            annotation=branch.annotations or {},
            endpoint_defaults=(asked.default_endpoint_settings or asked).over(usual.endpoint_defaults),
            settings=(asked.settings or ProjectSettingsBody()).over(usual.settings),
        )


class _ProjectUpdate(Body):
    name: Title | None = None
    history_retention_seconds: Retention | None = None
    default_endpoint_settings: DefaultEndpointSettings | None = None
    settings: ProjectSettingsBody | None = None


class ProjectUpdateBody(Body):
    """`PATCH /projects/{id}`"""

    project: _ProjectUpdate

    def change(self, present: Project) -> ProjectChange:
        """What the control plane is asked for; settings that are not given stay as they are in `present`."""
        asked = self.project
        sizes, settings = asked.default_endpoint_settings, asked.settings
        return ProjectChange(
            name=asked.name,
            history_retention_seconds=asked.history_retention_seconds,
            default_endpoint_settings=None if sizes is None else sizes.over(present.default_endpoint_settings),
            settings=None if settings is None else settings.over(present.settings),
        )


class _BranchEndpoint(EndpointSizes):
    type: EndpointType
    settings: EndpointSettingsBody | None = None

    def spec(self, usual: EndpointDefaults) -> NewEndpoint:
        sizes = self.over(usual)
        return NewEndpoint(
            type=self.type,
            autoscaling_limit_min_cu=sizes.autoscaling_limit_min_cu,
            autoscaling_limit_max_cu=sizes.autoscaling_limit_max_cu,
            suspend_timeout_seconds=sizes.suspend_timeout_seconds,
            settings=_settings(self.settings, usual),
        )


class _NewBranch(Body):
    name: Title | None = None
    parent_id: Id | None = None
    parent_lsn: Lsn = None
    parent_timestamp: Moment | None = None
    protected: bool | None = None
    archived: bool | None = None
    init_source: Literal["parent-data", "schema-only"] | None = None
    expires_at: Moment | None = None

    @model_validator(mode="after")
    def _there_is_one_point(self) -> Self:
        point_of(self.parent_lsn, self.parent_timestamp)
        return self


class BranchCreateBody(Body):
    """`POST …/branches`; the body may be absent."""

    branch: _NewBranch | None = None
    endpoints: Annotated[tuple[_BranchEndpoint, ...], Field(max_length=20)] | None = None
    annotation_value: Annotations | None = None

    def spec(self, usual: EndpointDefaults) -> BranchSpec:
        """What the control plane is asked for; `usual` are the settings of the project.

        Raises NotYet for an archived branch.
        """
        asked = self.branch or _NewBranch()
        if asked.archived:
            raise NotYet("an archived branch")
        return BranchSpec(
            name=asked.name,
            parent_id=None if asked.parent_id is None else BranchId(asked.parent_id),
            point=point_of(asked.parent_lsn, asked.parent_timestamp),
            schema_only=asked.init_source == "schema-only",
            protected=asked.protected is True,
            expires_at=asked.expires_at,
            endpoints=tuple(each.spec(usual) for each in self.endpoints or ()),
            annotation=self.annotation_value or {},
        )


class _BranchUpdate(Body):
    name: Title | None = None
    protected: bool | None = None
    expires_at: Moment | None = None


class BranchUpdateBody(Body):
    """`PATCH …/branches/{id}`"""

    branch: _BranchUpdate

    def change(self) -> BranchChange:
        """What the control plane is asked for: an `expires_at` of null clears, an absent one leaves."""
        asked = self.branch
        return BranchChange(
            name=asked.name,
            protected=asked.protected,
            expires_at=asked.expires_at if "expires_at" in asked.model_fields_set else Unchanged.UNCHANGED,
        )


class _NewEndpoint(EndpointSizes):
    branch_id: Id
    type: EndpointType
    name: EndpointName | None = None
    disabled: bool | None = None
    settings: EndpointSettingsBody | None = None


class EndpointCreateBody(Body):
    """`POST …/endpoints`"""

    endpoint: _NewEndpoint

    def spec(self, usual: EndpointDefaults) -> EndpointSpec:
        """What the control plane is asked for; `usual` are the settings of the project."""
        asked, sizes = self.endpoint, self.endpoint.over(usual)
        return EndpointSpec(
            branch_id=BranchId(asked.branch_id),
            type=asked.type,
            name=asked.name or "",
            autoscaling_limit_min_cu=sizes.autoscaling_limit_min_cu,
            autoscaling_limit_max_cu=sizes.autoscaling_limit_max_cu,
            suspend_timeout_seconds=sizes.suspend_timeout_seconds,
            disabled=asked.disabled is True,
            settings=_settings(asked.settings, usual),
        )


class _EndpointUpdate(EndpointSizes):
    branch_id: Id | None = None
    name: EndpointName | None = None
    disabled: bool | None = None
    settings: EndpointSettingsBody | None = None


class EndpointUpdateBody(Body):
    """`PATCH …/endpoints/{id}`"""

    endpoint: _EndpointUpdate

    def change(self, present: Endpoint) -> EndpointChange:
        """What the control plane is asked for; a limit that is not given follows the other if it must."""
        asked = self.endpoint
        resized = asked.autoscaling_limit_min_cu is not None or asked.autoscaling_limit_max_cu is not None
        sizes = asked.over(
            EndpointDefaults(
                autoscaling_limit_min_cu=present.autoscaling_limit_min_cu,
                autoscaling_limit_max_cu=present.autoscaling_limit_max_cu,
            )
        )
        return EndpointChange(
            name=asked.name,
            autoscaling_limit_min_cu=sizes.autoscaling_limit_min_cu if resized else None,
            autoscaling_limit_max_cu=sizes.autoscaling_limit_max_cu if resized else None,
            suspend_timeout_seconds=asked.suspend_timeout_seconds,
            disabled=asked.disabled,
            settings=None if asked.settings is None else asked.settings.over(present.settings),
        )


class _NewRole(Body):
    name: Identifier
    no_login: bool | None = None


class RoleCreateBody(Body):
    """`POST …/roles`"""

    role: _NewRole


class _NewDatabase(Body):
    name: Identifier
    # Whoever it is to belong to exists already, maybe by SQL, so under any name that Postgres took.
    owner_name: Annotated[str, StringConstraints(min_length=1, max_length=IDENTIFIER_BYTES)]


class DatabaseCreateBody(Body):
    """`POST …/databases`"""

    database: _NewDatabase


class _DatabaseUpdate(Body):
    name: Identifier | None = None
    owner_name: Annotated[str, StringConstraints(min_length=1, max_length=IDENTIFIER_BYTES)] | None = None


class DatabaseUpdateBody(Body):
    """`PATCH …/databases/{name}`"""

    database: _DatabaseUpdate


class ApiKeyCreateBody(Body):
    """`POST /api_keys`"""

    key_name: KeyName


class PermissionGrantBody(Body):
    """`POST …/permissions`"""

    email: Email


class PermissionRevokeBody(Body):
    """`DELETE …/permissions`, as neon-api sends it: with whatever its caller names the permission by."""

    permission_id: str | None = None
    id: str | None = None
    email: str | None = None

    @model_validator(mode="after")
    def _something_is_named(self) -> Self:
        if not self.named():
            raise ValueError("one of permission_id, id and email is required")
        return self

    def named(self) -> str:
        """The permission's id, or the address."""
        return self.permission_id or self.id or self.email or ""


class FaultBody(Body):
    """`POST /_local/faults`"""

    kind: Literal["suspend", "kill", "drop", "delay", "deny", "clear"]
    endpoint: Id | None = None
    connections: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    after_bytes: Count | None = None
    # A minute and an hour: what is longer is a mistake, and looks like a platform that is broken.
    delay_ms: Annotated[int, Field(ge=0, le=60_000)] | None = None
    seconds: Annotated[float, Field(gt=0, le=3600)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind != "clear" and self.endpoint is None:
            raise ValueError(f"{self.kind} needs an endpoint")
        if self.kind == "delay" and self.delay_ms is None:
            raise ValueError("delay needs delay_ms")
        if self.kind == "deny" and self.seconds is None:
            raise ValueError("deny needs seconds")
        if self.after_bytes is not None and self.connections is None:
            raise ValueError("after_bytes needs connections")
        return self

    def fault(self) -> FaultRequest:
        """What is asked for."""
        return FaultRequest(
            kind=self.kind,
            endpoint=None if self.endpoint is None else EndpointId(self.endpoint),
            connections=self.connections,
            after_bytes=self.after_bytes,
            delay_ms=self.delay_ms,
            seconds=self.seconds,
        )


class LatencyProfileBody(Body):
    """`POST /_local/operations/profile`"""

    profile: Profile


class ResetBody(Body):
    """`POST /_local/reset`"""

    confirm: str


def _settings(asked: EndpointSettingsBody | None, usual: EndpointDefaults) -> EndpointSettings | None:
    """A new compute's own settings, over those of its project; None where it has none of its own."""
    return None if asked is None else asked.over(EndpointSettings(pg_settings=usual.pg_settings))
