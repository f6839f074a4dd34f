import json
from pathlib import Path
from typing import Any

from fake_api import FakeApi, project_of


def test_projects_as_a_table(run: Any, folder: Path) -> None:
    (folder / ".neon").write_text('{"projectId": "cold-sea-00000001"}')

    header, row = run("project", "list").shown.splitlines()

    assert header.split()[:3] == ["name", "id", "postgres"]
    assert row.split()[:4] == ["*", "shop", "cold-sea-00000001", "17"]


def test_projects_for_programs(run: Any) -> None:
    (found,) = json.loads(run("project", "list", "--json").shown)

    assert (found["id"], found["name"], found["created_at"]) == (
        "cold-sea-00000001",
        "shop",
        "2026-01-01T00:00:00Z",
    )


def test_no_project_is_no_failure(run: Any, api: FakeApi) -> None:
    api.project_list = []

    done = run("project", "list", "-q")

    assert (done.code, done.shown, done.said) == (0, "", "")
    assert json.loads(run("project", "list", "--json").shown) == []


def test_a_project_is_made(run: Any, api: FakeApi) -> None:
    done = run("project", "create", "blog", "--pg-version", "16")

    assert api.project_list[-1].name == "blog"
    assert done.shown.startswith("project blog (cold-sea-00000101) made, Postgres 16 · ")
    assert "next: `dormouse env --project cold-sea-00000101`" in done.said


def test_a_project_is_made_and_pinned(run: Any, folder: Path) -> None:
    (folder / ".git").mkdir()

    done = run("project", "create", "blog", "--use")

    assert json.loads((folder / ".neon").read_text()) == {
        "orgId": "org-calm-hill-12345678",
        "projectId": "cold-sea-00000101",
        "branch": "main",
    }
    assert (folder / ".gitignore").read_text() == ".neon\n"
    assert ".gitignore now names" in done.said


def test_what_was_made_for_programs_holds_no_password(run: Any) -> None:
    done = run("project", "create", "blog", "--json")

    assert json.loads(done.shown)["project"]["name"] == "blog"
    assert "password" not in done.shown.replace("store_passwords", "").replace("passwordless_access", "")


def test_one_project(run: Any) -> None:
    facts = dict(line.split(None, 1) for line in run("project", "get").shown.splitlines())

    assert facts["name"] == "shop"
    assert facts["branches"] == "2"
    assert json.loads(run("project", "get", "shop", "--json").shown)["history_retention_seconds"] == 86400


def test_a_project_is_renamed(run: Any, api: FakeApi) -> None:
    assert run("project", "rename", "shop", "store").shown.startswith("project shop is now store")
    assert api.project_list[0].name == "store"


def test_a_project_is_deleted_and_recovered(run: Any, api: FakeApi) -> None:
    done = run("project", "delete", "shop", "--yes")
    assert api.project_list == []
    assert "back: `dormouse project recover cold-sea-00000001`" in done.said
    assert "shop" in run("project", "list", "--deleted").shown

    assert run("project", "recover", "shop").code == 0
    assert [each.name for each in api.project_list] == ["shop"]


def test_of_several_deleted_ones_of_a_name_the_id_is_wanted(run: Any, api: FakeApi) -> None:
    api.deleted_list.append(project_of(8, "gone"))

    done = run("project", "recover", "gone")

    assert done.code == 1
    assert "several deleted projects named 'gone': gone (cold-sea-00000009), gone (cold-sea-00000008)" in done.said


def test_a_project_is_pinned_without_the_old_ones_branch(run: Any, folder: Path) -> None:
    (folder / ".neon").write_text('{"projectId": "old-hat-1", "branch": "dev"}')

    done = run("project", "use", "shop")

    assert json.loads((folder / ".neon").read_text())["projectId"] == "cold-sea-00000001"
    assert "branch" not in json.loads((folder / ".neon").read_text())
    assert done.shown.startswith("using project shop (cold-sea-00000001)")
