from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from dormouse.control.model import Unchanged
from dormouse.control.past import RestoreSpec, ScheduleItem, SnapshotChange, SnapshotRestoreSpec, SnapshotSpec
from dormouse.control.points import HEAD, AtLsn, AtTime
from dormouse.names import BranchId
from dormouse.web.past_requests import (
    BackupScheduleBody,
    BranchRestoreBody,
    CompareSchemaQuery,
    FinalizeRestoreBody,
    SchemaQuery,
    SnapshotQuery,
    SnapshotRestoreBody,
    SnapshotUpdateBody,
)

BRANCH = BranchId("br-a-b-1")
MOMENT = datetime(2026, 1, 1, 12, 0, 0, 123_000, tzinfo=UTC)
TEXT = "2026-01-01T12:00:00.123Z"


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("{}", RestoreSpec(source=BRANCH)),
        ('{"source_lsn": "", "preserve_under_name": ""}', RestoreSpec(source=BRANCH)),
        ('{"source_lsn": "0/1FA22C0"}', RestoreSpec(source=BRANCH, point=AtLsn(0x1FA22C0))),
        (
            f'{{"source_timestamp": "{TEXT}", "preserve_under_name": "old"}}',
            RestoreSpec(source=BRANCH, point=AtTime(MOMENT), preserve_under_name="old"),
        ),
    ],
)
def test_restore(text: str, spec: RestoreSpec) -> None:
    whole = text.replace("{", f'{{"source_branch_id": "{BRANCH}"' + (", " if ":" in text else ""), 1)

    assert BranchRestoreBody.model_validate_json(whole).spec() == spec


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (BranchRestoreBody, "{}"),
        (BranchRestoreBody, '{"source_branch_id": "../x"}'),
        (BranchRestoreBody, '{"source_branch_id": "br-1", "source_lsn": 7}'),
        (BranchRestoreBody, '{"source_branch_id": "br-1", "source_lsn": "7"}'),
        (BranchRestoreBody, '{"source_branch_id": "br-1", "source_timestamp": "yesterday"}'),
        (BranchRestoreBody, f'{{"source_branch_id": "br-1", "source_lsn": "0/1", "source_timestamp": "{TEXT}"}}'),
        (BranchRestoreBody, '{"source_branch_id": "br-1", "preserve_under_name": "a/../b"}'),
        (FinalizeRestoreBody, '{"name": ""}'),
        (SnapshotUpdateBody, "{}"),
        (SnapshotUpdateBody, '{"snapshot": {"name": ""}}'),
        (SnapshotUpdateBody, '{"snapshot": {"expires_at": "never"}}'),
        (SnapshotRestoreBody, '{"finalize_restore": "yes"}'),
        (SnapshotRestoreBody, '{"target_branch_id": "main branch"}'),
        (BackupScheduleBody, "{}"),
        (BackupScheduleBody, '{"schedule": [{}]}'),
        (BackupScheduleBody, '{"schedule": [{"frequency": "often"}]}'),
        (BackupScheduleBody, '{"schedule": [{"frequency": "daily", "hour": 24}]}'),
        (BackupScheduleBody, '{"schedule": [{"frequency": "monthly", "day": 32}]}'),
        (BackupScheduleBody, '{"schedule": [{"frequency": "weekly", "day": 8}]}'),
        (BackupScheduleBody, '{"schedule": [{"frequency": "yearly", "month": 13}]}'),
        (BackupScheduleBody, '{"schedule": [{"frequency": "daily", "retention_seconds": 3599}]}'),
    ],
)
def test_bodies_that_cannot_be(model: type[BaseModel], text: str) -> None:
    with pytest.raises(ValidationError):
        model.model_validate_json(text)


@pytest.mark.parametrize(
    ("query", "spec"),
    [
        ({}, SnapshotSpec()),
        ({"name": "s", "lsn": "0/1"}, SnapshotSpec(name="s", point=AtLsn(1))),
        ({"timestamp": TEXT, "expires_at": TEXT}, SnapshotSpec(point=AtTime(MOMENT), expires_at=MOMENT)),
    ],
)
def test_snapshot(query: dict[str, str], spec: SnapshotSpec) -> None:
    assert SnapshotQuery.model_validate(query).spec() == spec


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (SnapshotQuery, {"lsn": "0/1", "timestamp": TEXT}),
        (SnapshotQuery, {"name": "a\nb"}),
        (SchemaQuery, {}),
        (SchemaQuery, {"db_name": "d", "format": "yaml"}),
        (SchemaQuery, {"db_name": "d", "lsn": "x"}),
        (SchemaQuery, {"db_name": "d", "lsn": "0/1", "timestamp": TEXT}),
        (CompareSchemaQuery, {"base_branch_id": "br-1"}),
        (CompareSchemaQuery, {"db_name": "d", "base_branch_id": "main branch"}),
        (CompareSchemaQuery, {"db_name": "d", "base_lsn": "0/1", "base_timestamp": TEXT}),
    ],
)
def test_queries_that_cannot_be(model: type[BaseModel], query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(query)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("{}", SnapshotChange()),
        ('{"name": "n"}', SnapshotChange(name="n", expires_at=Unchanged.UNCHANGED)),
        ('{"expires_at": null}', SnapshotChange(expires_at=None)),
        (f'{{"expires_at": "{TEXT}"}}', SnapshotChange(expires_at=MOMENT)),
    ],
)
def test_change_of_a_snapshot(text: str, change: SnapshotChange) -> None:
    assert SnapshotUpdateBody.model_validate_json(f'{{"snapshot": {text}}}').change() == change


def test_restore_of_a_snapshot() -> None:
    text = f'{{"name": "n", "target_branch_id": "{BRANCH}", "finalize_restore": true}}'

    assert SnapshotRestoreBody().spec() == SnapshotRestoreSpec()
    assert SnapshotRestoreBody.model_validate_json(text).spec() == SnapshotRestoreSpec(
        name="n", target=BRANCH, finalize=True
    )


def test_schedule() -> None:
    # neonctl sends a null where a retention is no number.
    text = """{"schedule": [{"frequency": "weekly", "day": 7, "hour": 0, "retention_seconds": null},
        {"frequency": "monthly", "day": 31, "retention_seconds": 3600}]}"""

    assert BackupScheduleBody.model_validate_json(text).items() == (
        ScheduleItem(frequency="weekly", day=7, hour=0),
        ScheduleItem(frequency="monthly", day=31, retention_seconds=3600),
    )


def test_points_of_schemas() -> None:
    both: dict[str, Any] = {"db_name": "d", "lsn": "0/1", "base_timestamp": TEXT}
    compared = CompareSchemaQuery.model_validate(both)

    assert (compared.point(), compared.base_point()) == (AtLsn(1), AtTime(MOMENT))
    assert SchemaQuery.model_validate({"db_name": "d"}).point() == HEAD
