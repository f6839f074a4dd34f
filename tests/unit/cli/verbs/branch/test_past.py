import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dormouse.api.errors import Exists
from dormouse.api.local import BranchHistory
from dormouse.names import BranchId, ProjectId
from fake_api import FakeApi, branch_of

MAIN, DEV = BranchId("br-cold-sea-00000001"), BranchId("br-cold-sea-00000002")
A_TIME = "2026-01-01T00:00:00.250Z"


def test_a_branch_is_reset_to_its_parent(run: Any, api: FakeApi) -> None:
    done = run("branch", "reset", "dev", "--yes")

    ((target, asked),) = api.restored
    assert (target, asked.source_branch_id, asked.preserve_under_name) == (DEV, MAIN, None)
    assert done.shown.startswith(f"branch dev ({DEV}) has the data of main · ")
    assert "back: `dormouse branch undo dev`" in done.said


def test_a_reset_preserves_what_is_asked_to_be(run: Any, api: FakeApi) -> None:
    done = run("branch", "reset", "dev", "--yes", "--preserve-under", "dev-before")

    assert api.restored[0][1].preserve_under_name == "dev-before"
    assert "has the data of main; what it had is branch dev-before · " in done.shown


def test_a_reset_of_a_parent_preserves_what_its_children_are_of(run: Any, api: FakeApi) -> None:
    api.branch_list.append(branch_of(ProjectId("cold-sea-00000001"), 3, "pr-41", parent_id=DEV))

    dry = run("branch", "reset", "dev", "--dry-run")
    run("branch", "reset", "dev", "--yes")

    assert re.search(r"what it has now stays as branch dev_old_\d{8}T\d{6}Z, with its children pr-41", dry.shown)
    assert re.fullmatch(r"dev_old_\d{8}T\d{6}Z", str(api.restored[0][1].preserve_under_name))


def test_a_root_branch_has_nothing_to_be_reset_to(run: Any, api: FakeApi) -> None:
    done = run("branch", "reset", "main", "--yes")

    assert (done.code, api.calls) == (1, [])
    assert "branch main has no parent to be reset to" in done.said
    assert "`dormouse branch restore main --to -10m`" in done.said


def test_a_branch_is_restored_to_its_own_past(run: Any, api: FakeApi) -> None:
    done = run("branch", "restore", "dev", "--to", A_TIME, "--yes", "--json")

    ((target, asked),) = api.restored
    assert (target, asked.source_branch_id, asked.source_lsn) == (DEV, DEV, None)
    assert asked.source_timestamp == datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
    told = json.loads(done.shown)
    assert told["preserved_under_name"] == asked.preserve_under_name
    assert re.fullmatch(r"dev_old_\d{8}T\d{6}Z", told["preserved_under_name"])
    assert told["branch"]["id"] == DEV


def test_a_branch_is_restored_to_minutes_ago(run: Any, api: FakeApi) -> None:
    before = datetime.now(UTC)

    run("branch", "restore", "dev", "--to", "-10m", "--yes")

    wanted = before - timedelta(minutes=10)
    assert wanted <= api.restored[0][1].source_timestamp <= wanted + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("to", "source", "lsn"),
    [("main", MAIN, None), ("main@0/1fa22c0", MAIN, "0/1FA22C0"), ("0/1FA22C0", DEV, "0/1FA22C0")],
)
def test_a_branch_is_restored_from_another_one_or_a_position(
    to: str, source: str, lsn: str | None, run: Any, api: FakeApi
) -> None:
    run("branch", "restore", "dev", "--to", to, "--yes", "--preserve-under", "before")

    asked = api.restored[0][1]
    assert (asked.source_branch_id, asked.source_lsn, asked.preserve_under_name) == (source, lsn, "before")


