import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dormouse.names import ProjectId
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


def test_a_branch_is_made_from_the_default_one(run: Any, api: FakeApi, folder: Path) -> None:
    (folder / ".neon").write_text('{"projectId": "cold-sea-00000001", "branch": "dev"}')

    done = run("branch", "create", "pr-41")

    made = api.branch_list[-1]
    assert (made.name, made.parent_id, made.expires_at) == ("pr-41", "br-cold-sea-00000001", None)
    assert api.endpoint_list[-1].branch_id == made.id
    assert done.shown.startswith(f"branch pr-41 ({made.id}) ready, from main · ")
    assert "next: `dormouse env pr-41`" in done.said


def test_a_branch_is_made_as_asked(run: Any, api: FakeApi, folder: Path) -> None:
    asked = ("--parent", "dev", "--expires", "2026-12-01T00:00:00Z", "--protected", "--no-compute", "--use")

    run("branch", "create", "pr-41", *asked)

    made = api.branch_list[-1]
    assert (made.parent_id, made.protected) == ("br-cold-sea-00000002", True)
    assert made.expires_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert made.id not in {each.branch_id for each in api.endpoint_list}
    assert json.loads((folder / ".neon").read_text())["branch"] == "pr-41"


def test_a_branch_for_programs_comes_with_its_computes(run: Any) -> None:
    made = json.loads(run("branch", "create", "pr-41", "--json").shown)

    assert made["branch"]["current_state"] == "ready"
    assert [each["type"] for each in made["endpoints"]] == ["read_write"]


def test_a_name_that_is_taken_is_refused_in_the_servers_words(run: Any) -> None:
    done = run("branch", "create", "dev", "-q")

    assert (done.code, done.shown, done.said) == (1, "", "dormouse: branch already exists\n")


def test_a_moment_that_is_none_is_asked_wrongly(run: Any, api: FakeApi) -> None:
    done = run("branch", "create", "pr-41", "--expires", "soon")

    assert (done.code, api.calls) == (2, [])
    assert "'soon' is no moment; expected 7d" in done.said


def test_one_branch(run: Any) -> None:
    facts = dict(line.split(None, 1) for line in run("branch", "get", "dev").shown.splitlines())

    assert (facts["name"], facts["parent"], facts["marks"]) == ("dev", "main", "none")
    assert facts["read-write"] == "ep-cold-sea-00000002 (idle) ep-cold-sea-00000002.dormouse.localhost:55432"
    assert json.loads(run("branch", "get", "--json").shown)["name"] == "main"


@pytest.mark.parametrize(
    ("asked", "field", "expected"),
    [
        (("rename", "dev", "pr-41"), "name", "pr-41"),
        (("set-default", "dev"), "default", True),
        (("protect", "dev"), "protected", True),
        (("unprotect", "br-cold-sea-00000002"), "protected", False),
        (("expire", "dev", "2026-12-01"), "expires_at", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_branch_is_changed(asked: tuple[str, ...], field: str, expected: object, run: Any, api: FakeApi) -> None:
    done = run("branch", *asked, "--json")

    assert done.code == 0
    assert getattr(api.branch_list[1], field) == expected
    assert json.loads(done.shown)["id"] == "br-cold-sea-00000002"


def test_an_expiry_is_taken_away(run: Any, api: FakeApi) -> None:
    assert "expires at 2026-12-01T00:00:00Z" in run("branch", "expire", "dev", "2026-12-01").shown
    assert "does not expire" in run("branch", "expire", "dev", "never").shown
    assert api.branch_list[1].expires_at is None


def test_a_branch_is_deleted(run: Any, api: FakeApi) -> None:
    assert run("branch", "delete", "dev", "--yes").shown.startswith("branch dev (br-cold-sea-00000002) deleted")
    assert [each.name for each in api.branch_list] == ["main"]


def test_the_servers_refusal_is_passed_on(run: Any) -> None:
    done = run("branch", "delete", "main", "-yq")

    assert (done.code, done.said) == (1, "dormouse: cannot delete the default branch\n")


def test_a_branch_is_pinned_by_name(run: Any, folder: Path) -> None:
    assert run("branch", "use", "br-cold-sea-00000002").code == 0

    assert json.loads((folder / ".neon").read_text()) == {
        "orgId": "org-calm-hill-12345678",
        "projectId": "cold-sea-00000001",
        "branch": "dev",
    }


def test_a_name_that_looks_like_an_id_is_pinned_by_its_id(run: Any, api: FakeApi, folder: Path) -> None:
    api.branch_list.append(branch_of(ProjectId("cold-sea-00000001"), 7, "br-my-own-thing"))

    run("branch", "use", "br-my-own-thing")

    assert json.loads((folder / ".neon").read_text())["branch"] == "br-cold-sea-00000007"
