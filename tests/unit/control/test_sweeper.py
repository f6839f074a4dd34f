"""When something is due; that it is done then is tried on a platform."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dormouse.control.catalog import Catalog
from dormouse.control.changes import Record
from dormouse.control.model import RECOVERABLE_FOR, Branch, BranchState, EndpointDefaults, Project
from dormouse.control.past import Copies, Kept, KeptBecause, Schedule, Snapshot
from dormouse.control.sweeper import next_due
from dormouse.names import BranchId, Incarnation, OperationId, ProjectId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DUE = NOW + timedelta(hours=1)
PROJECT = Project(
    id=ProjectId("p"),
    name="shop",
    pg_version=17,
    region_id="here",
    store_passwords=True,
    history_retention_seconds=86400,
    default_endpoint_settings=EndpointDefaults(),
    created_at=NOW,
    updated_at=NOW,
)
BRANCH = Branch(
    id=BranchId("br-a"),
    project_id=PROJECT.id,
    name="main",
    incarnation=Incarnation("0f" * 16),
    state=BranchState.READY,
    default=True,
    protected=False,
    created_at=NOW,
    updated_at=NOW,
)
KEPT = Kept(
    id=OperationId("op-1"),
    project_id=PROJECT.id,
    branch=BRANCH,
    copies=Copies(),
    endpoints=(),
    because=KeptBecause.DELETE,
    kept_at=NOW,
    kept_until=DUE,
)
SNAPSHOT = Snapshot(
    id="snap-a",
    project_id=PROJECT.id,
    name="before",
    source_branch_id=BRANCH.id,
    lsn="0/700028",
    timestamp=NOW,
    created_at=NOW,
    copies=Copies(),
)


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    opened = Catalog.open(tmp_path / "catalog.sqlite")
    await opened.put(PROJECT, BRANCH)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("record", "due"),
    [
        (BRANCH, None),
        (replace(BRANCH, expires_at=DUE), DUE),
        (replace(PROJECT, deleted_at=NOW), NOW + RECOVERABLE_FOR),
        (KEPT, DUE),
        (SNAPSHOT, None),
        (replace(SNAPSHOT, expires_at=DUE), DUE),
        (Schedule(branch_id=BRANCH.id), None),
        (Schedule(branch_id=BRANCH.id, next_at=DUE), DUE),
    ],
)
async def test_what_has_its_time(record: Record, due: datetime | None, catalog: Catalog) -> None:
    await catalog.put(record)

    assert next_due(catalog) == due


async def test_the_first_of_them_is_next(catalog: Catalog) -> None:
    await catalog.put(
        replace(BRANCH, expires_at=DUE + timedelta(seconds=2)),
        KEPT,
        replace(SNAPSHOT, expires_at=DUE - timedelta(seconds=1)),
    )

    assert next_due(catalog) == DUE - timedelta(seconds=1)
