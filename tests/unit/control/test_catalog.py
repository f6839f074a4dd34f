import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dormouse.control.catalog import Catalog
from dormouse.control.changes import Delete, Put, Record
from dormouse.control.model import (
    AllowedIps,
    ApiKey,
    AuditLogLevel,
    Branch,
    BranchState,
    Database,
    Endpoint,
    EndpointDefaults,
    EndpointSettings,
    EndpointState,
    EndpointType,
    MaintenanceWindow,
    Operation,
    OperationAction,
    OperationStatus,
    Permission,
    PreloadLibraries,
    Project,
    ProjectSettings,
    Quota,
    Role,
    StoredVerifier,
)
from dormouse.control.past import Copies, Kept, KeptBecause, LedgerEntry, Schedule, ScheduleItem, Snapshot
from dormouse.control.planning import Origin, Plan, PlanKind
from dormouse.errors import HomeError, StorageError
from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId

NOW = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
WHOLE = NOW.replace(microsecond=0)

PROJECT = Project(
    id=ProjectId("p"),
    name="shop",
    pg_version=17,
    region_id="here",
    store_passwords=True,
    history_retention_seconds=86400,
    default_endpoint_settings=EndpointDefaults(autoscaling_limit_max_cu=2.0, suspend_timeout_seconds=-1),
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
ENDPOINT = Endpoint(
    id=EndpointId("ep-a"),
    project_id=PROJECT.id,
    branch_id=BRANCH.id,
    type=EndpointType.READ_WRITE,
    name="",
    autoscaling_limit_min_cu=0.25,
    autoscaling_limit_max_cu=2.0,
    suspend_timeout_seconds=0,
    disabled=False,
    created_at=NOW,
    updated_at=NOW,
)
ROLE = Role(branch_id=BRANCH.id, name="anna", password="secret", protected=False, created_at=NOW, updated_at=NOW)
DATABASE = Database(id=7, branch_id=BRANCH.id, name="shop", owner_name="anna", created_at=NOW, updated_at=NOW)
VERIFIER = StoredVerifier(branch_id=BRANCH.id, role="anna", verifier="SCRAM-SHA-256$4096:x$y:z")
OPERATION = Operation(
    id=OperationId("op-1"),
    project_id=PROJECT.id,
    branch_id=BRANCH.id,
    endpoint_id=ENDPOINT.id,
    action=OperationAction.START_COMPUTE,
    status=OperationStatus.RUNNING,
    created_at=NOW,
    updated_at=NOW,
)
PLAN = Plan(
    id=OperationId("op-2"),
    kind=PlanKind.CREATE_PROJECT,
    project_id=PROJECT.id,
    branch_id=BRANCH.id,
    endpoint_id=ENDPOINT.id,
    origin=Origin(branch_id=BRANCH.id, incarnation=BRANCH.incarnation, lsn="0/700028"),
)
COPIES = Copies(roles=(ROLE,), databases=(DATABASE,), verifiers=(VERIFIER,))
SCHEDULE = Schedule(branch_id=BRANCH.id, items=(ScheduleItem(frequency="daily", hour=3),))
KEPT = Kept(
    id=OperationId("op-3"),
    project_id=PROJECT.id,
    branch=BRANCH,
    copies=COPIES,
    endpoints=(ENDPOINT,),
    because=KeptBecause.DELETE,
    kept_at=NOW,
    kept_until=NOW + timedelta(days=1),
)
SNAPSHOT = Snapshot(
    id="snap-a",
    project_id=PROJECT.id,
    name="before",
    source_branch_id=BRANCH.id,
    lsn="0/700028",
    timestamp=NOW,
    created_at=NOW,
    copies=COPIES,
)
LEDGER_ENTRY = LedgerEntry(incarnation=BRANCH.incarnation, lsn=0x700028, at=NOW)
PERMISSION = Permission(
    id="permission-1", project_id=PROJECT.id, granted_to_email="anna@example.org", granted_at=NOW
)
KEY = ApiKey(id=1, name="ci", digest="ab12", created_at=NOW)

BASIS = (PROJECT, BRANCH)
FULL = (
    *BASIS,
    ENDPOINT,
    ROLE,
    DATABASE,
    VERIFIER,
    OPERATION,
    PLAN,
    PERMISSION,
    KEY,
    KEPT,
    SNAPSHOT,
    SCHEDULE,
    LEDGER_ENTRY,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "100% o'clock ☃.sqlite"


@pytest.fixture
async def catalog(path: Path) -> AsyncIterator[Catalog]:
    opened = Catalog.open(path)
    yield opened
    await opened.close()


def memory_of(catalog: Catalog) -> dict[str, list[Any]]:
    """All records that are in memory, each kind in its order."""
    kinds = (
        "projects",
        "branches",
        "endpoints",
        "roles",
        "databases",
        "verifiers",
        "plans",
        "permissions",
        "api_keys",
        "kept",
        "snapshots",
        "schedules",
    )
    return {kind: list(getattr(catalog, kind).items()) for kind in kinds}


async def disk_of(path: Path) -> dict[str, list[Any]]:
    """What another process would find."""
    opened = Catalog.open(path)
    found = memory_of(opened)
    await opened.close()
    return found


# What is put is there.

VARIANTS: list[Record] = [
    PROJECT,
    replace(PROJECT, name="", store_passwords=False, default_endpoint_settings=EndpointDefaults()),
    replace(PROJECT, name='it\'s 100% "quoted" ☃\n'),
    replace(
        PROJECT, created_at=NOW.replace(microsecond=0), updated_at=NOW.astimezone(timezone(timedelta(hours=2)))
    ),
    BRANCH,
    replace(BRANCH, default=False, protected=True, stopped_cleanly=False, config_pending=True),
    replace(BRANCH, state=BranchState.INIT, end_of_wal="0/CC2728", last_active=NOW),
    replace(BRANCH, parent_lsn="0/CC2728", parent_timestamp=NOW, expires_at=NOW, ttl_interval_seconds=60),
    replace(
        PROJECT,
        deleted_at=NOW,
        settings=ProjectSettings(
            allowed_ips=AllowedIps(ips=("10.0.0.0/8", "☃"), protected_branches_only=True),
            enable_logical_replication=True,
        ),
    ),
    replace(
        PROJECT,
        default_endpoint_settings=EndpointDefaults(pg_settings={"work_mem": "4MB", "☃": "it's 100%"}),
        settings=ProjectSettings(
            quota=Quota(logical_size_bytes=1 << 40, active_time_seconds=0),
            maintenance_window=MaintenanceWindow(weekdays=(1, 7), start_time="03:00", end_time="04:00"),
            hipaa=False,
            audit_log_level=AuditLogLevel.FULL,
            preload_libraries=PreloadLibraries(enabled_libraries=("auto_explain",)),
        ),
    ),
    replace(BRANCH, annotation={"git": "feature/☃", "empty": ""}),
    replace(
        ENDPOINT,
        settings=EndpointSettings(pg_settings={"work_mem": "4MB"}, preload_libraries=PreloadLibraries()),
    ),
    PERMISSION,
    KEY,
    replace(KEY, last_used_at=NOW),
    ENDPOINT,
    replace(ENDPOINT, type=EndpointType.READ_ONLY, disabled=True, suspend_timeout_seconds=-1),
    replace(
        ENDPOINT,
        current_state=EndpointState.ACTIVE,
        pending_state=EndpointState.IDLE,
        last_active=NOW,
        started_at=NOW,
        suspended_at=NOW,
    ),
    ROLE,
    replace(ROLE, password=None, protected=True),
    DATABASE,
    VERIFIER,
    PLAN,
    replace(PLAN, endpoint_id=None, kind=PlanKind.REMOVE_BRANCH, done=1),
    replace(PLAN, branch_id=None, endpoint_id=None, kind=PlanKind.REMOVE_PROJECT, done=1),
    replace(PLAN, origin=None),
    replace(
        PLAN,
        kind=PlanKind.RESTORE_BRANCH,
        origin=Origin(
            branch_id=BranchId("br-b"),
            incarnation=Incarnation("1e" * 16),
            snapshot="snap-a",
            into=Incarnation("2d" * 16),
            preserve_as=BranchId("br-c"),
            preserve_under_name="it's 100% ☃",
            time=NOW,
            because=KeptBecause.RESET,
        ),
    ),
    replace(BRANCH, init_source="schema-only", last_reset_at=NOW),
    replace(BRANCH, restored_from="snap-a", restored_as=BranchId("br-b"), restore_status="restored"),
    KEPT,
    replace(KEPT, schedule=SCHEDULE),
    replace(KEPT, copies=Copies(), endpoints=(), because=KeptBecause.UNDO, preserved_as=BranchId("br-b")),
    replace(
        KEPT,
        branch=replace(BRANCH, name="☃", parent_id=BranchId("br-gone"), expires_at=NOW, annotation={"a": "☃"}),
        copies=Copies(roles=(ROLE, replace(ROLE, name="ben", password=None, no_login=True))),
    ),
    SNAPSHOT,
    replace(SNAPSHOT, name="it's 100% ☃", expires_at=NOW, manual=False, is_ready=True, copies=Copies()),
    SCHEDULE,
    replace(SCHEDULE, items=(), next_at=NOW),
    replace(
        SCHEDULE,
        items=(
            ScheduleItem(frequency="hourly"),
            ScheduleItem(frequency="yearly", hour=0, day=31, month=12, retention_seconds=3600),
        ),
    ),
]


@pytest.mark.parametrize("record", VARIANTS)
async def test_a_record_is_read_back(record: Record, catalog: Catalog, path: Path) -> None:
    await catalog.put(*BASIS)

    await catalog.put(record)

    kept = [value for values in (await disk_of(path)).values() for _, value in values]
    assert record in kept
    assert memory_of(catalog) == await disk_of(path)


@pytest.mark.parametrize(
    "operation",
    [
        OPERATION,
        replace(OPERATION, branch_id=None, endpoint_id=None, status=OperationStatus.FINISHED),
        replace(OPERATION, error="", failures_count=3, total_duration_ms=1 << 40),
        replace(OPERATION, error="it's 100% ☃", status=OperationStatus.FAILED),
    ],
)
async def test_an_operation_is_read_back(operation: Operation, catalog: Catalog) -> None:
    await catalog.put(PROJECT, operation)

    assert await catalog.operation(operation.id) == operation
    assert await catalog.operations(PROJECT.id) == [operation]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(name=st.text(), seconds=st.integers(0, (1 << 63) - 1), moment=st.datetimes(timezones=st.just(UTC)))
async def test_any_text_number_and_moment_is_read_back(
    name: str, seconds: int, moment: datetime, catalog: Catalog, path: Path
) -> None:
    record = replace(PROJECT, name=name, history_retention_seconds=seconds, updated_at=moment)

    await catalog.put(record)

    assert (await disk_of(path))["projects"] == [(PROJECT.id, record)]


async def test_every_state_is_read_back(catalog: Catalog, path: Path) -> None:
    await catalog.put(*BASIS)

    for kind, record, name in (
        (BranchState, BRANCH, "state"),
        (EndpointState, ENDPOINT, "current_state"),
        (PlanKind, PLAN, "kind"),
        (KeptBecause, KEPT, "because"),
    ):
        for state in kind:  # type: ignore[attr-defined]
            await catalog.put(replace(record, **{name: state}))  # type: ignore[type-var]
            assert memory_of(catalog) == await disk_of(path)


async def test_what_is_read_has_the_types_of_its_record(catalog: Catalog, path: Path) -> None:
    await catalog.put(*FULL)

    reopened = await disk_of(path)
    branch = dict(reopened["branches"])[BRANCH.id]
    assert isinstance(branch.state, BranchState)
    assert branch.default is True
    assert branch.protected is False
    assert isinstance(dict(reopened["endpoints"])[ENDPOINT.id].autoscaling_limit_max_cu, float)


def test_the_variants_show_every_kind_and_every_field_that_may_be_none() -> None:
    optional = {
        (kind, field.name)
        for kind in {type(record) for record in FULL} - {Operation}
        for field in fields(kind)
        if "None" in str(field.type)
    }

    for kind, name in optional - {(Branch, "parent_id")}:
        values = {getattr(record, name) for record in VARIANTS if isinstance(record, kind)}
        assert None in values, (kind, name)
        assert len(values) > 1, (kind, name)


async def test_a_branch_names_its_parent(catalog: Catalog, path: Path) -> None:
    child = replace(BRANCH, id=BranchId("br-b"), name="child", parent_id=BRANCH.id)

    await catalog.put(*BASIS, child)

    assert dict((await disk_of(path))["branches"])[child.id] == child


# Replacing, deleting, and the order of things.


async def test_putting_again_replaces_and_keeps_what_depends_on_it(catalog: Catalog, path: Path) -> None:
    await catalog.put(*FULL)

    await catalog.put(replace(PROJECT, name="new"), replace(BRANCH, protected=True))

    assert catalog.projects[PROJECT.id].name == "new"
    assert catalog.endpoints == {ENDPOINT.id: ENDPOINT}
    assert memory_of(catalog) == await disk_of(path)


async def test_oldest_comes_first_also_after_a_change_and_a_restart(catalog: Catalog, path: Path) -> None:
    for name in ("c", "a", "b"):
        await catalog.put(replace(PROJECT, id=ProjectId(name)))

    await catalog.put(replace(PROJECT, id=ProjectId("c"), name="changed"))

    assert list(catalog.projects) == ["c", "a", "b"]
    assert memory_of(catalog) == await disk_of(path)


ALL_KINDS = {
    "projects", "branches", "endpoints", "roles", "databases", "verifiers", "plans", "permissions", "api_keys",
    "kept", "snapshots", "schedules",
}  # fmt: skip


@pytest.mark.parametrize(
    ("deleted", "left"),
    [
        (PROJECT, {"plans", "api_keys"}),
        # What is kept of a branch and snapshots of it outlive its record.
        (BRANCH, {"projects", "plans", "permissions", "api_keys", "kept", "snapshots"}),
        (ENDPOINT, ALL_KINDS - {"endpoints"}),
        (PLAN, ALL_KINDS - {"plans"}),
        (KEY, ALL_KINDS - {"api_keys"}),
        (KEPT, ALL_KINDS - {"kept"}),
        (SNAPSHOT, ALL_KINDS - {"snapshots"}),
        (SCHEDULE, ALL_KINDS - {"schedules"}),
        (LEDGER_ENTRY, ALL_KINDS),
    ],
)
async def test_what_depends_on_a_record_goes_with_it_in_memory_as_on_disk(
    deleted: Record, left: set[str], catalog: Catalog, path: Path
) -> None:
    await catalog.put(*FULL)

    await catalog.delete(deleted)

    assert {kind for kind, values in memory_of(catalog).items() if values} == left
    assert memory_of(catalog) == await disk_of(path)


async def test_a_project_goes_with_all_its_branches_and_leaves_the_others(catalog: Catalog, path: Path) -> None:
    child = replace(BRANCH, id=BranchId("br-b"), name="child", parent_id=BRANCH.id)
    other = replace(PROJECT, id=ProjectId("other"))
    theirs = replace(BRANCH, id=BranchId("br-c"), project_id=other.id)
    kept = replace(KEPT, id=OperationId("theirs"), project_id=other.id)
    snapshot = replace(SNAPSHOT, id="snap-b", project_id=other.id)
    schedule = replace(SCHEDULE, branch_id=theirs.id)
    await catalog.put(*FULL, child, other, theirs, replace(ROLE, branch_id=theirs.id), kept, snapshot, schedule)

    await catalog.delete(PROJECT)

    assert (list(catalog.branches), list(catalog.roles)) == ([theirs.id], [(theirs.id, "anna")])
    assert (list(catalog.kept), list(catalog.snapshots)) == ([kept.id], [snapshot.id])
    assert list(catalog.schedules) == [theirs.id]
    assert memory_of(catalog) == await disk_of(path)


async def test_operations_go_with_their_project(catalog: Catalog) -> None:
    await catalog.put(PROJECT, OPERATION)

    await catalog.delete(PROJECT)

    assert await catalog.operation(OPERATION.id) is None


async def test_deleting_what_is_not_there_changes_nothing(catalog: Catalog, path: Path) -> None:
    await catalog.put(*BASIS)

    await catalog.delete(ENDPOINT, replace(PROJECT, id=ProjectId("other")))

    assert memory_of(catalog) == await disk_of(path)


async def test_operations_are_newest_first(catalog: Catalog) -> None:
    moments = [0, 1.5, 1, 1.000001, 1]
    made = [
        replace(OPERATION, id=OperationId(str(at)), created_at=WHOLE + timedelta(seconds=second))
        for at, second in enumerate(moments)
    ]
    await catalog.put(PROJECT, *made)

    assert [found.id for found in await catalog.operations(PROJECT.id)] == ["1", "3", "4", "2", "0"]


async def test_there_is_no_such_operation(catalog: Catalog) -> None:
    assert await catalog.operation(OperationId("☃")) is None
    assert await catalog.operations(ProjectId("' OR 1=1")) == []


# Writing: all or nothing, one after the other.


@pytest.mark.parametrize(
    "refused",
    [
        replace(BRANCH, project_id=ProjectId("missing")),
        replace(BRANCH, id=BranchId("br-b")),
        replace(DATABASE, id=8),
        replace(SNAPSHOT, id="snap-b"),
        replace(SCHEDULE, branch_id=BranchId("missing")),
        replace(KEPT, project_id=ProjectId("missing")),
    ],
)
async def test_a_write_that_the_disk_refuses_changes_neither_disk_nor_memory(
    refused: Record, catalog: Catalog, path: Path
) -> None:
    await catalog.put(*FULL)
    before = memory_of(catalog)

    with pytest.raises(StorageError, match="the catalog could not be written"):
        await catalog.put(replace(PROJECT, name="new"), refused)

    assert memory_of(catalog) == before == await disk_of(path)


async def test_a_parent_is_not_deleted_before_its_child(catalog: Catalog, path: Path) -> None:
    await catalog.put(*BASIS, replace(BRANCH, id=BranchId("br-b"), name="child", parent_id=BRANCH.id))

    with pytest.raises(StorageError):
        await catalog.delete(BRANCH)

    assert len(catalog.branches) == 2
    assert memory_of(catalog) == await disk_of(path)


async def test_a_change_that_cannot_be_decided_changes_nothing_and_blocks_nobody(catalog: Catalog) -> None:
    def undecided() -> list[Put]:
        raise KeyError

    with pytest.raises(KeyError):
        await catalog.commit(undecided)

    await catalog.put(PROJECT)
    assert catalog.projects == {PROJECT.id: PROJECT}


async def test_nothing_is_lost_when_many_change_one_record(catalog: Catalog, path: Path) -> None:
    await catalog.put(replace(PROJECT, history_retention_seconds=0))

    def one_more() -> list[Put]:
        there = catalog.projects[PROJECT.id]
        return [Put(replace(there, history_retention_seconds=there.history_retention_seconds + 1))]

    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(catalog.commit(one_more))

    assert catalog.projects[PROJECT.id].history_retention_seconds == 50
    assert memory_of(catalog) == await disk_of(path)


async def test_one_commit_may_put_and_delete(catalog: Catalog, path: Path) -> None:
    await catalog.put(*FULL)

    await catalog.commit(lambda: [Delete(PLAN), Put(replace(OPERATION, status=OperationStatus.FINISHED))])

    assert catalog.plans == {}
    assert memory_of(catalog) == await disk_of(path)


async def test_memory_follows_the_disk_although_the_caller_is_gone(catalog: Catalog, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(catalog.put(PROJECT))
    await asyncio.sleep(0)  # it waits for the other one's lock now

    writing.cancel()
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    other.close()

    with pytest.raises(asyncio.CancelledError):
        await writing
    assert memory_of(catalog) == await disk_of(path)
    assert catalog.projects == {PROJECT.id: PROJECT}


async def test_who_is_gone_is_not_told_that_the_disk_refused(catalog: Catalog, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(catalog.put(BRANCH))  # of a project that does not exist
    await asyncio.sleep(0)

    writing.cancel()
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    other.close()

    with pytest.raises(asyncio.CancelledError):
        await writing
    assert catalog.branches == {}


# Waiting.


async def test_who_waits_is_told_when_it_is_so(catalog: Catalog) -> None:
    waiting = asyncio.ensure_future(catalog.until(lambda: len(catalog.projects) == 2))

    await catalog.put(PROJECT)
    await asyncio.sleep(0)
    assert not waiting.done()
    await catalog.put(replace(PROJECT, id=ProjectId("other")))

    async with asyncio.timeout(5):
        await waiting


async def test_who_waits_for_what_is_so_does_not_wait(catalog: Catalog) -> None:
    async with asyncio.timeout(5):
        await catalog.until(lambda: True)


# Opening.


async def test_the_files_are_closed_to_others(catalog: Catalog, path: Path) -> None:
    await catalog.put(PROJECT)

    modes = {
        file.name.removeprefix(path.name): stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()
    }
    assert modes == {"": 0o600, "-wal": 0o600, "-shm": 0o600}


async def test_records_of_a_later_version_are_left_alone(path: Path) -> None:
    later = sqlite3.connect(path)
    later.execute("PRAGMA user_version = 99")
    later.close()

    with pytest.raises(HomeError, match=r"was written by a later Dormouse \(schema 99, this one knows 4\)"):
        Catalog.open(path)

    assert sqlite3.connect(path).execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


async def test_a_file_that_is_no_catalog_is_named(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to look at" * 100)

    with pytest.raises(HomeError, match=r"the catalog .*☃.sqlite cannot be opened"):
        Catalog.open(path)


async def test_a_catalog_in_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"the catalog .*/missing/catalog.sqlite cannot be opened"):
        Catalog.open(tmp_path / "missing" / "catalog.sqlite")


async def test_what_was_written_before_a_close_is_there_after_it(path: Path) -> None:
    catalog = Catalog.open(path)
    writing = asyncio.ensure_future(catalog.put(PROJECT))
    await asyncio.sleep(0)
    await catalog.close()
    await writing

    assert (await disk_of(path))["projects"] == [(PROJECT.id, PROJECT)]


def test_the_schema_has_a_column_for_every_field(path: Path) -> None:
    scripts = sorted(SCHEMA.glob("*.sql"))
    schema = "\n".join(script.read_text("utf-8") for script in scripts)
    connection = sqlite3.connect(path)
    connection.executescript(schema)

    for record, table in zip(
        FULL,
        (
            "projects",
            "branches",
            "endpoints",
            "roles",
            "databases",
            "verifiers",
            "operations",
            "plans",
            "permissions",
            "api_keys",
            "kept",
            "snapshots",
            "schedules",
            "ledger",
        ),
        strict=True,
    ):
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        assert columns == {field.name for field in fields(record)}
    connection.close()


async def test_gives_no_database_id_twice(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path / "catalog.sqlite")
    await catalog.put(PROJECT, BRANCH, DATABASE)

    first, second = catalog.new_database_ids(2), catalog.new_database_ids()

    assert (list(first), list(second)) == ([8, 9], [10])
    await catalog.close()


async def test_gives_no_database_id_that_a_state_would_bring_back(catalog: Catalog) -> None:
    copies = Copies(databases=(replace(DATABASE, id=70), replace(DATABASE, id=60)))

    await catalog.put(*BASIS, DATABASE, replace(KEPT, copies=copies))

    assert list(catalog.new_database_ids(2)) == [71, 72]


# What belongs to a branch's data.


async def test_copies_are_those_of_the_branch(catalog: Catalog) -> None:
    child = replace(BRANCH, id=BranchId("br-b"), name="child", parent_id=BRANCH.id)
    theirs = (replace(ROLE, branch_id=child.id), replace(VERIFIER, branch_id=child.id))
    second = (replace(ROLE, name="ben", password=None), replace(DATABASE, id=3, name="a"))
    await catalog.put(*FULL, child, *theirs, *second)

    assert catalog.copies_of(BRANCH.id) == Copies(
        roles=(ROLE, second[0]), databases=(DATABASE, second[1]), verifiers=(VERIFIER,)
    )
    assert catalog.copies_of(child.id) == Copies(roles=theirs[:1], verifiers=theirs[1:])
    assert catalog.copies_of(BranchId("missing")) == Copies()


# The ledger, which is on disk alone.


def entry(lsn: int, seconds: float = 0, incarnation: Incarnation = BRANCH.incarnation) -> LedgerEntry:
    return LedgerEntry(incarnation=incarnation, lsn=lsn, at=NOW + timedelta(seconds=seconds))


OTHER = Incarnation("1e" * 16)


async def test_a_ledger_is_in_the_order_of_the_wal(catalog: Catalog) -> None:
    large = 0xFFF_FFFF_FFFF
    await catalog.put(entry(large, 3), entry(20, 9), entry(3, 1), entry(20, 0, OTHER))

    # Nothing else has to be there: an incarnation outlives its branch.
    assert await catalog.ledger(BRANCH.incarnation) == [entry(3, 1), entry(20, 9), entry(large, 3)]
    assert await catalog.ledger(OTHER) == [entry(20, 0, OTHER)]
    assert await catalog.ledger(Incarnation("☃")) == []


@pytest.mark.parametrize(
    ("before", "left"),
    [
        (None, []),
        # The last one before the position stays: it says when the WAL that is kept began.
        (0, [10, 20, 30]),
        (10, [10, 20, 30]),
        (19, [10, 20, 30]),
        (20, [20, 30]),
        (29, [20, 30]),
        (99, [30]),
    ],
)
async def test_what_the_ledger_forgets(before: int | None, left: list[int], catalog: Catalog) -> None:
    await catalog.put(*map(entry, (10, 20, 30)), entry(5, 0, OTHER))

    await catalog.forget_ledger(BRANCH.incarnation, before)

    assert [found.lsn for found in await catalog.ledger(BRANCH.incarnation)] == left
    assert await catalog.ledger(OTHER) == [entry(5, 0, OTHER)]


async def test_a_ledger_that_the_disk_refuses_is_our_error(catalog: Catalog, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("DROP TABLE ledger")
    other.close()

    with pytest.raises(StorageError, match="the catalog could not be written: no such table"):
        await catalog.forget_ledger(BRANCH.incarnation)
    with pytest.raises(StorageError, match="the catalog could not be read: no such table"):
        await catalog.ledger(BRANCH.incarnation)


# Files of earlier versions.

SCHEMA = Path(__file__).parents[3] / "src/dormouse/control/schema"
AT = "2026-01-01T12:00:00.123456+00:00"
OF_VERSION_1 = f"""
INSERT INTO projects VALUES ('p', 'shop', 17, 'here', 1, 86400,
    '{{"autoscaling_limit_min_cu": 0.25, "autoscaling_limit_max_cu": 2.0, "suspend_timeout_seconds": -1}}',
    '{AT}', '{AT}');
INSERT INTO branches VALUES ('br-a', 'p', 'main', '{BRANCH.incarnation}', 'ready', 1, 0, '{AT}', '{AT}', NULL,
    1, 0, '', NULL);
INSERT INTO endpoints VALUES ('ep-a', 'p', 'br-a', 'read_write', '', 0.25, 2.0, 0, 0, '{AT}', '{AT}', 'init',
    NULL, NULL, NULL, NULL);
INSERT INTO roles VALUES ('br-a', 'anna', 'secret', 0, '{AT}', '{AT}');
INSERT INTO databases VALUES (7, 'br-a', 'shop', 'anna', '{AT}', '{AT}');
INSERT INTO verifiers VALUES ('br-a', 'anna', '{VERIFIER.verifier}');
INSERT INTO operations VALUES ('op-1', 'p', 'br-a', 'ep-a', 'start_compute', 'running', '{AT}', '{AT}', 0, 0,
    NULL);
INSERT INTO plans VALUES ('op-2', 'undo project', 'p', 'br-a', 'ep-a', 1);
INSERT INTO plans VALUES ('op-3', 'undo replica', 'p', 'br-a', 'ep-a', 1);
INSERT INTO plans VALUES ('op-4', 'create project', 'p', 'br-a', 'ep-a', 1);
"""
OF_VERSION_2 = f"""
INSERT INTO permissions VALUES ('permission-1', 'p', 'anna@example.org', '{AT}');
INSERT INTO api_keys VALUES (1, 'ci', 'ab12', '{AT}', NULL);
UPDATE projects SET settings = '{{"allowed_ips": {{"ips": ["10.0.0.0/8"], "protected_branches_only": true}}}}';
UPDATE branches SET parent_lsn = '0/CC2728', parent_timestamp = '{AT}';
"""
OF_VERSION_3 = """
UPDATE branches SET annotation = '{"git": "☃"}';
UPDATE endpoints SET settings = '{"pg_settings": {"work_mem": "4MB"}}';
"""
PLANS_OF_VERSION_1 = [
    (OperationId("op-2"), PlanKind.REMOVE_PROJECT),
    (OperationId("op-3"), PlanKind.REMOVE_ENDPOINT),
    (OperationId("op-4"), PlanKind.CREATE_PROJECT),
]


def write_earlier(path: Path, version: int) -> None:
    """A file as an earlier version left it."""
    connection = sqlite3.connect(path)
    for number, rows in enumerate((OF_VERSION_1, OF_VERSION_2, OF_VERSION_3)[:version], 1):
        connection.executescript((SCHEMA / f"{number}.sql").read_text("utf-8") + rows)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_records_of_an_earlier_version_are_brought_along(version: int, path: Path) -> None:
    write_earlier(path, version)
    project, branch, endpoint = PROJECT, BRANCH, ENDPOINT
    if version >= 2:
        ips = AllowedIps(ips=("10.0.0.0/8",), protected_branches_only=True)
        project = replace(project, settings=ProjectSettings(allowed_ips=ips))
        branch = replace(branch, parent_lsn="0/CC2728", parent_timestamp=NOW)
    if version >= 3:
        branch = replace(branch, annotation={"git": "☃"})
        endpoint = replace(endpoint, settings=EndpointSettings(pg_settings={"work_mem": "4MB"}))

    there = {kind: [record for _, record in records] for kind, records in (await disk_of(path)).items()}

    assert [(plan.id, plan.kind) for plan in there.pop("plans")] == PLANS_OF_VERSION_1
    assert there == {
        "projects": [project],
        "branches": [branch],
        "endpoints": [endpoint],
        "roles": [ROLE],
        "databases": [DATABASE],
        "verifiers": [VERIFIER],
        "permissions": [PERMISSION] if version >= 2 else [],
        "api_keys": [KEY] if version >= 2 else [],
        "kept": [],
        "snapshots": [],
        "schedules": [],
    }


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_a_file_of_an_earlier_version_takes_all_that_a_new_one_does(version: int, path: Path) -> None:
    write_earlier(path, version)
    catalog = Catalog.open(path)

    await catalog.put(*FULL)

    assert memory_of(catalog) == await disk_of(path)
    assert await catalog.operations(PROJECT.id) == [OPERATION]
    assert await catalog.ledger(BRANCH.incarnation) == [LEDGER_ENTRY]
    await catalog.close()


async def test_a_file_that_cannot_be_brought_along_stays_what_it_was(path: Path) -> None:
    write_earlier(path, 3)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE snapshots (id TEXT)")

    with pytest.raises(HomeError, match=r"the catalog .* cannot be opened: table snapshots already exists"):
        Catalog.open(path)

    # Had half of the step been made, its columns would be in the way of the whole.
    other.execute("DROP TABLE snapshots")
    other.close()
    assert [record.id for _, record in (await disk_of(path))["branches"]] == [BRANCH.id]
