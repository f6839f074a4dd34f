import json
from pathlib import Path

import pytest

from dormouse.cli.pinned import Pinned, find_file, parse, read_pinned, text_of, write_pinned

FILE = Path("/work/.neon")


@pytest.mark.parametrize(
    ("text", "project", "branch", "organization"),
    [
        ('{"projectId": "cold-sea-1", "branch": "dev", "orgId": "org-a"}', "cold-sea-1", "dev", "org-a"),
        ('{"projectId": "cold-sea-1", "branchId": "br-a"}', "cold-sea-1", "br-a", None),
        ('{"projectId": "cold-sea-1", "branch": "dev", "branchId": "br-a"}', "cold-sea-1", "dev", None),
        ('{"projectId": "cold-sea-1", "branch": ""}', "cold-sea-1", None, None),
        ('{"projectId": 7, "more": {}}', None, None, None),
        ("{}", None, None, None),
        ("[]", None, None, None),
        ("", None, None, None),
        ("[" * 100_000, None, None, None),
    ],
)
def test_what_a_file_pins(text: str, project: str | None, branch: str | None, organization: str | None) -> None:
    assert parse(FILE, text) == Pinned(path=FILE, project=project, branch=branch, organization=organization)


def test_what_is_written_is_read() -> None:
    pinned = Pinned(path=FILE, project="cold-sea-1", branch="feature/☃", organization="org-a")

    assert parse(FILE, text_of(pinned)) == pinned
    assert json.loads(text_of(pinned)) == {"orgId": "org-a", "projectId": "cold-sea-1", "branch": "feature/☃"}


def test_what_is_not_pinned_is_left_out() -> None:
    assert json.loads(text_of(Pinned(path=FILE, project="cold-sea-1"))) == {"projectId": "cold-sea-1"}


def test_the_nearest_file_upwards_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / ".neon").write_text("{}")
    (tmp_path / "a" / ".neon").write_text("{}")

    assert find_file(deep, Path("/home")) == tmp_path / "a" / ".neon"


def test_the_home_folder_is_not_looked_in_nor_what_is_above(tmp_path: Path) -> None:
    home = tmp_path / "home"
    work = home / "work"
    work.mkdir(parents=True)
    for folder in (tmp_path, home):
        (folder / ".neon").write_text("{}")

    assert find_file(work, home) == work / ".neon"
    assert find_file(home, home) == home / ".neon"


def test_without_a_file_nothing_is_pinned(tmp_path: Path) -> None:
    assert read_pinned(tmp_path, Path("/home")) == Pinned(path=tmp_path / ".neon")


def test_a_new_file_in_a_checkout_is_ignored_by_git(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    assert write_pinned(Pinned(path=tmp_path / ".neon", project="cold-sea-1")) is True
    assert (tmp_path / ".gitignore").read_text() == ".neon\n"


def test_who_shares_the_file_is_not_contradicted(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".neon").write_text("{}")

    assert write_pinned(Pinned(path=tmp_path / ".neon", project="cold-sea-1")) is False
    assert not (tmp_path / ".gitignore").exists()
