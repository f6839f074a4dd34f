import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dormouse.api.local import BranchHistory
from dormouse.names import BranchId, ProjectId
from fake_api import FakeApi, branch_of


def test_branches_as_a_tree(run: Any, api: FakeApi, folder: Path) -> None:
    (folder / ".neon").write_text('{"projectId": "cold-sea-00000001", "branch": "dev"}')
    api.branch_list.append(
        branch_of(ProjectId("cold-sea-00000001"), 3, "☃", parent_id="br-cold-sea-00000001", protected=True)
    )

    lines = run("branch", "list").shown.splitlines()

    assert [line.split("br-")[0].rstrip() for line in lines[1:]] == ["   main", "*  ├─ dev", "   └─ ☃"]
    assert "idle + 2 replicas" in lines[1]
    assert lines[1].endswith("default")
    assert lines[3].endswith("protected")


def test_branches_for_programs(run: Any) -> None:
    assert [each["name"] for each in json.loads(run("branch", "list", "--json").shown)] == ["main", "dev"]


def history(number: int, own_bytes: int, since: datetime) -> BranchHistory:
    return BranchHistory(
        branch_id=BranchId(f"br-cold-sea-{number:08}"),
        earliest_lsn="0/1000000",
        earliest_time=since,
        head_lsn="0/2000000",
        own_bytes=own_bytes,
        bases=1,
    )


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_local_platform_tells_sizes_and_how_far_back(run: Any, api: FakeApi) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=3, minutes=1)
    api.history_list = [history(1, 31_000_000, hour_ago), history(2, 4_200_000, hour_ago)]

    columns, main, dev = run("branch", "list").shown.splitlines()

    assert cells(columns)[4:7] == ["compute", "own size", "restorable since"]
    assert cells(main)[5:7] == ["31 MB", "3 h ago"]
    assert cells(dev)[5:7] == ["4.2 MB", "3 h ago"]
    told = json.loads(run("branch", "list", "--json").shown)
    assert [each["own_bytes"] for each in told] == [31_000_000, 4_200_000]
    assert told[0]["restorable_since"].startswith(f"{hour_ago:%Y-%m-%dT%H:%M}")


def test_neon_tells_how_long_it_keeps_a_project(run: Any, api: FakeApi) -> None:
    api.is_neon = True
    api.project_list = [replace(api.project_list[0], history_retention_seconds=6 * 3600)]

    columns, main, _ = run("branch", "list").shown.splitlines()

    assert "own size" not in columns
    assert "6 h ago" in cells(main)


def test_deleted_branches_are_listed(run: Any, api: FakeApi) -> None:
    assert "no deleted branch can be brought back" in run("branch", "list", "--deleted").said
    run("branch", "delete", "dev", "--yes")

    done = run("branch", "list", "--deleted")

    columns, dev = done.shown.splitlines()
    assert cells(columns) == ["branch", "id", "deleted", "recoverable until"]
    assert cells(dev)[0] == "dev"
    assert dev.endswith("2026-01-08T00:00:00Z")
    assert "back: `dormouse branch recover NAME`" in done.said
    assert [each["name"] for each in json.loads(run("branch", "list", "--deleted", "--json").shown)] == ["dev"]
