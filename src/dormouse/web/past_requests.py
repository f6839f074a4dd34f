"""What clients send about the past, in bodies and queries: restores, snapshots, schedules, schemas of then."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dormouse.control.model import Unchanged
from dormouse.control.past import RestoreSpec, ScheduleItem, SnapshotChange, SnapshotRestoreSpec, SnapshotSpec
from dormouse.control.points import Point
from dormouse.names import BranchId
from dormouse.web.fields import Body, Id, Lsn, Moment, Title
from dormouse.web.points import point_of

__all__ = [
    "BackupScheduleBody",
    "BranchRestoreBody",
    "CompareSchemaQuery",
    "FinalizeRestoreBody",
    "SchemaQuery",
    "SnapshotQuery",
    "SnapshotRestoreBody",
    "SnapshotRestoreQuery",
    "SnapshotUpdateBody",
]


class BranchRestoreBody(Body):
    """`POST …/branches/{id}/restore`"""

    source_branch_id: Id
    source_lsn: Lsn = None
    source_timestamp: Moment | None = None
    preserve_under_name: Title | Literal[""] | None = None
    """An empty one is none."""

    @model_validator(mode="after")
    def _there_is_one_point(self) -> Self:
        point_of(self.source_lsn, self.source_timestamp)
        return self

    def spec(self) -> RestoreSpec:
        """What the control plane is asked for."""
        return RestoreSpec(
            source=BranchId(self.source_branch_id),
            point=point_of(self.source_lsn, self.source_timestamp),
            preserve_under_name=self.preserve_under_name or None,
        )


class SnapshotRestoreQuery(Body):
    """`POST …/snapshots/{id}/restore`: the deprecated place of the name, which older clients use."""

    name: Title | None = None


class FinalizeRestoreBody(Body):
    """`POST …/branches/{id}/finalize_restore`; the body may be absent."""

    name: Title | None = None


class SnapshotQuery(Body):
    """`POST …/branches/{id}/snapshot`, which has no body."""

    name: Title | None = None
    lsn: Lsn = None
    timestamp: Moment | None = None
    expires_at: Moment | None = None

    @model_validator(mode="after")
    def _there_is_one_point(self) -> Self:
        point_of(self.lsn, self.timestamp)
        return self

    def spec(self) -> SnapshotSpec:
        """What the control plane is asked for."""
        return SnapshotSpec(name=self.name, point=point_of(self.lsn, self.timestamp), expires_at=self.expires_at)


class _SnapshotUpdate(Body):
    name: Title | None = None
    expires_at: Moment | None = None


class SnapshotUpdateBody(Body):
    """`PATCH …/snapshots/{id}`"""

    snapshot: _SnapshotUpdate

    def change(self) -> SnapshotChange:
        """What the control plane is asked for: an `expires_at` of null clears, an absent one leaves."""
        asked = self.snapshot
        return SnapshotChange(
            name=asked.name,
            expires_at=asked.expires_at if "expires_at" in asked.model_fields_set else Unchanged.UNCHANGED,
        )


class SnapshotRestoreBody(Body):
    """`POST …/snapshots/{id}/restore`; the body may be absent."""

    name: Title | None = None
    target_branch_id: Id | None = None
    finalize_restore: bool | None = None

    def spec(self) -> SnapshotRestoreSpec:
        """What the control plane is asked for."""
        return SnapshotRestoreSpec(
            name=self.name,
            target=None if self.target_branch_id is None else BranchId(self.target_branch_id),
            finalize=self.finalize_restore is True,
        )


class _ScheduleItem(Body):
    frequency: Literal["hourly", "daily", "weekly", "monthly", "yearly"]
    hour: Annotated[int, Field(ge=0, le=23)] | None = None
    day: Annotated[int, Field(ge=1, le=31)] | None = None
    month: Annotated[int, Field(ge=1, le=12)] | None = None
    retention_seconds: Annotated[int, Field(ge=3600, lt=1 << 31)] | None = None

    @model_validator(mode="after")
    def _a_week_has_seven_days(self) -> Self:
        if self.frequency == "weekly" and (self.day or 1) > 7:
            raise ValueError("day is larger than 7 in a weekly schedule")
        return self

    def item(self) -> ScheduleItem:
        return ScheduleItem(
            frequency=self.frequency,
            hour=self.hour,
            day=self.day,
            month=self.month,
            retention_seconds=self.retention_seconds,
        )


class BackupScheduleBody(Body):
    """`PUT …/branches/{id}/backup_schedule`"""

    schedule: Annotated[tuple[_ScheduleItem, ...], Field(max_length=20)]

    def items(self) -> tuple[ScheduleItem, ...]:
        """What the control plane is asked for."""
        return tuple(each.item() for each in self.schedule)


class SchemaQuery(Body):
    """`GET …/branches/{id}/schema`"""

    db_name: str
    lsn: Lsn = None
    timestamp: Moment | None = None
    format: Literal["sql", "json"] = "sql"

    @model_validator(mode="after")
    def _there_is_one_point(self) -> Self:
        point_of(self.lsn, self.timestamp)
        return self

    def point(self) -> Point:
        """Of when the schema is."""
        return point_of(self.lsn, self.timestamp)


class CompareSchemaQuery(Body):
    """`GET …/branches/{id}/compare_schema`"""

    db_name: str
    base_branch_id: Id | None = None
    lsn: Lsn = None
    timestamp: Moment | None = None
    base_lsn: Lsn = None
    base_timestamp: Moment | None = None

    @model_validator(mode="after")
    def _each_side_has_one_point(self) -> Self:
        point_of(self.lsn, self.timestamp)
        point_of(self.base_lsn, self.base_timestamp)
        return self

    def point(self) -> Point:
        """Of when the branch's schema is."""
        return point_of(self.lsn, self.timestamp)

    def base_point(self) -> Point:
        """Of when the schema is that it is compared with."""
        return point_of(self.base_lsn, self.base_timestamp)