@pytest.mark.parametrize(
    ("to", "code", "said"),
    [
        ("dev", 2, "'dev' is what branch dev is now\n  say a point: -10m"),
        ("soon", 1, "there is no branch 'soon'; found: main"),
        ("yesterday", 1, "\n  or a point: -10m, -1h30m, yesterday 14:00"),
        ("23 minutes from now", 1, "there is no branch '23 minutes from now'"),
        ("2126-01-01T00:00:00Z", 2, "'2126-01-01T00:00:00Z' is still to come"),
        ("prod@-10m", 1, "there is no branch 'prod'"),
    ],
)
def test_what_cannot_be_restored_to_is_told(to: str, code: int, said: str, run: Any, api: FakeApi) -> None:
    done = run("branch", "restore", "dev", "--to", to, "--yes")

    assert (done.code, api.calls) == (code, [])
    assert said in done.said


def test_a_restore_is_asked_about(run: Any, api: FakeApi) -> None:
    done = run("branch", "restore", "dev", "--to", A_TIME)

    assert (done.code, api.calls) == (2, [])
    assert f"restoring branch dev ({DEV}) at neon.test: it gets what it had at 2026-01-01T00:00:00.250000Z" in (
        done.said
    )
    assert "needs a yes" in done.said


def test_a_restore_is_tried_dry(run: Any, api: FakeApi) -> None:
    done = run("branch", "restore", "dev", "--to", A_TIME, "--preserve-under", "before", "--dry-run")

    assert (done.code, api.calls) == (0, [])
    first, second, third = done.shown.splitlines()
    assert first.startswith(f"branch dev ({DEV}) would get what it had at 2026-01-01T00:00:00.250000Z (")
    assert second == "what it has now stays as branch before"
    assert third.startswith("its clients would be cut off; its id, computes, connection strings")


def test_a_dry_run_for_programs(run: Any) -> None:
    told = json.loads(run("branch", "restore", "dev", "--to", "main@0/1FA22C0", "--dry-run", "--json").shown)

    assert (told["would"], told["source_branch_id"], told["source_lsn"]) == ("restore", MAIN, "0/1FA22C0")
    assert told["dry_run"]


@pytest.mark.parametrize(("to", "since"), [(A_TIME, "2026-03-01T00:00:00Z"), ("0/FFFFFF", "0/1000000")])
def test_a_dry_run_tells_what_is_out_of_reach(to: str, since: str, run: Any, api: FakeApi) -> None:
    api.history_list = [
        BranchHistory(
            branch_id=DEV,
            earliest_lsn="0/1000000",
            earliest_time=datetime(2026, 3, 1, tzinfo=UTC),
            head_lsn="0/2000000",
            own_bytes=0,
            bases=1,
        )
    ]

    done = run("branch", "restore", "dev", "--to", to, "--dry-run")

    assert done.code == 1
    assert f": it can be restored since {since}\n" in done.said


def test_a_dry_run_tells_that_a_branch_is_protected(run: Any, api: FakeApi) -> None:
    run("branch", "protect", "dev")

    done = run("branch", "reset", "dev", "--dry-run")

    assert done.code == 1
    assert "branch dev is protected: it would stay as it is\n  `dormouse branch unprotect dev`" in done.said


@pytest.mark.parametrize(("is_neon", "words"), [(False, "can be had again by an undo alone"), (True, "is lost")])
def test_a_dry_reset_tells_what_becomes_of_the_present_state(
    is_neon: bool, words: str, run: Any, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_neon:
        monkeypatch.setattr(api, "base_url", "https://console.neon.tech/api/v2")

    assert f"what it has now {words}\n" in run("branch", "reset", "dev", "--dry-run").shown


def test_a_name_that_is_taken_is_told(run: Any, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise Exists(409, "", "branch already exists", "")

    monkeypatch.setattr(api, "restore_branch", refused)

    done = run("branch", "restore", "dev", "--to", "main", "--preserve-under", "main", "--yes")

    assert done.code == 1
    assert "branch already exists\n  there is a branch main already: say another name" in done.said
