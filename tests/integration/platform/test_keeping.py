"""What is kept of branches that were deleted or replaced, how it comes back, and when it goes."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fix_past import branched, clock_of, restored, socket_folder, undone
from fix_platform import Made, Platform, rows, wait_until

from dormouse.api.bodies import BranchCreate, BranchUpdate, ProjectCreate
from dormouse.api.errors import Exists, Missing, Refused
from dormouse.names import BranchId, EndpointId, ProjectId


def lives(platform: Platform, made: Made) -> set[str]:
    """Folders of all lives of all branches of a project, and of its snapshots."""
    return {path.name for path in platform.home.glob(f"projects/{made.project}/branches/*/*")} | {
        path.name for path in platform.home.glob(f"projects/{made.project}/snapshots/*")
    }


def short_memory(platform: Platform, seconds: int) -> Made:
    """A project that keeps history for so long."""
    answer = platform.client.create_project(ProjectCreate(history_retention_seconds=seconds))
    return Made(
        project=ProjectId(answer.project.id),
        branch=BranchId(answer.branch.id),
        primary=EndpointId(answer.endpoints[0].id),
        url=answer.connection_uris[0].connection_uri,
    )


def test_a_deleted_branch_comes_back_whole(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    dev = branched(platform, made, "dev")
    platform.add_replica(dev)
    assert rows(dev.replica_url, "SELECT i FROM t") == [(1,)]
    password = platform.client.reset_password(made.project, dev.branch, "neondb_owner").role.password
    url = psycopg.conninfo.make_conninfo(dev.url, password=password)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO t VALUES (2)")
        platform.client.delete_branch(made.project, dev.branch)
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="endpoint could not be found"):
        rows(url)
    with pytest.raises(Missing):
        platform.client.branch(made.project, dev.branch)
    (deleted,) = (
        each
        for each in platform.client.branches(made.project, include_deleted=True).branches
        if each.recovery is not None
    )
    assert deleted.id == dev.branch
    taker = platform.client.create_branch(made.project, BranchCreate(name="dev"), endpoints=()).branch.id
    with pytest.raises(Exists, match="branch already exists"):
        platform.client.recover_branch(made.project, dev.branch)
    platform.client.update_branch(made.project, BranchId(taker), BranchUpdate(name="other"))

    back = platform.client.recover_branch(made.project, dev.branch)

    assert {each.id for each in back.endpoints} == {dev.primary, dev.replica}
    assert (back.branch.name, back.branch.parent_id) == ("dev", made.branch)
    assert rows(url, "SELECT i FROM t ORDER BY i") == [(1,), (2,)]
    assert rows(psycopg.conninfo.make_conninfo(dev.replica_url, password=password), "SELECT count(*) FROM t") == [
        (2,)
    ]
    platform.client.delete_branch(made.project, dev.branch)
    undone(platform, dev)
    assert rows(url, "SELECT count(*) FROM t") == [(2,)]
    platform.client.delete_branch(made.project, dev.branch, hard=True)
    with pytest.raises(Missing):
        platform.client.recover_branch(made.project, dev.branch)
    assert not list(platform.home.glob(f"projects/{made.project}/branches/{dev.branch}"))


def test_a_hard_deletion_takes_what_was_kept_along(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    dev = branched(platform, made, "dev")
    rows(dev.url)
    restored(platform, dev, made.branch)
    assert len(platform.client.kept_states(made.project)) == 1
    sockets = socket_folder(platform, dev)

    platform.client.delete_branch(made.project, dev.branch, hard=True)

    assert platform.client.kept_states(made.project) == ()
    assert len(lives(platform, made)) == 1
    assert not sockets.exists()
    with pytest.raises(Missing):
        platform.client.undo_branch(made.project, dev.branch)


def test_what_is_kept_goes_after_the_retention_time(platform: Platform) -> None:
    made = short_memory(platform, 3)
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    dev, gone = branched(platform, made, "dev"), branched(platform, made, "gone")
    rows(dev.url)
    rows(gone.url)

    platform.client.delete_branch(made.project, gone.branch)
    restored(platform, dev, made.branch)
    assert [each.because for each in platform.client.kept_states(made.project)] == ["reset", "delete"]

    wait_until(lambda: platform.client.kept_states(made.project) == (), "both have had their time")
    wait_until(lambda: len(lives(platform, made)) == 2, "and so have their files")
    assert not list(platform.home.glob(f"projects/{made.project}/branches/{gone.branch}"))
    for branch in (dev, gone):
        with pytest.raises(Missing):
            platform.client.undo_branch(made.project, branch.branch)
    assert rows(dev.url, "SELECT i FROM t") == [(1,)]


def test_without_retention_a_deletion_is_final(platform: Platform) -> None:
    made = short_memory(platform, 0)
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    dev = branched(platform, made, "dev")
    rows(dev.url)
    platform.client.delete_branch(made.project, dev.branch)

    assert platform.client.kept_states(made.project) == ()
    assert len(lives(platform, made)) == 1


def test_a_branch_that_expired_can_be_recovered(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    dev = branched(platform, made, "dev")
    rows(dev.url)
    soon = datetime.now(UTC) + timedelta(seconds=2)
    platform.client.update_branch(made.project, dev.branch, BranchUpdate(expires_at=soon))
    wait_until(lambda: len(platform.client.branches(made.project).branches) == 1, "it has expired")

    back = platform.client.recover_branch(made.project, dev.branch)

    assert back.branch.expires_at is None
    assert rows(dev.url, "SELECT i FROM t") == [(1,)]


def test_a_snapshot_outlives_its_branchs_past(platform: Platform) -> None:
    made = platform.create(replica=True)
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    mark = clock_of(made.url)
    old_password = platform.client.reveal_password(made.project, made.branch, "neondb_owner")
    rows(made.url, "INSERT INTO t VALUES (2)")
    now = platform.client.create_snapshot(made.project, made.branch, name="now").snapshot
    then = platform.client.create_snapshot(made.project, made.branch, name="then", timestamp=mark).snapshot
    with pytest.raises(Exists):
        platform.client.create_snapshot(made.project, made.branch, name="now")
    rows(made.url, "INSERT INTO t VALUES (3)")
    password = platform.client.reset_password(made.project, made.branch, "neondb_owner").role.password
    url = psycopg.conninfo.make_conninfo(made.url, password=password)
    replica_url = psycopg.conninfo.make_conninfo(made.replica_url, password=password)
    dev = branched(platform, made, "dev")
    with pytest.raises(Refused, match="root branches only"):
        platform.client.create_snapshot(made.project, dev.branch)

    look = platform.client.restore_snapshot(made.project, then.id, name="look")
    look_url = made.url.replace(made.primary, look.endpoints[0].id)
    assert rows(look_url, "SELECT i FROM t") == [(1,)], "with the password of then"
    assert (look.branch.parent_id, look.branch.restore_status) == (None, "restored")
    assert rows(url, "SELECT count(*) FROM t") == [(3,)]

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT 1")
        swapped = platform.client.restore_snapshot(made.project, now.id, finalize=True)
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("SELECT 1")
    assert rows(url, "SELECT i FROM t ORDER BY i") == [(1,), (2,)], "the same connection string"
    assert rows(replica_url, "SELECT i FROM t ORDER BY i") == [(1,), (2,)]
    there = {each.name: each for each in platform.client.branches(made.project).branches}
    assert there["main"].id == swapped.branch.id
    assert (there["main"].default, there["main (old)"].id, there["main (old)"].default) == (
        True,
        made.branch,
        False,
    )
    assert platform.client.reveal_password(made.project, BranchId(swapped.branch.id), "neondb_owner") == password
    (old,) = platform.client.branch_endpoints(made.project, made.branch)
    assert rows(url.replace(made.primary, old.id), "SELECT count(*) FROM t") == [(3,)]

    platform.client.delete_snapshot(made.project, now.id)
    platform.client.delete_snapshot(made.project, then.id)
    assert platform.client.snapshots(made.project) == ()
    assert not list(platform.home.glob(f"projects/{made.project}/snapshots/*"))
    assert rows(look_url, "SELECT i FROM t") == [(1,)]
    assert old_password != password


def test_a_branch_of_the_schema_alone(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t (i int PRIMARY KEY)")
    rows(made.url, "INSERT INTO t VALUES (1)")

    bare = branched(platform, made, "bare", schema_only=True)

    assert rows(bare.url, "SELECT count(*) FROM t") == [(0,)]
    rows(bare.url, "INSERT INTO t VALUES (7)")
    found = platform.client.branch(made.project, bare.branch)
    assert (found.parent_id, found.init_source) == (None, "schema-only")
    assert platform.client.compare_schema(made.project, bare.branch, "neondb", base_branch=made.branch) == ""
    mark = clock_of(bare.url)
    rows(bare.url, "DROP TABLE t")
    restored(platform, bare, bare.branch, time=mark, preserve="dropped")
    assert rows(bare.url, "SELECT i FROM t") == [(7,)]
