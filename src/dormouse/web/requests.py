"""The bodies that clients send, checked: types, lengths and ranges as the Neon API has them.

Fields that are documented there and mean nothing here (`provisioner`, `org_id`, `quota`, `pg_settings`, …) are
passed over: clients send them unasked. The answer shows what holds.
"""

import ipaddress
import math
import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from dormouse.control.model import (
    AllowedIps,
    BranchChange,
    BranchSpec,
    Endpoint,
    EndpointChange,
    EndpointDefaults,
    EndpointSpec,
    EndpointType,
    NewEndpoint,
    Project,
    ProjectChange,
    ProjectSettings,
    ProjectSpec,
    Unchanged,
)
from dormouse.names import BranchId
from dormouse.web.errors import NotYet

__all__ = [
    "ApiKeyCreateBody",
    "BranchCreateBody",
    "BranchUpdateBody",
    "DatabaseCreateBody",
    "DatabaseUpdateBody",
    "EndpointCreateBody",
    "EndpointUpdateBody",
    "PermissionGrantBody",
    "PermissionRevokeBody",
    "ProjectCreateBody",
    "ProjectUpdateBody",
    "ResetBody",
    "RoleCreateBody",
]

T = TypeVar("T")

_IDENTIFIER_BYTES: Final = 63
"""Postgres cuts longer names off, silently (manual, 4.1.1: NAMEDATALEN - 1)."""

# Postgres would take them all, in quotes. But names go into scripts, URLs and file names of their users, and one
# that means something there is a mistake or a trap.
_TRAPS: Final = re.compile(r'[\x00-\x1f\x7f"\\;]|(^|/)\.\.?(/|$)')
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SQL_COMMENT: Final = re.compile(r"--|/\*")


def _is_identifier(text: str) -> str:
    if len(text.encode()) > _IDENTIFIER_BYTES:
        raise ValueError(f"longer than {_IDENTIFIER_BYTES} bytes")
    if _SQL_COMMENT.search(text):
        raise ValueError("holds the beginning of an SQL comment")
    return _is_harmless(text)


