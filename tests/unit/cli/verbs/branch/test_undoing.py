import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dormouse.api.local import KeptState
from dormouse.names import BranchId, OperationId, ProjectId
from fake_api import NEXT_WEEK, FakeApi, branch_of

MAIN, DEV, GONE = (BranchId(f"br-cold-sea-{number:08}") for number in (1, 2, 7))


def kept(branch: BranchId, name: str, because: str) -> KeptState:
    return KeptState(
        id=OperationId("00000000-0000-4000-8000-000000000001"),
        branch_id=branch,
        branch_name=name,
        because=because,
        kept_at=datetime.now(UTC) - timedelta(minutes=10),
        kept_until=NEXT_WEEK,
    )


def test_the_last_change_of_a_branch_is_undone(run: Any, api: FakeApi) -> None:
    api.kept = [kept(MAIN, "main", "reset"), kept(DEV, "dev", "restore"), kept(DEV, "dev", "reset")]

    done = run("branch", "undo", "dev", "--yes")

    assert api.calls == ["undo_branch"]
    assert done.shown.startswith(f"branch dev ({DEV}) has what it had before its restore 10 min ago · ")
    assert "a second `dormouse branch undo dev` takes this back" in done.said


def test_without_a_name_it_is_the_default_branch(run: Any, api: FakeApi) -> None:
    api.kept = [kept(DEV, "dev", "restore"), kept(MAIN, "main", "reset")]

    assert json.loads(run("branch", "undo", "--yes", "--json").shown)["id"] == MAIN


def test_a_deletion_is_undone_by_the_name_that_the_branch_had(run: Any, api: FakeApi) -> None:
    run("branch", "delete", "dev", "--yes")
    api.kept = [kept(DEV, "dev", "delete")]

    assert run("branch", "undo", "dev", "--yes").shown.startswith(f"branch dev ({DEV}) has what it had before")
    assert [each.name for each in api.branch_list] == ["main", "dev"]


def test_a_branch_that_has_the_name_now_is_meant(run: Any, api: FakeApi) -> None:
    api.kept = [kept(GONE, "dev", "delete"), kept(DEV, "dev", "reset")]

    assert json.loads(run("branch", "undo", "dev", "--dry-run", "--json").shown)["kept"]["branch_id"] == DEV


def test_an_undo_is_tried_dry(run: Any, api: FakeApi) -> None:
    api.kept = [kept(DEV, "dev", "reset")]

    done = run("branch", "undo", "dev", "--dry-run")

    assert (done.code, api.calls) == (0, [])
    assert done.shown.splitlines() == [
        f"branch dev ({DEV}) would get what it had before its reset 10 min ago",
        "what it has now would be kept, for another undo; its clients would be cut off",
    ]


def test_an_undo_is_asked_about(run: Any, api: FakeApi) -> None:
    api.kept = [kept(DEV, "dev", "reset")]

    done = run("branch", "undo", "dev")

    assert (done.code, api.calls) == (2, [])
    assert "giving branch dev at neon.test what it had before its reset 10 min ago needs a yes" in done.said


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_where_nothing_is_kept_what_is_kept_is_told(name: str, run: Any, api: FakeApi) -> None:
    api.kept = [kept(MAIN, "main", "reset")]

    done = run("branch", "undo", name, "--yes")

    assert (done.code, api.calls) == (1, [])
    assert f"of branch {name!r} nothing is kept to go back to; kept: main (reset, until 2026-" in done.said


def test_neon_has_no_undo_but_the_branch_that_was_preserved(run: Any, api: FakeApi) -> None:
    api.is_neon = True
    shop = ProjectId("cold-sea-00000001")
    api.branch_list += [
        branch_of(shop, 8, "dev_old_20260101T000000Z"),
        branch_of(shop, 9, "dev_old_20260102T000000Z"),
    ]

    done = run("branch", "undo", "dev", "--yes")

    assert done.code == 1
    assert "neon.test has no undo\n  restore what was preserved: " in done.said
    assert "`dormouse branch restore dev --to dev_old_20260102T000000Z`" in done.said


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dev", "go back in time: `dormouse branch restore dev --to -10m`"),
        ("gone", "if it was deleted: `dormouse branch recover gone`"),
    ],
)
def test_neon_has_other_ways_back(name: str, hint: str, run: Any, api: FakeApi) -> None:
    api.is_neon = True

    assert hint in run("branch", "undo", name, "--yes").said
