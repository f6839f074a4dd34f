from pathlib import Path

import pytest

from dormouse.cli.examining_storage import examine_storage, largest_branches, told_cost
from dormouse.config import Settings
from dormouse.storage.driver import Probe, Usage
from dormouse.storage.estimating import Pace
from dormouse.storage.layout import Layout
from dormouse.storage.reflink import ReflinkDriver

PACE = Pace(fixed_s=0.05, file_s=0.0001, byte_s=1e-9, shares=False)
SOURCE = Usage(files=1000, size_bytes=1_000_000_000, own_bytes=0)


@pytest.fixture(autouse=True)
def no_reflink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReflinkDriver, "probe", lambda *_: Probe(works=False, reason="it does not"))


def data_of(home: Path, project: str, branch: str, size: int) -> Path:
    data = home / "projects" / project / "branches" / branch / "0f" / "data"
    (data / "base").mkdir(parents=True)
    (data / "base" / "1259").write_bytes(b"x" * size)
    (data / "postmaster.pid").write_bytes(b"not cloned")
    return data


def test_what_a_branch_would_cost_is_told_to_people_and_programs() -> None:
    found = told_cost("cold-sea-12345678", SOURCE, PACE, free=2_000_000_000)

    assert (found.level, found.hint) == ("note", "")
    assert found.text == (
        "a branch of cold-sea-12345678 (1.0 GB in 1000 files) would take about 1.1 s and 1.0 GB of disk"
    )
    assert found.facts == {
        "project": "cold-sea-12345678",
        "files": 1000,
        "size_bytes": 1_000_000_000,
        "clone_seconds": 1.15,
        "clone_bytes": 1_002_048_000,
    }


def test_a_branch_for_which_there_is_no_room_is_a_problem() -> None:
    found = told_cost("cold-sea-12345678", SOURCE, PACE, free=1_001_000_000)

    assert found.level == "problem"
    assert "delete branches" in found.hint


def test_of_each_project_the_largest_branch_counts(tmp_path: Path) -> None:
    data_of(tmp_path, "project-a", "br-1", 10)
    data_of(tmp_path, "project-a", "br-2", 30)
    data_of(tmp_path, "project-b", "br-3", 40)
    (tmp_path / "projects" / "project-c").mkdir()

    assert largest_branches(Layout(tmp_path)) == [
        ("project-b", Usage(files=1, size_bytes=40, own_bytes=40)),
        ("project-a", Usage(files=1, size_bytes=30, own_bytes=30)),
    ]


def test_a_home_with_projects_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    for number in range(12):
        data_of(tmp_path, f"project-{number:02}", "br-1", 10)
    before = sorted(tmp_path.rglob("*"))

    storage, *costs, more = examine_storage(Settings(home=tmp_path))

    assert storage.text.startswith("copy: copies every byte, since it does not; ")
    assert storage.facts["driver"] == "copy"
    assert [cost.facts["project"] for cost in costs] == [f"project-{number:02}" for number in range(10)]
    assert more.text == "and 2 projects more, whose branches cost less"
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_home_is_not_measured(tmp_path: Path) -> None:
    (found,) = examine_storage(Settings(home=tmp_path / "not there"))

    assert found.subject == "storage"
    assert not (tmp_path / "not there").exists()


def test_what_was_asked_for_and_does_not_work_must_be_mended(tmp_path: Path) -> None:
    (found,) = examine_storage(Settings(home=tmp_path, storage="reflink"))

    assert found.level == "problem"
    assert "DORMOUSE_STORAGE is 'reflink'" in found.text
    assert found.hint
