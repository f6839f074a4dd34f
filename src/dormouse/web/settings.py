"""Settings of projects and computes in requests: what is given, over what holds.

Of an object that is given in part the rest stays as it is. `pg_settings` and the lists are given whole: else
nothing could ever be taken out of them.
"""

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from dormouse.control.model import (
    AllowedIps,
    AuditLogLevel,
    EndpointDefaults,
    EndpointSettings,
    MaintenanceWindow,
    PreloadLibraries,
    ProjectSettings,
    Quota,
)
from dormouse.web.fields import (
    Body,
    Clock,
    ComputeUnits,
    Count,
    IpRange,
    LibraryName,
    SettingName,
    SettingValue,
    SuspendTimeout,
    given,
)

__all__ = ["DefaultEndpointSettings", "EndpointSettingsBody", "EndpointSizes", "ProjectSettingsBody"]

# Postgres has some 370 of its own; a megabyte of them is a mistake.
_PgSettings = Annotated[dict[SettingName, SettingValue], Field(max_length=500)]


class EndpointSizes(Body):
    """How large a compute is, and when it may sleep."""

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
            autoscaling_limit_min_cu=given(least, min(usual.autoscaling_limit_min_cu, most or math.inf)),
            autoscaling_limit_max_cu=given(most, max(usual.autoscaling_limit_max_cu, least or 0)),
            suspend_timeout_seconds=given(self.suspend_timeout_seconds, usual.suspend_timeout_seconds),
            pg_settings=usual.pg_settings,
        )


class DefaultEndpointSettings(EndpointSizes):
    """What a project's computes get when their creator does not say."""

    pg_settings: _PgSettings | None = None

    def over(self, usual: EndpointDefaults) -> EndpointDefaults:
        """What was asked for, over what is usual."""
        sizes = super().over(usual)
        return EndpointDefaults(
            autoscaling_limit_min_cu=sizes.autoscaling_limit_min_cu,
            autoscaling_limit_max_cu=sizes.autoscaling_limit_max_cu,
            suspend_timeout_seconds=sizes.suspend_timeout_seconds,
            pg_settings=given(self.pg_settings, usual.pg_settings),
        )


class _PreloadLibraries(Body):
    use_defaults: bool | None = None
    enabled_libraries: Annotated[tuple[LibraryName, ...], Field(max_length=100)] | None = None

    def over(self, usual: PreloadLibraries | None) -> PreloadLibraries:
        usual = usual or PreloadLibraries()
        return PreloadLibraries(
            use_defaults=given(self.use_defaults, usual.use_defaults),
            enabled_libraries=given(self.enabled_libraries, usual.enabled_libraries),
        )


class EndpointSettingsBody(Body):
    """A compute's own `settings`."""

    pg_settings: _PgSettings | None = None
    preload_libraries: _PreloadLibraries | None = None

    def over(self, usual: EndpointSettings) -> EndpointSettings:
        """What was asked for, over what holds."""
        libraries = self.preload_libraries
        return EndpointSettings(
            pg_settings=given(self.pg_settings, usual.pg_settings),
            preload_libraries=usual.preload_libraries
            if libraries is None
            else libraries.over(usual.preload_libraries),
        )


class _AllowedIps(Body):
    ips: tuple[IpRange, ...] | None = None
    protected_branches_only: bool | None = None

    def over(self, usual: AllowedIps) -> AllowedIps:
        return AllowedIps(
            ips=given(self.ips, usual.ips),
            protected_branches_only=given(self.protected_branches_only, usual.protected_branches_only),
        )


class _Quota(Body):
    active_time_seconds: Count | None = None
    compute_time_seconds: Count | None = None
    written_data_bytes: Count | None = None
    data_transfer_bytes: Count | None = None
    logical_size_bytes: Count | None = None

    def over(self, usual: Quota) -> Quota:
        return Quota(
            active_time_seconds=given(self.active_time_seconds, usual.active_time_seconds),
            compute_time_seconds=given(self.compute_time_seconds, usual.compute_time_seconds),
            written_data_bytes=given(self.written_data_bytes, usual.written_data_bytes),
            data_transfer_bytes=given(self.data_transfer_bytes, usual.data_transfer_bytes),
            logical_size_bytes=given(self.logical_size_bytes, usual.logical_size_bytes),
        )


class _MaintenanceWindow(Body):
    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(max_length=7)]
    start_time: Clock
    end_time: Clock

    def window(self) -> MaintenanceWindow:
        return MaintenanceWindow(weekdays=self.weekdays, start_time=self.start_time, end_time=self.end_time)


class ProjectSettingsBody(Body):
    """A project's `settings`."""

    allowed_ips: _AllowedIps | None = None
    enable_logical_replication: bool | None = None
    block_public_connections: bool | None = None
    block_vpc_connections: bool | None = None
    quota: _Quota | None = None
    maintenance_window: _MaintenanceWindow | None = None
    hipaa: bool | None = None
    audit_log_level: AuditLogLevel | None = None
    preload_libraries: _PreloadLibraries | None = None

    def over(self, usual: ProjectSettings) -> ProjectSettings:
        """What was asked for, over what holds."""
        window, libraries = self.maintenance_window, self.preload_libraries
        return ProjectSettings(
            allowed_ips=(self.allowed_ips or _AllowedIps()).over(usual.allowed_ips),
            enable_logical_replication=given(self.enable_logical_replication, usual.enable_logical_replication),
            block_public_connections=given(self.block_public_connections, usual.block_public_connections),
            block_vpc_connections=given(self.block_vpc_connections, usual.block_vpc_connections),
            quota=(self.quota or _Quota()).over(usual.quota),
            maintenance_window=usual.maintenance_window if window is None else window.window(),
            hipaa=given(self.hipaa, usual.hipaa),
            audit_log_level=given(self.audit_log_level, usual.audit_log_level),
            preload_libraries=usual.preload_libraries
            if libraries is None
            else libraries.over(usual.preload_libraries),
        )
