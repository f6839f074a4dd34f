"""Restore and reset, seen by clients: what stays, what changes, and what can be taken back."""

import contextlib
import threading
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fix_past import (
    Diary,
    assert_balanced,
    branched,
    clock_of,
    diary_of,
    fill_for_pgbench,
    is_swept,
    load,
    needs_pgbench,
    restored,
    switch_segment,
    undone,
    until_at_rest,
)
from fix_platform import Made, Platform, rows, wait_until
from psycopg import conninfo

from dormouse.api.bodies import BranchRestore, BranchUpdate, EndpointCreate
from dormouse.api.errors import Exists, Refused
from dormouse.api.records import Branch
from dormouse.names import BranchId


def by_name(platform: Platform, made: Made) -> dict[str, Branch]:
    """The branches of a project."""
    return {each.name: each for each in platform.client.branches(made.project).branches}


def timeline(url: str) -> object:
    """Which life of a branch's data it is."""
    return rows(url, "SHOW neon.timeline_id")[0][0]


@dataclass
class Reader(threading.Thread):
    """Connects anew all the time, and remembers when each connect began and what it saw."""

    url: str
    query: str
    seen: list[tuple[float, object]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        while not self.over.is_set():
            began = clock.monotonic()
            with contextlib.suppress(psycopg.OperationalError):
                self.seen.append((began, rows(self.url, self.query)[0][0]))


@contextlib.contextmanager
def reading(url: str, query: str) -> Iterator[Reader]:
    """A reader for the length of a block."""
    reader = Reader(url, query)
    reader.start()
    try:
        yield reader
    finally:
        reader.over.set()
        reader.join(30)


def test_to_its_own_past(platform: Platform) -> None:
    """Ids, connection strings and passwords stay; the old state is a branch, of which it is a child now."""
    diary = Diary(platform.create(replica=True))
    made = diary.made
    diary.write(6)
    child = branched(platform, made, "dev")
    before, old_life = platform.client.branch(made.project, made.branch), timeline(made.url)
    assert rows(made.replica_url, "SELECT max(n) FROM diary") == [(5,)]

    with (
        psycopg.connect(made.url, autocommit=True) as open_primary,
        psycopg.connect(made.replica_url, autocommit=True) as open_replica,
        reading(made.replica_url, "SELECT max(n) FROM diary") as replica,
        reading(made.url, "SELECT max(n) FROM diary") as primary,
    ):
        open_primary.execute("SELECT 1")
        open_replica.execute("SELECT 1")
        answer = platform.client.restore_branch(
            made.project,
            made.branch,
            BranchRestore(
                source_branch_id=made.branch,
                source_timestamp=diary.marks[2].time_after,
                preserve_under_name="before",
            ),
        )
        answered = clock.monotonic()
        assert answer.branch.current_state == "resetting"
        for connection in (open_primary, open_replica):
            with pytest.raises(psycopg.errors.AdminShutdown):
                connection.execute("SELECT 1")
        assert diary_of(made.url) == [0, 1, 2]
        assert diary_of(made.replica_url) == [0, 1, 2]
        clock.sleep(0.3)

    for reader in (primary, replica):
        after = [found for began, found in reader.seen if began > answered]
        assert after, "it was read after the answer"
        assert set(after) == {2}, "a connect that began after the answer saw a row that is no more"
    assert rows(made.url, "SHOW fsync") == [("on",)], "off only while it is built"
    now, there = platform.client.branch(made.project, made.branch), by_name(platform, made)
    assert now.parent_id == there["before"].id == answer.branch.parent_id
    assert there["dev"].parent_id == there["before"].id
    assert there["before"].parent_id is None
    assert (now.id, now.name, now.default) == (before.id, before.name, True)
    assert timeline(made.url) != old_life
    assert diary_of(child.url) == [*range(6)]
    assert diary_of(branched(platform, replace(made, branch=BranchId(there["before"].id))).url) == [*range(6)]


def test_a_reset_takes_the_parents_data_and_keeps_the_branchs_passwords(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    child = branched(platform, made, "dev")
    rows(child.url, "INSERT INTO t VALUES (100)")
    platform.add_replica(child)
    own = platform.client.create_role(made.project, child.branch, "only_here").role
    password = platform.client.reset_password(made.project, child.branch, "neondb_owner").role.password
    url, replica_url = (conninfo.make_conninfo(each, password=password) for each in (child.url, child.replica_url))
    assert rows(replica_url, "SELECT i FROM t ORDER BY i") == [(1,), (100,)]
    rows(made.url, "INSERT INTO t VALUES (2)")
    theirs = platform.client.create_role(made.project, made.branch, "made_since").role
    platform.client.create_database(made.project, made.branch, "since", owner="made_since")
    first = timeline(url)

    after = restored(platform, child, made.branch)

    assert rows(url, "SELECT i FROM t ORDER BY i") == [(1,), (2,)]
    assert rows(replica_url, "SELECT i FROM t ORDER BY i") == [(1,), (2,)]
    assert after.last_reset_at is not None
    assert after.parent_id == made.branch
    assert {each.name for each in platform.client.roles(made.project, child.branch)} == {
        "neondb_owner",
        "made_since",
    }
    assert {each.name for each in platform.client.databases(made.project, child.branch)} == {"neondb", "since"}
    assert rows(conninfo.make_conninfo(url, user="made_since", password=theirs.password, dbname="since")) == [(1,)]
    assert platform.client.reveal_password(made.project, child.branch, "made_since") == theirs.password
    assert platform.client.reveal_password(made.project, child.branch, "neondb_owner") == password
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(conninfo.make_conninfo(url, user="only_here", password=own.password))

    second = timeline(url)
    undone(platform, child)
    assert rows(replica_url, "SELECT i FROM t ORDER BY i") == [(1,), (100,)]
    assert rows(url, "SELECT i FROM t ORDER BY i") == [(1,), (100,)]
    assert rows(conninfo.make_conninfo(url, user="only_here", password=own.password)) == [(1,)]
    assert "made_since" not in {each.name for each in platform.client.roles(made.project, child.branch)}
    rows(url, "INSERT INTO t VALUES (101)")
    undone(platform, child)
    assert rows(url, "SELECT i FROM t ORDER BY i") == [(1,), (2,)], "an undo can be undone"
    undone(platform, child)
    assert rows(replica_url, "SELECT i FROM t ORDER BY i") == [(1,), (100,), (101,)]
    assert rows(url, "SELECT i FROM t ORDER BY i") == [(1,), (100,), (101,)]
    assert first != second
    assert timeline(url) == first, "it is the same life again"
    assert [each.because for each in platform.client.kept_states(made.project)] == ["undo"]


def test_what_may_not_be_reset(platform: Platform) -> None:
    made = platform.create()
    rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
    child = branched(platform, made, "dev")
    leaf = branched(platform, child, "leaf")
    rows(leaf.url)

    def refused(
        branch: Made,
        source: BranchId,
        *,
        lsn: str | None = None,
        time: datetime | None = None,
        preserve: str | None = None,
    ) -> str:
        with pytest.raises(Refused) as no:
            restored(platform, branch, source, lsn=lsn, time=time, preserve=preserve)
        assert no.value.status == 422
        return str(no.value)

    assert refused(child, made.branch) == "Branch has children, preserve_under_name is required"
    assert "source_lsn" in refused(made, made.branch)
    assert "preserve_under_name" in refused(leaf, leaf.branch, lsn="0/1000000")
    assert "too far back" in refused(leaf, leaf.branch, lsn="0/1000", preserve="x")
    present = datetime.now(UTC) + timedelta(hours=1)
    assert "present" in refused(leaf, leaf.branch, time=present, preserve="x")
    platform.client.update_branch(made.project, leaf.branch, BranchUpdate(protected=True))
    assert refused(leaf, child.branch) == "cannot reset protected branch"
    with pytest.raises(Exists, match="branch already exists"):
        platform.client.restore_branch(
            made.project, child.branch, BranchRestore(source_branch_id=made.branch, preserve_under_name="main")
        )
    assert platform.client.kept_states(made.project) == ()

    restored(platform, child, made.branch, preserve="dev_old")
    there = by_name(platform, made)
    assert there["leaf"].parent_id == there["dev_old"].id
    assert there["dev_old"].parent_id == made.branch
    assert there["dev"].parent_id == made.branch
    assert rows(child.url, "SELECT i FROM t") == [(1,)]
    platform.client.delete_branch(made.project, child.branch, hard=True)
    assert rows(leaf.url, "SELECT i FROM t") == [(1,)], "what it was made of is still there"


def test_to_another_branch_and_back(platform: Platform) -> None:
    """A preserved state is undone to what it was when it was preserved."""
    diary = Diary(platform.create())
    made = diary.made
    diary.write(3)
    sibling = branched(platform, made, "sibling")
    rows(sibling.url, "INSERT INTO diary VALUES (100, '')")
    mark = clock_of(sibling.url)
    rows(sibling.url, "INSERT INTO diary VALUES (101, '')")
    other = branched(platform, made, "other")
    rows(other.url, "INSERT INTO diary VALUES (200, '')")

    after = restored(platform, other, sibling.branch, time=mark, preserve="other_old")
    assert diary_of(other.url) == [0, 1, 2, 100]
    assert after.parent_id == sibling.branch
    old = by_name(platform, made)["other_old"]
    computed = platform.client.create_endpoint(
        made.project, EndpointCreate(branch_id=BranchId(old.id), type="read_write")
    )
    old_url = made.url.replace(made.primary, computed.endpoint.id)
    assert diary_of(old_url) == [0, 1, 2, 200]
    rows(old_url, "INSERT INTO diary VALUES (201, '')")

    undone(platform, other)
    assert diary_of(other.url) == [0, 1, 2, 200], "what it had, and not what was made of it since"
    undone(platform, other)
    assert diary_of(other.url) == [0, 1, 2, 100]
    # From head to head: no point.
    restored(platform, other, sibling.branch)
    assert diary_of(other.url) == [0, 1, 2, 100, 101]


@needs_pgbench
def test_while_pgbench_writes(platform: Platform) -> None:
    made = platform.create()
    fill_for_pgbench(made)

    with load(made) as running:
        then = clock_of(made.url)
        committed = assert_balanced(made.url)
        wait_until(lambda: assert_balanced(made.url) > committed + 50, "it writes on")
        restored(platform, made, made.branch, time=then, preserve="old")
        running.process.wait(20)

    assert any("terminating connection due to administrator command" in line for line in running.errors)
    old = replace(made, branch=BranchId(by_name(platform, made)["old"].id))
    assert assert_balanced(made.url) <= committed
    assert assert_balanced(branched(platform, old).url) > committed + 50
    switch_segment(platform, made)
    until_at_rest(platform, made)
    assert is_swept(platform)
