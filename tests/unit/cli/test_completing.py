"""What the shell is told when somebody presses Tab."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dormouse.api.bodies import BranchCreate
from dormouse.api.errors import NoAnswer
from dormouse.cli.main import app
from fake_api import FakeApi, project_of


def completed(line: str) -> list[str]:
    """The words for the end of a line."""
    environment = {
        "_DORMOUSE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = CliRunner().invoke(app, [], env=environment, prog_name="dormouse")
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dormouse branch get ", ["dev", "main"]),
        ("dormouse branch delete d", ["dev"]),
        ("dormouse branch delete x", []),
        ("dormouse branch create --parent m", ["main"]),
        ("dormouse branch get --project blog ", ["live"]),
        ("dormouse env d", ["dev"]),
        ("dormouse project use ", ["blog", "shop"]),
        ("dormouse role password ", ["anna"]),
        ("dormouse database delete --branch dev ", ["shop"]),
        ("dormouse branch recover ", ["old"]),
        ("dormouse snapshot delete b", ["before"]),
        # There is no git here.
        ("dormouse checkout ", []),
    ],
)
def test_names_are_completed(line: str, expected: list[str], api: FakeApi, folder: Path) -> None:
    blog = project_of(2, "blog")
    api.project_list.append(blog)
    api.create_branch(blog.id, BranchCreate(name="live"), endpoints=())
    (folder / ".neon").write_text('{"projectId": "cold-sea-00000001"}')
    shop = api.project_list[0].id
    gone = api.create_branch(shop, BranchCreate(name="old"), endpoints=()).branch
    api.delete_branch(shop, gone.id)
    api.create_snapshot(shop, api.branch_list[0].id, name="before")

    assert completed(line) == expected


def test_who_cannot_be_asked_is_not_spoken_of(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def silence(**_: Any) -> None:
        raise NoAnswer("no answer from http://neon.test/api/v2")

    monkeypatch.setattr(api, "projects", silence)

    assert completed("dormouse project use ") == []


def test_a_platform_that_is_down_completes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DORMOUSE_HOME", str(tmp_path / "home"))

    assert completed("dormouse branch get ") == []
