"""Sweeping away what was made for git branches that are gone: real git, and an API in memory."""

import json
from typing import TYPE_CHECKING

import pytest

from dormouse.names import BranchId, ProjectId
from fake_api import FakeApi, branch_of
from fix_command import Run

if TYPE_CHECKING:
    from .conftest import Repository

SHOP = ProjectId("cold-sea-00000001")


@pytest.fixture
def with_three(run: Run, repository: "Repository") -> "Repository":
    """`one`, `two` and, from `two`, `three` have database branches; `main` is checked out."""
    for name in ("one", "two", "three"):
        repository.git("switch", "-c", name, *(() if name == "three" else ("main",)))
        assert run("checkout", "-q").code == 0
    repository.git("switch", "main")
    run("checkout", "-q")
    return repository


def names(api: FakeApi) -> list[str]:
    return [each.name for each in api.branch_list]


def test_what_was_made_for_git_branches_that_are_gone_goes(
    run: Run, api: FakeApi, with_three: "Repository"
) -> None:
    with_three.git("branch", "-D", "one")

    done = run("branch", "sweep", "--yes")

    assert done.code == 0
    columns, row, last = done.shown.splitlines()
    assert columns.split() == ["branch", "id", "git", "branch"]
    assert row.split()[0] == "one"
    assert row.endswith("one         goes")
    assert last.startswith("1 branch deleted · ")
    assert names(api) == ["main", "dev", "two", "three"]


def test_a_parent_goes_with_its_children_after_them(run: Run, api: FakeApi, with_three: "Repository") -> None:
    with_three.git("branch", "-D", "two", "three")

    told = json.loads(run("branch", "sweep", "--yes", "--json").shown)

    assert [each["name"] for each in told["deleted"]] == ["three", "two"]
    assert names(api) == ["main", "dev", "one"]


def test_a_parent_of_what_stays_stays(run: Run, api: FakeApi, with_three: "Repository") -> None:
    with_three.git("branch", "-D", "two")

    told = json.loads(run("branch", "sweep", "--yes", "--json").shown)

    assert told["deleted"] == []
    assert [(each["name"], each["because"]) for each in told["kept"]] == [("two", "it has children: three")]


def test_a_protected_one_stays(run: Run, api: FakeApi, with_three: "Repository") -> None:
    run("branch", "protect", "one")
    with_three.git("branch", "-D", "one")

    done = run("branch", "sweep", "--yes")

    assert "one         stays: it is protected" in done.shown
    assert "one" in names(api)


def test_what_others_made_stays(run: Run, api: FakeApi, with_three: "Repository") -> None:
    # By hand, by another clone, in another project: none of them has a git branch here.
    api.branch_list.append(branch_of(SHOP, 50, "pr-99", parent_id=BranchId("br-cold-sea-00000001")))
    before = names(api)

    done = run("branch", "sweep", "--yes")

    assert (done.code, done.shown) == (0, "")
    assert "nothing to sweep: every git branch that a branch was made for is there" in done.said
    assert names(api) == before


def test_it_is_shown_and_asked_about_first(run: Run, api: FakeApi, with_three: "Repository") -> None:
    with_three.git("branch", "-D", "one")

    done = run("branch", "sweep")

    assert done.code == 2
    assert "deleting 1 branch of shop at neon.test: one needs a yes" in done.said
    assert "one" in names(api)


def test_it_is_tried_dry(run: Run, api: FakeApi, with_three: "Repository") -> None:
    with_three.git("branch", "-D", "one")
    api.calls.clear()

    done = run("branch", "sweep", "--dry-run")
    told = json.loads(run("branch", "sweep", "--dry-run", "--json").shown)

    assert (done.code, api.calls) == (0, [])
    assert "goes" in done.shown
    assert [each["git_branch"] for each in told["would_delete"]] == ["one"]
    assert told["dry_run"]


def test_what_is_swept_is_swept_once(run: Run, api: FakeApi, with_three: "Repository") -> None:
    with_three.git("branch", "-D", "one")
    run("branch", "sweep", "--yes")

    assert json.loads(run("branch", "sweep", "--yes", "--json").shown) == {"deleted": [], "kept": []}


def test_what_is_gone_on_both_sides_is_forgotten(run: Run, api: FakeApi, with_three: "Repository") -> None:
    run("branch", "delete", "one", "--yes")
    with_three.git("branch", "-D", "one")

    run("branch", "sweep", "--yes")

    memory = json.loads((with_three.folder / ".git" / "dormouse" / "branches.json").read_text())
    assert [each["git_branch"] for each in memory["made"]] == ["two", "three"]


def test_a_git_branch_that_comes_again_begins_anew(run: Run, api: FakeApi, with_three: "Repository") -> None:
    with_three.git("branch", "-D", "one")
    run("branch", "sweep", "--yes")
    with_three.git("switch", "-c", "one")

    assert json.loads(run("checkout", "--json").shown)["created"]


def test_the_pinned_one_is_pinned_no_more(run: Run, api: FakeApi, with_three: "Repository") -> None:
    run("checkout", "one")
    with_three.git("branch", "-D", "one")

    done = run("branch", "sweep", "--yes")

    assert "no branch is pinned any more" in done.said
    assert "branch" not in json.loads((with_three.folder / ".neon").read_text())


def test_what_was_preserved_of_it_is_told(run: Run, api: FakeApi, with_three: "Repository") -> None:
    run("branch", "restore", "one", "--to", "main", "--yes")
    (old,) = (name for name in names(api) if name.startswith("one_old_"))
    with_three.git("branch", "-D", "one")

    done = run("branch", "sweep", "--yes")

    assert f"preserved by a restore, and still there: {old}\n  `dormouse branch delete NAME`" in done.said
    assert old in names(api)
