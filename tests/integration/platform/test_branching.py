"""Branches from now and from the past: whom they disturb, what they take along, what they share."""

import psycopg
import pytest
from fix_past import (
    Diary,
    assert_balanced,
    branched,
    checksums,
    clock_of,
    diary_of,
    fill_for_pgbench,
    folder_of,
    is_swept,
    load,
    needs_pgbench,
    restored,
    switch_segment,
    until_at_rest,
)
from fix_platform import Platform, rows
from psycopg import conninfo

from dormouse.api.bodies import BranchUpdate
from dormouse.compute.wal import format_lsn


@needs_pgbench
def test_branches_of_a_parent_under_load(platform: Platform) -> None:
    made = platform.create()
    fill_for_pgbench(made)

    with load(made) as running:
        children, counts = [], []
        for _ in range(3):
            children.append(branched(platform, made))
            counts.append(assert_balanced(children[-1].url))
        at_once = [branched(platform, made) for _ in range(2)]
        assert min(assert_balanced(child.url) for child in at_once) > counts[-1]

    assert running.errors == []
    assert counts == sorted(counts)
    assert counts[-1] < assert_balanced(made.url)
    until_at_rest(platform, made)
    for each in (made, *children[:2]):
        switch_segment(platform, each)
    assert is_swept(platform)


@pytest.mark.parametrize("kind", ["of now, parent awake", "of now, parent asleep", "of the past"])
def test_a_branch_reaches_back_across_its_beginning(platform: Platform, kind: str) -> None:
    diary = Diary(platform.create())
    diary.write(5)
    made, upto = diary.made, 5
    if kind == "of the past":
        upto = 4
        mark = diary.marks[upto - 1]
        child = branched(platform, made, time=mark.time_after)
    else:
        if "asleep" in kind:
            platform.put_to_sleep(made)
        child = branched(platform, made)
    assert diary_of(child.url) == list(range(upto))
    until_at_rest(platform, made)
    last, time = 2, diary.marks[2].time_after
    rows(child.url, "INSERT INTO diary VALUES (100, '')")
    before = clock_of(child.url)
    rows(child.url, "INSERT INTO diary VALUES (101, '')")

    grandchild = branched(platform, child, time=time)
    assert diary_of(grandchild.url) == list(range(last + 1)), "from before the child was"
    of_its_own = branched(platform, child, time=before)
    assert diary_of(of_its_own.url) == [*range(upto), 100]
    assert diary_of(branched(platform, of_its_own).url) == [*range(upto), 100]


def test_roles_and_databases_are_those_of_the_moment(platform: Platform) -> None:
    made = platform.create()
    client, project = platform.client, made.project
    gone = client.create_role(project, made.branch, "gone").role
    client.create_database(project, made.branch, "gone_too", owner="gone")
    kept = client.create_role(project, made.branch, "kept").role
    then = clock_of(made.url)
    client.delete_database(project, made.branch, "gone_too")
    client.delete_role(project, made.branch, "gone")
    changed = client.reset_password(project, made.branch, "kept").role
    client.create_role(project, made.branch, "since")
    client.create_database(project, made.branch, "since_too", owner="since")

    child = branched(platform, made, time=then)

    def enter(role: str, password: str | None, database: str = "neondb") -> list[tuple[object, ...]]:
        return rows(conninfo.make_conninfo(child.url, user=role, password=password, dbname=database))

    assert enter("gone", gone.password, "gone_too") == [(1,)]
    assert enter("kept", changed.password) == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        enter("kept", kept.password)
    assert {each.name for each in client.roles(project, child.branch)} == {"neondb_owner", "gone", "kept"}
    assert {each.name for each in client.databases(project, child.branch)} == {"neondb", "gone_too"}
    in_sql = "SELECT rolname FROM pg_roles WHERE rolname ~ '^(gone|kept|since)' ORDER BY 1"
    assert rows(child.url, in_sql) == [("gone",), ("kept",)]
    assert {each.name for each in client.roles(project, made.branch)} == {"neondb_owner", "kept", "since"}


@pytest.mark.parametrize("past", [False, True], ids=["of now", "of the past"])
def test_nobody_enters_a_child_of_a_protected_branch_by_an_old_password(platform: Platform, past: bool) -> None:
    made = platform.create()
    client, project = platform.client, made.project
    gone = client.create_role(project, made.branch, "gone").role
    rows(made.url, "CREATE ROLE by_sql LOGIN PASSWORD 'of sql'")
    then = clock_of(made.url)
    if past:
        client.delete_role(project, made.branch, "gone")
    client.update_branch(project, made.branch, BranchUpdate(protected=True))

    child = branched(platform, made, time=then if past else None)

    password = client.reveal_password(project, child.branch, "neondb_owner")
    assert rows(conninfo.make_conninfo(child.url, password=password)) == [(1,)]
    for url in (
        child.url,
        conninfo.make_conninfo(child.url, user="gone", password=gone.password),
        conninfo.make_conninfo(child.url, user="by_sql", password="of sql"),
    ):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            rows(url)
    assert rows(made.url) == [(1,)]

    since = client.create_role(project, made.branch, "since").role
    restored(platform, child, made.branch)
    assert rows(conninfo.make_conninfo(child.url, password=password)) == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(conninfo.make_conninfo(child.url, user="since", password=since.password))
    fresh = client.reset_password(project, child.branch, "since").role.password
    assert rows(conninfo.make_conninfo(child.url, user="since", password=fresh)) == [(1,)]


def test_what_branches_share_never_changes(platform: Platform) -> None:
    """Segments and bases are hard links: neither side may write to one, nor archive over it."""
    diary = Diary(platform.create())
    made = diary.made
    diary.write(40)
    platform.put_to_sleep(made)
    diary.write(40)
    parent = folder_of(platform, made)
    children = [branched(platform, made), branched(platform, made, lsn=format_lsn(diary.marks[50].lsn_after))]
    children.append(branched(platform, children[1]))
    for child in children:
        rows(child.url)
    until_at_rest(platform, made)
    folders = [parent, *(folder_of(platform, child) for child in children)]
    before = [checksums(folder) for folder in folders]
    shared = {path.name for path in parent.wal.iterdir()} & {path.name for path in folders[1].wal.iterdir()}
    assert len(shared) > 1, "there is something that they share"

    for child in children:
        rows(child.url, "UPDATE diary SET n = -n, filler = upper(filler)")
        rows(child.url, "VACUUM FULL diary")
        switch_segment(platform, child)
    platform.put_to_sleep(children[0])
    rows(made.url, "DELETE FROM diary")
    rows(made.url, "VACUUM diary")
    switch_segment(platform, made)

    for folder, found in zip(folders, before, strict=True):
        after = checksums(folder)
        assert {name: after[name] for name in found} == found
