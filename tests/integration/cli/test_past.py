"""Going back, as typed: at a real platform, with the real data."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from fix_platform import Made, Platform, rows


class Desk:
    """A working folder that is pinned to a project of its own, with a table of one row on `main`."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.made: Made = platform.create()
        self._platform = platform
        self._folder = folder
        (folder / ".neon").write_text(json.dumps({"projectId": self.made.project}))
        rows(self.made.url, "CREATE TABLE told AS SELECT 1 AS number")

    def type(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "dormouse", *words],
            env=self._platform.environment, cwd=self._folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def url(self, branch: str) -> str:
        return self.type("env", branch, "--format", "url").stdout.strip()

    def insert(self, branch: str, number: int) -> str:
        """One more row; the position behind its commit."""
        with psycopg.connect(self.url(branch), autocommit=True) as connection:
            connection.execute("INSERT INTO told VALUES (%s)", (number,))
            found = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        assert found is not None
        return str(found[0])

    def numbers(self, branch: str) -> list[object]:
        return [row[0] for row in rows(self.url(branch), "SELECT number FROM told ORDER BY 1")]


@pytest.fixture(scope="module")
def desk(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(platform, tmp_path_factory.mktemp("past"))


def test_a_branch_of_a_position_has_what_was_committed_before_it(desk: Desk) -> None:
    position = desk.insert("main", 2)
    desk.insert("main", 3)

    desk.type("branch", "create", "then", "--parent", f"main@{position}")

    assert 2 in desk.numbers("then")
    assert 3 not in desk.numbers("then")
    assert 3 in desk.numbers("main")


def test_a_branch_of_the_schema_alone_has_no_rows(desk: Desk) -> None:
    desk.type("branch", "create", "bare", "--schema-only")

    assert desk.numbers("bare") == []
    assert desk.type("branch", "diff", "main", "bare").stdout == ""


def test_a_restore_an_undo_and_the_undo_of_that(desk: Desk) -> None:
    desk.type("branch", "create", "work")
    url = desk.url("work")
    position = desk.insert("work", 50)
    desk.insert("work", 51)
    dry = desk.type("branch", "restore", "work", "--to", position, "--dry-run").stdout
    assert 51 in desk.numbers("work")

    told = json.loads(desk.type("branch", "restore", "work", "--to", position, "--yes", "--json").stdout)

    assert f"would get what it had at {position}" in dry
    assert desk.url("work") == url
    assert (50 in desk.numbers("work"), 51 in desk.numbers("work")) == (True, False)
    tree = {each["id"]: each for each in json.loads(desk.type("branch", "list", "--json").stdout)}
    assert tree[told["branch"]["parent_id"]]["name"] == told["preserved_under_name"]
    desk.type("branch", "undo", "work", "--yes")
    assert 51 in desk.numbers("work")
    desk.type("branch", "undo", "work", "--yes")
    assert 51 not in desk.numbers("work")


def test_what_the_history_does_not_hold_is_told_dry_and_wet(desk: Desk) -> None:
    dry = desk.type("branch", "restore", "main", "--to", "-3d", "--dry-run", code=1)
    wet = desk.type("branch", "restore", "main", "--to", "-3d", "--yes", code=1)
    made = desk.type("branch", "create", "early", "--parent", "main@-3d", code=1)

    assert "branch main cannot be had at 20" in dry.stderr
    assert ": it can be restored since 20" in dry.stderr
    for refused in (wet, made):
        assert refused.stderr.count("\n") < 6
        assert "Traceback" not in refused.stderr
        assert "20" in refused.stderr, "it names the earliest moment"
    assert desk.numbers("main")[0] == 1


def test_a_reset_brings_the_parents_rows(desk: Desk) -> None:
    desk.type("branch", "create", "again")
    desk.insert("again", 70)
    desk.insert("main", 71)

    desk.type("branch", "reset", "again", "--preserve-under", "again-before", "--yes")

    assert (70 in desk.numbers("again"), 71 in desk.numbers("again")) == (False, True)
    assert "again-before" in desk.type("branch", "list").stdout


def test_a_deleted_branch_comes_back_with_its_url(desk: Desk) -> None:
    desk.type("branch", "create", "gone")
    desk.insert("gone", 80)
    url = desk.url("gone")

    said = desk.type("branch", "delete", "gone", "--yes").stderr
    assert "`dormouse branch recover gone`" in said
    assert "gone" not in desk.type("branch", "list").stdout
    desk.type("branch", "recover", "gone")

    assert desk.url("gone") == url
    assert 80 in desk.numbers("gone")


def test_an_undo_brings_a_deleted_branch_back_too(desk: Desk) -> None:
    desk.type("branch", "create", "undone")
    desk.type("branch", "delete", "undone", "--yes")

    desk.type("branch", "undo", "undone", "--yes")

    assert desk.numbers("undone") == desk.numbers("main")


def test_a_snapshot_takes_the_place_of_its_branch(desk: Desk) -> None:
    desk.type("branch", "create", "apart", "--schema-only")
    desk.insert("apart", 90)
    desk.type("snapshot", "create", "before", "--branch", "apart")
    url = desk.url("apart")
    desk.insert("apart", 91)

    desk.type("snapshot", "restore", "before", "--name", "look")
    assert desk.numbers("look") == [90]
    desk.type("snapshot", "restore", "before", "--finalize", "--yes")

    assert desk.url("apart") == url
    assert desk.numbers("apart") == [90]
    desk.type("snapshot", "rename", "before", "after")
    desk.type("snapshot", "delete", "after", "--yes")
    assert json.loads(desk.type("snapshot", "list", "--json").stdout) == []


def test_the_tree_says_what_is_on_disk_and_how_far_back(desk: Desk) -> None:
    found = {each["name"]: each for each in json.loads(desk.type("branch", "list", "--json").stdout)}

    assert found["main"]["own_bytes"] > 0
    assert found["main"]["restorable_since"] >= found["main"]["created_at"][:10]
    header = desk.type("branch", "list").stdout.splitlines()[0]
    assert ("own size" in header, "restorable since" in header) == (True, True)


def test_a_protected_branch_is_not_reset(desk: Desk) -> None:
    desk.type("branch", "create", "guarded", "--protected")

    dry = desk.type("branch", "reset", "guarded", "--dry-run", code=1)
    wet = desk.type("branch", "reset", "guarded", "--yes", code=1)

    assert "protected" in dry.stderr
    assert "protected" in wet.stderr
