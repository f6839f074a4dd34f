"""The bodies that clients send, checked: types, lengths and ranges as the Neon API has them.

Fields that are documented there and mean nothing here (`provisioner`, `settings`, `pg_settings`, …) are passed
over: clients send them unasked. The answer shows what holds.
"""

import math
from typing import Annotated, Final, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dormouse.control.model import EndpointDefaults, EndpointSpec, EndpointType, ProjectSpec
from dormouse.names import BranchId

__all__ = ["EndpointCreateBody", "ProjectCreateBody"]

T = TypeVar("T")

_IDENTIFIER_BYTES: Final = 63
"""Postgres cuts longer names off, silently (manual, 4.1.1: NAMEDATALEN - 1)."""


def _is_identifier(text: str) -> str:
    if len(text.encode()) > _IDENTIFIER_BYTES:
        raise ValueError(f"longer than {_IDENTIFIER_BYTES} bytes")
    return _without_nul(text)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a zero byte")
    return text


def _given(asked: T | None, usual: T) -> T:
    return usual if asked is None else asked


Identifier = Annotated[str, StringConstraints(min_length=1), AfterValidator(_is_identifier)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_without_nul)]
# 56 is the largest compute that Neon offers.
ComputeUnits = Annotated[float, Field(ge=0.25, le=56)]
SuspendTimeout = Annotated[int, Field(ge=-1, le=604800)]


class _Body(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="ignore", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
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
    history_retention_seconds: Annotated[int, Field(ge=0, le=2592000)] | None = None
    branch: _ProjectBranch | None = None
    default_endpoint_settings: _EndpointSettings | None = None


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
        )


class _NewEndpoint(_EndpointSettings):
    branch_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")]
    type: EndpointType
    name: Annotated[str, StringConstraints(max_length=64), AfterValidator(_without_nul)] | None = None
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