def _is_harmless(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a zero byte")
    if _TRAPS.search(text):
        raise ValueError(
            "holds a control character, a double quote, a semicolon, a backslash, or a step of a path"
        )
    return text


def _is_address(text: str) -> str:
    """An address, a network, or two addresses with a hyphen between: what Neon's allow list knows."""
    try:
        if "/" in text:
            ipaddress.ip_network(text, strict=False)
        else:
            for end in text.split("-", 1):
                ipaddress.ip_address(end)
    except ValueError:
        raise ValueError("is not an IP address, a network or a range") from None
    return text


def _is_email(text: str) -> str:
    if not re.fullmatch(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+", text):
        raise ValueError("is not an e-mail address")
    return text


def _moment(value: object) -> datetime:
    """RFC 3339 alone, in UTC: pydantic would also take seconds since 1970, and a day without a time."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("is not a moment like 2026-12-01T00:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        # The 31st of a short month; year 1 or 9999, and an offset that leads beyond.
        raise ValueError("is a moment that there is not") from None


def _given(asked: T | None, usual: T) -> T:
    return usual if asked is None else asked


Identifier = Annotated[str, StringConstraints(min_length=1), AfterValidator(_is_identifier)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_is_harmless)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")]
Moment = Annotated[datetime, BeforeValidator(_moment)]
# 56 is the largest compute that Neon offers.
ComputeUnits = Annotated[float, Field(ge=0.25, le=56)]
SuspendTimeout = Annotated[int, Field(ge=-1, le=604800)]
Retention = Annotated[int, Field(ge=0, le=2592000)]
EndpointName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_is_harmless)]


class _Body(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        # Validators are made when a model is first used: a platform starts without them.
        defer_build=True,
    )


class _EndpointSettings(_Body):
    autoscaling_limit_min_cu: ComputeUnits | None = None
    autoscaling_limit_max_cu: ComputeUnits | None = None
    suspend_timeout_seconds: SuspendTimeout | None = None

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> Self:
        least, most = self.autoscaling_limit_min_cu, self.autoscaling_limit_max_cu
        if least is not None and most is not None and least > most:
            raise ValueError("autoscaling_limit_min_cu is larger than autoscaling_limit_max_cu")
        return self

    def over(self, usual: EndpointDefaults) -> EndpointDefaults:
        """What was asked for, over what is usual; where one limit was given, the other follows if it must."""
        least, most = self.autoscaling_limit_min_cu, self.autoscaling_limit_max_cu
        return EndpointDefaults(
            autoscaling_limit_min_cu=_given(least, min(usual.autoscaling_limit_min_cu, most or math.inf)),
            autoscaling_limit_max_cu=_given(most, max(usual.autoscaling_limit_max_cu, least or 0)),
            suspend_timeout_seconds=_given(self.suspend_timeout_seconds, usual.suspend_timeout_seconds),
        )


class _AllowedIps(_Body):
    ips: tuple[Annotated[str, StringConstraints(max_length=100), AfterValidator(_is_address)], ...] | None = None
    protected_branches_only: bool | None = None

    def over(self, usual: AllowedIps) -> AllowedIps:
        return AllowedIps(
            ips=_given(self.ips, usual.ips),
            protected_branches_only=_given(self.protected_branches_only, usual.protected_branches_only),
        )


class _ProjectSettings(_Body):
    allowed_ips: _AllowedIps | None = None
    enable_logical_replication: bool | None = None
    block_public_connections: bool | None = None
    block_vpc_connections: bool | None = None

    def over(self, usual: ProjectSettings) -> ProjectSettings:
        """What was asked for, over what holds."""
        return ProjectSettings(
            allowed_ips=(self.allowed_ips or _AllowedIps()).over(usual.allowed_ips),
            enable_logical_replication=_given(self.enable_logical_replication, usual.enable_logical_replication),
            block_public_connections=_given(self.block_public_connections, usual.block_public_connections),
            block_vpc_connections=_given(self.block_vpc_connections, usual.block_vpc_connections),
        )


class _ProjectBranch(_Body):
    name: Title | None = None
    role_name: Identifier | None = None
    database_name: Identifier | None = None


class _NewProject(_EndpointSettings):
    # The inherited fields are deprecated here; they count where default_endpoint_settings is absent.

    name: Title | None = None
    pg_version: Annotated[int, Field(ge=14, le=18)] | None = None
    region_id: Title | None = None
    store_passwords: bool | None = None
    history_retention_seconds: Retention | None = None
    branch: _ProjectBranch | None = None
    default_endpoint_settings: _EndpointSettings | None = None
    settings: _ProjectSettings | None = None


class ProjectCreateBody(_Body):
    """`POST /projects`"""

    project: _NewProject

    def spec(self) -> ProjectSpec:
        """What the control plane is asked for."""
        asked, branch, usual = self.project, self.project.branch or _ProjectBranch(), ProjectSpec()
        return ProjectSpec(
            name=asked.name,
            pg_version=asked.pg_version,
            region_id=asked.region_id,
            store_passwords=_given(asked.store_passwords, usual.store_passwords),
            history_retention_seconds=_given(asked.history_retention_seconds, usual.history_retention_seconds),
            branch_name=_given(branch.name, usual.branch_name),
            role_name=branch.role_name,
            database_name=_given(branch.database_name, usual.database_name),
            endpoint_defaults=(asked.default_endpoint_settings or asked).over(usual.endpoint_defaults),
            settings=(asked.settings or _ProjectSettings()).over(usual.settings),
        )


class _ProjectUpdate(_Body):
    name: Title | None = None
    history_retention_seconds: Retention | None = None
    default_endpoint_settings: _EndpointSettings | None = None
    settings: _ProjectSettings | None = None


class ProjectUpdateBody(_Body):
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


class _BranchEndpoint(_EndpointSettings):
    type: EndpointType

    def spec(self, usual: EndpointDefaults) -> NewEndpoint:
        settings = self.over(usual)
        return NewEndpoint(
            type=self.type,
            autoscaling_limit_min_cu=settings.autoscaling_limit_min_cu,
            autoscaling_limit_max_cu=settings.autoscaling_limit_max_cu,
            suspend_timeout_seconds=settings.suspend_timeout_seconds,
        )


class _NewBranch(_Body):
    name: Title | None = None
    parent_id: Id | None = None
    parent_lsn: str | None = None
    parent_timestamp: Moment | None = None
    protected: bool | None = None
    archived: bool | None = None
    init_source: Literal["parent-data", "schema-only"] | None = None
    expires_at: Moment | None = None


class BranchCreateBody(_Body):
    """`POST …/branches`; the body may be absent."""

    branch: _NewBranch | None = None
    endpoints: Annotated[tuple[_BranchEndpoint, ...], Field(max_length=20)] | None = None
    annotation_value: dict[str, str] | None = None

    def spec(self, usual: EndpointDefaults) -> BranchSpec:
        """What the control plane is asked for; `usual` are the settings of the project.

        Raises NotYet for a branch of the past, one without rows, and an archived one.
        """
        asked = self.branch or _NewBranch()
        if asked.parent_lsn or asked.parent_timestamp:
            raise NotYet("a branch from a moment of the past")
        if asked.init_source == "schema-only":
            raise NotYet("a branch with the schema only")
        if asked.archived:
            raise NotYet("an archived branch")
        return BranchSpec(
            name=asked.name,
            parent_id=None if asked.parent_id is None else BranchId(asked.parent_id),
            protected=asked.protected is True,
            expires_at=asked.expires_at,
            endpoints=tuple(each.spec(usual) for each in self.endpoints or ()),
        )


class _BranchUpdate(_Body):
    name: Title | None = None
    protected: bool | None = None
    expires_at: Moment | None = None


class BranchUpdateBody(_Body):
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


class _NewEndpoint(_EndpointSettings):
    branch_id: Id
    type: EndpointType
    name: EndpointName | None = None
    disabled: bool | None = None


class EndpointCreateBody(_Body):
    """`POST …/endpoints`"""

    endpoint: _NewEndpoint

    def spec(self, usual: EndpointDefaults) -> EndpointSpec:
        """What the control plane is asked for; `usual` are the settings of the project."""
        asked, settings = self.endpoint, self.endpoint.over(usual)
        return EndpointSpec(
            branch_id=BranchId(asked.branch_id),
            type=asked.type,
            name=asked.name or "",
            autoscaling_limit_min_cu=settings.autoscaling_limit_min_cu,
            autoscaling_limit_max_cu=settings.autoscaling_limit_max_cu,
            suspend_timeout_seconds=settings.suspend_timeout_seconds,
            disabled=asked.disabled is True,
        )


class _EndpointUpdate(_EndpointSettings):
    branch_id: Id | None = None
    name: EndpointName | None = None
    disabled: bool | None = None


class EndpointUpdateBody(_Body):
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
        )


class _NewRole(_Body):
    name: Identifier
    no_login: bool | None = None


class RoleCreateBody(_Body):
    """`POST …/roles`"""

    role: _NewRole


class _NewDatabase(_Body):
    name: Identifier
    # Whoever it is to belong to exists already, maybe by SQL, so under any name that Postgres took.
    owner_name: Annotated[str, StringConstraints(min_length=1, max_length=_IDENTIFIER_BYTES)]


class DatabaseCreateBody(_Body):
    """`POST …/databases`"""

    database: _NewDatabase


class _DatabaseUpdate(_Body):
    name: Identifier | None = None
    owner_name: Annotated[str, StringConstraints(min_length=1, max_length=_IDENTIFIER_BYTES)] | None = None


class DatabaseUpdateBody(_Body):
    """`PATCH …/databases/{name}`"""

    database: _DatabaseUpdate


class ApiKeyCreateBody(_Body):
    """`POST /api_keys`"""

    key_name: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_is_harmless)]


class PermissionGrantBody(_Body):
    """`POST …/permissions`"""

    email: Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_is_email)]


class PermissionRevokeBody(_Body):
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


class ResetBody(_Body):
    """`POST /_local/reset`"""

    confirm: str
