"""neonctl 5.0.1 on the past: reset, restore, branches of a moment, schema diffs, snapshots."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fix_clients import Neonctl, asked
from fix_platform import wait_until

from dormouse.api.client import Client
from dormouse.api.records import Branch
from dormouse.names import ProjectId

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def shop(neonctl: Neonctl) -> Neonctl:
    """The command in a folder that is pinned to a project with a table `orders` on `main`, and one row in it."""
    folder = neonctl.elsewhere(neonctl.folder / "past")
    made = folder.json("projects", "create", "--name", "past", "--set-context")
    asked(made["connection_uris"][0]["connection_uri"], "CREATE TABLE orders AS SELECT 1 AS id")
    return folder


def branch(shop: Neonctl, name: str, *flags: str) -> dict[str, Any]:
    """A new branch with a compute, once it can be used."""
    made: dict[str, Any] = shop.json("branches", "create", "--name", name, *flags)
    settle(shop)
    return made


def settle(shop: Neonctl) -> None:
    """Wait until nothing is under way: neonctl does not."""
    project, client = project_of(shop), client_of(shop)

    def is_still() -> bool:
        return all(each.status not in ("scheduling", "running") for each in client.operations(project).operations)

    wait_until(is_still, "the operations have ended", timeout_s=60)


def client_of(shop: Neonctl) -> Client:
    """Our own client: a question costs a hundredth of what it costs neonctl."""
    return Client(shop.environment["NEON_API_HOST"], shop.environment["NEON_API_KEY"])


def project_of(shop: Neonctl) -> ProjectId:
    return ProjectId(json.loads(shop.read(".neon"))["projectId"])


def there(shop: Neonctl, name: str) -> Branch:
    """The branch of this name."""
    (found,) = [each for each in client_of(shop).branches(project_of(shop)).branches if each.name == name]
    return found


def uri(shop: Neonctl, name: str) -> str:
    """How one connects to the primary of a branch."""
    return client_of(shop).connection_uri(
        project_of(shop), database="neondb", role="neondb_owner", branch=there(shop, name).id
    )


def ids(shop: Neonctl, name: str) -> list[int]:
    return [row[0] for row in asked(uri(shop, name), "SELECT id FROM orders ORDER BY id")]


def insert(shop: Neonctl, name: str, number: int) -> str:
    """Insert a row; the LSN behind its commit."""
    there = uri(shop, name)
    asked(there, f"INSERT INTO orders VALUES ({number})")
    ((lsn,),) = asked(there, "SELECT pg_current_wal_insert_lsn()::text")
    return str(lsn)


def with_compute(shop: Neonctl, name: str) -> None:
    """Give a branch a compute, where its maker gave it none."""
    if not client_of(shop).branch_endpoints(project_of(shop), there(shop, name).id):
        shop("branches", "add-compute", name, "--type", "read_write")
        settle(shop)


def moment() -> str:
    """Now, as neonctl takes it, with some time on both sides that nothing happens in."""
    time.sleep(0.05)
    text = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    time.sleep(0.05)
    return text


# reset


def test_reset_gives_a_branch_its_parents_rows(shop: Neonctl) -> None:
    branch(shop, "to reset")
    before = uri(shop, "to reset")
    insert(shop, "to reset", 100)

    said = shop("branches", "reset", "to reset", "--parent")
    settle(shop)

    assert said.facts["Name"] == "to reset"
    assert shop.json("branches", "get", "to reset")["last_reset_at"]
    assert uri(shop, "to reset") == before
    assert 100 not in ids(shop, "to reset")
    assert ids(shop, "to reset") == ids(shop, "main")


def test_reset_of_a_branch_with_children_wants_a_name_for_what_was(shop: Neonctl) -> None:
    branch(shop, "with a child")
    branch(shop, "the child", "--parent", "with a child", "--no-compute")

    refused = shop("branches", "reset", "with a child", "--parent", code=1)
    assert "Branch has children, preserve_under_name is required" in refused.err
    shop("branches", "reset", "with a child", "--parent", "--preserve-under-name", "what was")
    settle(shop)
    assert there(shop, "the child").parent_id == there(shop, "what was").id


def test_reset_of_a_root_and_of_nothing(shop: Neonctl) -> None:
    assert "Branch has no parent" in shop("branches", "reset", "main", "--parent", code=1).err
    assert "Only resetting to parent" in shop("branches", "reset", "main", code=1).err


# restore


def test_restore_to_its_own_past_keeps_what_was_under_a_name(shop: Neonctl) -> None:
    branch(shop, "own past")
    before = uri(shop, "own past")
    insert(shop, "own past", 1001)
    then = moment()
    insert(shop, "own past", 1002)

    said = shop("branches", "restore", "own past", f"^self@{then}", "--preserve-under-name", "own past until now")
    settle(shop)

    assert "Backup branch" in said.out
    backup = there(shop, "own past until now").id
    assert backup in said.out
    assert shop.json("branches", "get", "own past")["parent_id"] == backup
    assert uri(shop, "own past") == before
    assert ids(shop, "own past") == [1, 1001]
    with_compute(shop, "own past until now")
    assert ids(shop, "own past until now") == [1, 1001, 1002]


def test_restore_to_its_own_past_wants_a_name_for_what_was(shop: Neonctl) -> None:
    branch(shop, "nameless")

    said = shop("branches", "restore", "nameless", f"^self@{moment()}", code=1)

    assert "preserve_under_name" in said.err


def test_restore_to_an_lsn_of_its_own_past(shop: Neonctl) -> None:
    branch(shop, "own lsn")
    lsn = insert(shop, "own lsn", 1101)
    insert(shop, "own lsn", 1102)

    shop("branches", "restore", "own lsn", f"^self@{lsn}", "--preserve-under-name", "own lsn until now")
    settle(shop)

    assert ids(shop, "own lsn") == [1, 1101]


def test_restore_from_its_parent(shop: Neonctl) -> None:
    branch(shop, "from above")
    insert(shop, "from above", 1201)

    shop("branches", "restore", "from above", "^parent")
    settle(shop)

    assert ids(shop, "from above") == ids(shop, "main")


@pytest.mark.parametrize("point", ["lsn", "timestamp", "head"])
def test_restore_from_another_branch(shop: Neonctl, point: str) -> None:
    source, target = f"source by {point}", f"target by {point}"
    branch(shop, source)
    branch(shop, target)
    lsn = insert(shop, source, 1301)
    then = moment()
    insert(shop, source, 1302)
    where = {"lsn": f"{source}@{lsn}", "timestamp": f"{source}@{then}", "head": source}[point]

    shop("branches", "restore", target, where)
    settle(shop)

    assert ids(shop, target) == ([1, 1301, 1302] if point == "head" else [1, 1301])


def test_restore_of_the_default_branch(neonctl: Neonctl) -> None:
    own = neonctl.elsewhere(neonctl.folder / "of the root")
    made = own.json("projects", "create", "--name", "of the root", "--set-context")
    asked(made["connection_uris"][0]["connection_uri"], "CREATE TABLE orders AS SELECT 1 AS id")
    branch(own, "child", "--no-compute")
    then = moment()
    insert(own, "main", 2)
    before = uri(own, "main")

    own("branches", "restore", "main", f"^self@{then}", "--preserve-under-name", "main of before")
    settle(own)

    assert ids(own, "main") == [1]
    assert uri(own, "main") == before
    backup, main = there(own, "main of before").id, there(own, "main")
    assert there(own, "child").parent_id == backup
    assert (main.default, main.parent_id) == (True, backup)


@pytest.mark.parametrize("point", ["2026-01-01T00:00:00Z", "0/1"])
def test_restore_to_before_all_memory_says_what_the_earliest_is(shop: Neonctl, point: str) -> None:
    said = shop("branches", "restore", "main", f"^self@{point}", "--preserve-under-name", "never", code=1)

    assert "earliest" in said.err
    assert "never" not in [each["name"] for each in shop.json("branches", "list")]


# branches of the past


def test_a_branch_of_a_moment_of_the_default_branch(shop: Neonctl) -> None:
    then = moment()
    lsn = insert(shop, "main", 7)
    insert(shop, "main", 8)

    try:
        by_time = branch(shop, "by time", "--parent", then)
        branch(shop, "by lsn", "--parent", lsn)

        assert by_time["branch"]["parent_id"] == there(shop, "main").id
        assert ids(shop, "by time") == [1]
        assert ids(shop, "by lsn") == [1, 7]
    finally:
        asked(uri(shop, "main"), "DELETE FROM orders WHERE id > 1")


def test_a_branch_of_the_schema_alone(shop: Neonctl) -> None:
    made = branch(shop, "bare", "--schema-only")

    assert made["branch"]["init_source"] == "schema-only"
    assert "parent_id" not in made["branch"]
    assert ids(shop, "bare") == []


def test_an_annotation_is_kept(shop: Neonctl) -> None:
    branch(shop, "annotated", "--no-compute", "--annotation", '{"git": "feature/x"}')

    listed = shop.json("api", f"/projects/{project_of(shop)}/branches?search=annotated")
    assert [each["value"] for each in listed["annotations"].values()] == [{"git": "feature/x"}]


# schemas


@pytest.fixture(scope="module")
def changed(shop: Neonctl) -> str:
    """A branch with one column more than its parent; the moment at which it had it not yet."""
    branch(shop, "changed")
    then = moment()
    asked(uri(shop, "changed"), "ALTER TABLE orders ADD COLUMN note text DEFAULT 'it''s'")
    return then


def added(diff: str) -> list[str]:
    return [line[1:].strip() for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]


def test_schema_diff_of_two_branches(shop: Neonctl, changed: str) -> None:
    said = shop("branches", "schema-diff", "main", "changed")

    assert added(said.out) == ["id integer,", "note text DEFAULT 'it''s'::text"]


@pytest.mark.parametrize("other", ["^parent", "^self@{then}", "main"])
def test_schema_diff_with_the_parent_and_with_the_past(shop: Neonctl, changed: str, other: str) -> None:
    said = shop("branches", "schema-diff", "changed", other.format(then=changed))

    assert "note text DEFAULT" in said.out


def test_schema_diff_of_equals_is_empty(shop: Neonctl) -> None:
    branch(shop, "equal", "--no-compute")

    said = shop("branches", "schema-diff", "main", "equal", "--database", "neondb")

    assert "@@" not in said.out
    assert "does not exist" in shop("branches", "schema-diff", "main", "equal", "--db", "nope", code=1).err


def test_diff_for_people_and_for_programs(shop: Neonctl, changed: str) -> None:
    for_people = shop("diff", "main", "--branch", "changed")
    (for_programs,) = shop.json("diff", "--branch", "changed")

    assert "note text DEFAULT" in for_people.out
    assert (for_programs["database"], for_programs["base_branch"]) == ("neondb", "main")
    assert for_programs["has_changes"] is True
    assert "note text DEFAULT" in for_programs["diff"]


def test_diff_takes_a_database_that_one_side_lacks_for_empty(shop: Neonctl) -> None:
    branch(shop, "two databases")
    shop("databases", "create", "--name", "second", "--branch", "two databases")
    settle(shop)
    two = uri_of_database(shop, "two databases", "second")
    asked(two, "CREATE TABLE only_here (id int)")

    (found,) = shop.json("diff", "main", "--branch", "two databases", "--database", "second")

    assert found["has_changes"] is True
    assert "only_here" in found["diff"]


def uri_of_database(shop: Neonctl, name: str, database: str) -> str:
    return shop("cs", name, "--database-name", database).out.strip()


# snapshots


@pytest.fixture(scope="module")
def archive(neonctl: Neonctl) -> Neonctl:
    """The command in a folder that is pinned to a project of its own, since finalizing moves `main`."""
    folder = neonctl.elsewhere(neonctl.folder / "archive")
    made = folder.json("projects", "create", "--name", "archive", "--set-context")
    asked(made["connection_uris"][0]["connection_uri"], "CREATE TABLE orders AS SELECT 1 AS id")
    return folder


def snapshot(archive: Neonctl, name: str, *flags: str) -> dict[str, Any]:
    made: dict[str, Any] = archive.json("snapshots", "create", "--branch", "main", "--name", name, *flags)
    settle(archive)
    return made


def test_no_snapshots_are_listed_as_none(neonctl: Neonctl) -> None:
    fresh = neonctl.elsewhere(neonctl.folder / "without snapshots")
    fresh("projects", "create", "--name", "without snapshots", "--set-context")

    assert "No snapshots found" in fresh("snapshots", "list").out
    assert fresh.json("snapshots", "list") == []


def test_snapshots_are_made_listed_and_shown(archive: Neonctl) -> None:
    made = snapshot(archive, "first")
    main = there(archive, "main")

    assert re.fullmatch(r"snap-[a-z]+-[a-z]+-[a-z0-9]{8}", made["id"])
    assert (made["name"], made["source_branch_id"], made["manual"]) == ("first", main.id, True)
    assert "first" in archive("snapshots", "list").column("Name")
    by_name, by_id = (archive("snapshots", "get", which).facts for which in ("first", made["id"]))
    assert by_name == by_id
    assert "Expires At" not in by_name
    assert "not found" in archive("snapshots", "get", "nope", code=1).err


def test_snapshot_is_renamed_and_expires_when_told(archive: Neonctl) -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    made = snapshot(archive, "brief", "--expires-at", f"{later:%FT%TZ}")

    assert datetime.fromisoformat(made["expires_at"]) == later
    assert archive("snapshots", "update", "brief", "--name", "briefer").facts["Name"] == "briefer"
    moved = archive.json("snapshots", "update", "briefer", "--expires-at", f"{later + timedelta(days=1):%FT%TZ}")
    assert datetime.fromisoformat(moved["expires_at"]) == later + timedelta(days=1)
    assert "expires_at" not in archive.json("snapshots", "update", "briefer", "--clear-expiration")


def test_snapshot_of_the_past(archive: Neonctl) -> None:
    then = moment()
    lsn = insert(archive, "main", 2)
    insert(archive, "main", 3)

    snapshot(archive, "then", "--timestamp", then)
    snapshot(archive, "at the lsn", "--lsn", lsn)
    for name, rows in (("then", [1]), ("at the lsn", [1, 2])):
        archive("snapshots", "restore", name, "--name", f"of {name}")
        settle(archive)
        with_compute(archive, f"of {name}")
        assert ids(archive, f"of {name}") == rows
    asked(uri(archive, "main"), "DELETE FROM orders WHERE id > 1")


def test_snapshot_of_a_branch_with_a_parent_is_refused(archive: Neonctl) -> None:
    branch(archive, "no root", "--no-compute")

    said = archive("snapshots", "create", "--branch", "no root", "--name", "never", code=1)

    assert said.err.startswith("ERROR: ")


def test_snapshot_is_looked_at_and_then_put_in_the_place_of_the_branch(archive: Neonctl) -> None:
    before = uri(archive, "main")
    rows = ids(archive, "main")
    snapshot(archive, "to go back to")
    insert(archive, "main", 50)

    shown = archive("snapshots", "restore", "to go back to", "--name", "preview", "--target-branch", "main")
    settle(archive)
    preview = there(archive, "preview").id
    assert "neon snapshots finalize " + preview in shown.err
    archive("snapshots", "finalize", "preview", "--name", "main of before")
    settle(archive)

    assert (there(archive, "main").id, there(archive, "main").default) == (preview, True)
    assert uri(archive, "main") == before
    assert ids(archive, "main") == rows
    assert not there(archive, "main of before").default


def test_snapshot_is_restored_at_once(archive: Neonctl) -> None:
    before = uri(archive, "main")
    rows = ids(archive, "main")
    snapshot(archive, "at once")
    insert(archive, "main", 60)

    archive("snapshots", "restore", "at once", "--target-branch", "main", "--finalize")
    settle(archive)

    assert uri(archive, "main") == before
    assert ids(archive, "main") == rows
    assert "main (old)" in [each["name"] for each in archive.json("branches", "list")]


def test_snapshot_is_deleted(archive: Neonctl) -> None:
    made = snapshot(archive, "gone soon")

    assert archive("snapshots", "delete", "gone soon").facts["Id"] == made["id"]
    settle(archive)

    assert "gone soon" not in [each["name"] for each in archive.json("snapshots", "list")]


def test_schedule_of_snapshots(archive: Neonctl) -> None:
    assert "No automatic snapshot schedule" in archive("snapshots", "schedule", "get", "--branch", "main").out

    flags = ("--frequency", "daily", "--hour", "3", "--retention", "604800")
    archive("snapshots", "schedule", "set", "--branch", "main", *flags)
    (daily,) = archive.json("snapshots", "schedule", "get", "--branch", "main")
    assert daily == {"frequency": "daily", "hour": 3, "retention_seconds": 604800}
    two = '[{"frequency": "weekly", "day": 7, "hour": 2}, {"frequency": "monthly", "day": 1}]'
    archive("snapshots", "schedule", "set", "--branch", "main", "--schedule", two)
    shown = archive("snapshots", "schedule", "get", "--branch", "main").out
    assert "weekly" in shown and "monthly" in shown
    refused = archive("snapshots", "schedule", "set", "--frequency", "weekly", "--day", "8", code=1)
    assert "day is larger than 7" in refused.err
