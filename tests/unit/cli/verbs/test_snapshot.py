import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fake_api import FakeApi

MAIN = "br-cold-sea-00000001"


def test_snapshots_are_made_and_listed(run: Any, api: FakeApi) -> None:
    assert "no snapshot; `dormouse snapshot create` makes one" in run("snapshot", "list").said

    done = run("snapshot", "create", "before", "--expires", "2026-12-01")

    made = api.snapshot_list[0]
    assert (made.source_branch_id, made.expires_at) == (MAIN, datetime(2026, 12, 1, tzinfo=UTC))
    assert done.shown.startswith(f"snapshot before ({made.id}) of branch main made · ")
    columns, row = run("snapshot", "list").shown.splitlines()
    assert columns.split("  ")[0] == "snapshot"
    assert [each for each in row.split() if each in ("before", "main", "12", "MB")] == [
        "before",
        "main",
        "12",
        "MB",
    ]
    assert [each["name"] for each in json.loads(run("snapshot", "list", "--json").shown)] == ["before"]


def test_a_snapshot_of_the_past(run: Any, api: FakeApi) -> None:
    run("snapshot", "create", "--branch", "main@0/1fa22d0")

    assert api.snapshot_list[0].lsn == "0/1FA22D0"


def test_a_snapshot_of_a_child_is_refused_with_another_way(run: Any, api: FakeApi) -> None:
    done = run("snapshot", "create", "--branch", "dev")

    assert (done.code, api.calls) == (1, [])
    assert "branch dev was made from another one: snapshots are of root branches\n  `dormouse branch create" in (
        done.said
    )


def test_a_branch_is_made_from_a_snapshot(run: Any, api: FakeApi) -> None:
    run("snapshot", "create", "before")

    done = run("snapshot", "restore", "before", "--name", "look")

    assert (api.branch_list[-1].name, api.branch_list[0].name) == ("look", "main")
    assert done.shown.startswith("branch look (br-")
    assert " made from snapshot before · " in done.shown


def test_a_snapshot_takes_the_place_of_its_branch(run: Any, api: FakeApi) -> None:
    run("snapshot", "create", "before")

    unasked = run("snapshot", "restore", "before", "--finalize")
    done = run("snapshot", "restore", "before", "--finalize", "--yes")

    assert unasked.code == 2
    assert f"putting snapshot before in the place of branch main ({MAIN}) at neon.test needs a yes" in unasked.said
    assert done.shown.startswith("branch main (br-")
    assert " has the data of snapshot before; what it had is branch main (old) · " in done.shown


def test_a_snapshot_takes_the_place_of_another_branch(run: Any, api: FakeApi) -> None:
    run("snapshot", "create", "before")

    told = json.loads(
        run("snapshot", "restore", "before", "--finalize", "--target", "dev", "--yes", "--json").shown
    )

    assert (told["branch"]["name"], told["replaced"]["name"]) == ("dev", "dev (old)")


def test_restores_and_deletions_are_tried_dry(run: Any, api: FakeApi) -> None:
    run("snapshot", "create", "before")
    api.calls.clear()

    new = run("snapshot", "restore", "before", "--name", "look", "--dry-run")
    replacing = run("snapshot", "restore", "before", "--finalize", "--dry-run")
    deleting = run("snapshot", "delete", "before", "--dry-run")

    assert (new.code, replacing.code, deleting.code, api.calls) == (0, 0, 0, [])
    assert new.shown == "a branch look would be made with the data of 2026-01-01T00:00:00Z\n"
    assert (
        f"branch main ({MAIN}) would be replaced by one with the data of 2026-01-01T00:00:00Z\n" in replacing.shown
    )
    assert "would be deleted for good; branches that were made from it stay\n" in deleting.shown
    for asked in (("restore", "before"), ("delete", "before")):
        assert json.loads(run("snapshot", *asked, "--dry-run", "--json").shown)["would"] == asked[0]


def test_a_snapshot_is_renamed_and_deleted(run: Any, api: FakeApi) -> None:
    run("snapshot", "create", "before")

    assert run("snapshot", "rename", "before", "after").shown.startswith("snapshot before is now after · ")
    assert run("snapshot", "delete", "after").code == 2
    assert run("snapshot", "delete", "after", "--yes").shown.startswith("snapshot after (snap-")
    assert api.snapshot_list == []


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("restore", "never"), 1, "there is no snapshot 'never'; found: before (snap-"),
        (("delete", "twice", "--yes"), 1, "there are several snapshots named 'twice': twice (snap-"),
        (("restore", "before", "--target", "dev"), 2, "--target is what --finalize replaces"),
        (("restore", "before", "--finalize", "--name", "x"), 2, "--name and --finalize exclude each other"),
        (("create", "--expires", "soon"), 2, "'soon' is no moment; expected 7d"),
    ],
)
def test_what_cannot_be_is_told(asked: tuple[str, ...], code: int, said: str, run: Any) -> None:
    for name in ("before", "twice", "twice"):
        run("snapshot", "create", name)

    done = run("snapshot", *asked)

    assert done.code == code
    assert said in done.said


def test_a_snapshot_of_a_branch_that_is_gone_needs_a_target(run: Any, api: FakeApi) -> None:
    run("snapshot", "create", "before")
    api.branch_list = api.branch_list[1:]

    done = run("snapshot", "restore", "before", "--finalize", "--yes")

    assert done.code == 1
    assert "the branch that snapshot before is of is gone\n  say another one with --target" in done.said
