"""neonctl 5.0.1 on branches, and the roles and databases in them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fix_clients import Neonctl, asked

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def shop(neonctl: Neonctl) -> Neonctl:
    """The command in a folder that is pinned to a project with a table `orders` on `main`."""
    folder = neonctl.elsewhere(neonctl.folder / "shop")
    made = folder.json("projects", "create", "--name", "shop", "--set-context")
    asked(made["connection_uris"][0]["connection_uri"], "CREATE TABLE orders AS SELECT 1 AS id")
    return folder


def names_of(branches: list[dict[str, Any]]) -> set[str]:
    return {branch["name"] for branch in branches}


def test_branches_list_marks_the_default_one(shop: Neonctl) -> None:
    said = shop("branches", "list")
    (main,) = [each for each in shop.json("branches", "list") if each["default"]]

    assert "[default] main" in said.column("Name")
    assert main["id"] in said.column("Id")
    assert main["current_state"] == "ready"


def test_branches_get_by_name_and_by_id(shop: Neonctl) -> None:
    by_name = shop.json("branches", "get", "main")
    by_id = shop("branches", "get", by_name["id"])

    assert by_name["name"] == "main"
    assert by_id.facts["Id"] == by_name["id"]
    assert "Branch nope not found." in shop("branches", "get", "nope", code=1).err


def test_branches_create_has_the_parents_rows_and_password(shop: Neonctl) -> None:
    said = shop("branches", "create", "--name", "dev")
    uri = next(line.strip() for line in said.out.splitlines() if line.strip().startswith("postgresql://"))

    assert said.facts["Name"] == "dev"
    assert "ep-" in said.out
    assert asked(uri, "SELECT id FROM orders") == [(1,)]
    parent, child = (shop("cs", name).out.strip() for name in ("main", "dev"))
    assert parent.partition("@")[0] == child.partition("@")[0]
    assert parent != child


def test_branches_create_tells_programs_all(shop: Neonctl) -> None:
    made = shop.json("branches", "create", "--name", "for programs")
    main = shop.json("branches", "get", "main")

    assert made["branch"]["parent_id"] == main["id"]
    assert made["branch"]["parent_timestamp"] >= main["created_at"]
    assert made["endpoints"][0]["type"] == "read_write"
    assert made["connection_uris"][0]["connection_uri"].startswith("postgresql://neondb_owner:npg_")


def test_branches_create_without_a_name_or_a_compute(shop: Neonctl) -> None:
    # Without a compute there is the branch alone to tell.
    made = shop.json("branches", "create", "--no-compute")

    assert made["name"].startswith("br-")
    assert made["name"] == made["id"]
    assert shop("cs", made["id"], code=1).err.startswith("ERROR: ")


def test_branches_create_keeps_secrets_to_itself_when_asked(shop: Neonctl) -> None:
    assert "npg_" not in shop("branches", "create", "--name", "quiet", "--no-secrets", "-o", "json").out


def test_branches_create_from_another_parent_by_name_and_id(shop: Neonctl) -> None:
    parent = shop.json("branches", "create", "--name", "parent", "--no-compute")["id"]
    by_name = shop.json("branches", "create", "--name", "child by name", "--parent", "parent")
    by_id = shop.json("branches", "create", "--name", "child by id", "--parent", parent, "--no-compute")

    assert by_name["branch"]["parent_id"] == by_id["parent_id"] == parent
    assert asked(by_name["connection_uris"][0]["connection_uri"], "SELECT id FROM orders") == [(1,)]
    said = shop("branches", "delete", "parent", code=1)
    assert "cannot delete branch that has children" in said.err


def test_branches_create_takes_size_and_timeout(shop: Neonctl) -> None:
    flags = ("--cu", "0.5-2", "--suspend-timeout", "600")
    made = shop.json("branches", "create", "--name", "sized", *flags)

    endpoint = made["endpoints"][0]
    sizes = endpoint["autoscaling_limit_min_cu"], endpoint["autoscaling_limit_max_cu"]
    assert sizes == (0.5, 2)
    assert endpoint["suspend_timeout_seconds"] == 600


def test_branches_create_opens_psql(shop: Neonctl) -> None:
    query = "SELECT 'in ' || current_database()"

    said = shop("branches", "create", "--name", "for psql", "--psql", "--", "-At", "-c", query)

    assert "in neondb" in said.out.splitlines()


def test_branches_create_refuses_a_name_twice(shop: Neonctl) -> None:
    assert "branch already exists" in shop("branches", "create", "--name", "main", code=1).err


def test_a_branch_expires_when_told(shop: Neonctl) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    later = tomorrow + timedelta(days=1)

    made = shop.json("branches", "create", "--name", "brief", "--no-compute", "--expires-at", f"{tomorrow:%FT%TZ}")
    assert datetime.fromisoformat(made["expires_at"]) == tomorrow
    moved = shop.json("branches", "set-expiration", "brief", "--expires-at", f"{later:%FT%TZ}")
    assert datetime.fromisoformat(moved["expires_at"]) == later
    assert f"{later:%F}" in shop("branches", "get", "brief").out
    assert not shop.json("branches", "set-expiration", "brief").get("expires_at")


def test_the_default_branch_does_not_expire(shop: Neonctl) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    said = shop("branches", "set-expiration", "main", "--expires-at", f"{tomorrow:%FT%TZ}", code=1)

    assert said.err.startswith("ERROR: ")


def test_a_protected_branch_stays(shop: Neonctl) -> None:
    made = shop.json("branches", "create", "--name", "guarded", "--protected", "--no-compute")
    assert made["protected"] is True

    assert "protected" in shop("branches", "delete", "guarded", code=1).err
    assert "guarded" in names_of(shop.json("branches", "list"))


def test_branches_rename(shop: Neonctl) -> None:
    shop("branches", "create", "--name", "old name", "--no-compute")

    assert shop("branches", "rename", "old name", "new name").facts["Name"] == "new name"

    there = names_of(shop.json("branches", "list"))
    assert "new name" in there
    assert "old name" not in there
    assert "branch already exists" in shop("branches", "rename", "new name", "main", code=1).err


def test_branches_set_default_moves_the_mark(shop: Neonctl) -> None:
    shop("branches", "create", "--name", "heir", "--no-compute")
    try:
        assert shop.json("branches", "set-default", "heir")["default"] is True
        assert [each["name"] for each in shop.json("branches", "list") if each["default"]] == ["heir"]
        assert "default" in shop("branches", "delete", "heir", code=1).err
    finally:
        shop("branches", "set-default", "main")
    shop("branches", "delete", "heir")


def test_branches_add_compute_gives_a_replica(shop: Neonctl) -> None:
    shop("branches", "create", "--name", "read a lot")

    added = shop.json("branches", "add-compute", "read a lot", "--cu", "1")
    assert added["type"] == "read_only"
    assert added["name"] == "read a lot"
    by_table = shop("branches", "add-compute", "read a lot", "--type", "read_only", "--name", "second")
    assert "ep-" in by_table.out

    replica = shop("cs", "read a lot", "--endpoint-type", "read_only").out.strip()
    assert asked(replica, "SELECT pg_is_in_recovery(), id FROM orders") == [(True, 1)]
    refused = shop("branches", "add-compute", "read a lot", "--type", "read_write", code=1)
    assert "read_write endpoint already exists" in refused.err


def test_branches_delete(shop: Neonctl) -> None:
    shop("branches", "create", "--name", "gone soon")

    assert shop("branches", "delete", "gone soon").facts["Name"] == "gone soon"

    assert "gone soon" not in names_of(shop.json("branches", "list"))
    assert "not found" in shop("branches", "delete", "gone soon", code=1).err
    assert "default" in shop("branches", "delete", "main", code=1).err


def test_databases(shop: Neonctl) -> None:
    listed = shop("databases", "list")
    assert listed.column("Name") == ["neondb"]
    assert listed.column("Owner Name") == ["neondb_owner"]

    assert shop("databases", "create", "--name", "reports").facts["Owner Name"] == "neondb_owner"
    try:
        assert {each["name"] for each in shop.json("databases", "list")} == {"neondb", "reports"}
        assert "already exists" in shop("databases", "create", "--name", "reports", code=1).err
        uri = shop("cs", "--database-name", "reports").out.strip()
        assert asked(uri, "SELECT current_database()") == [("reports",)]
    finally:
        deleted = shop("databases", "delete", "reports")
    assert deleted.facts["Name"] == "reports"
    assert shop("databases", "list").column("Name") == ["neondb"]


def test_roles(shop: Neonctl) -> None:
    assert shop("roles", "list").column("Name") == ["neondb_owner"]

    made = shop.json("roles", "create", "--name", "clerk")
    try:
        assert made["name"] == "clerk"
        assert made["password"].startswith("npg_")
        assert {each["name"] for each in shop.json("roles", "list")} == {"clerk", "neondb_owner"}
        assert "password" not in shop("roles", "list", "-o", "json").out
        assert "already exists" in shop("roles", "create", "--name", "clerk", code=1).err
        uri = shop("cs", "--role-name", "clerk").out.strip()
        assert made["password"] in uri
        assert asked(uri, "SELECT current_user") == [("clerk",)]
        of_clerk = shop.json("databases", "create", "--name", "ledger", "--owner-name", "clerk")
        assert of_clerk["owner_name"] == "clerk"
        # It owns a database now.
        assert shop("roles", "delete", "clerk", code=1).err.startswith("ERROR: ")
        shop("databases", "delete", "ledger")
    finally:
        shop("roles", "delete", "clerk")
    assert shop("roles", "list").column("Name") == ["neondb_owner"]


def test_roles_and_databases_of_another_branch(shop: Neonctl) -> None:
    shop("branches", "create", "--name", "apart")

    shop("roles", "create", "--name", "guest", "--branch", "apart")
    shop("databases", "create", "--name", "extra", "--branch", "apart", "--owner-name", "guest")

    assert set(shop("roles", "list", "--branch", "apart").column("Name")) == {"guest", "neondb_owner"}
    assert set(shop("databases", "list", "--branch", "apart").column("Name")) == {"extra", "neondb"}
    assert shop("roles", "list").column("Name") == ["neondb_owner"]
