import os
from pathlib import Path

import pytest

from dormouse.storage.measuring import usage_of

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    (made / "below").mkdir(parents=True)
    (made / "one").write_bytes(os.urandom(MIB))
    (made / "below" / "two").write_bytes(os.urandom(MIB))
    return made


def test_files_are_counted_with_what_lies_on_disk(folder: Path) -> None:
    found = usage_of(folder)

    assert (found.files, found.size_bytes) == (2, 2 * MIB)
    assert 2 * MIB <= found.own_bytes < 2.2 * MIB


def test_a_name_outside_keeps_a_file_from_being_its_own(folder: Path) -> None:
    os.link(folder / "one", folder.with_name("outside"))

    found = usage_of(folder)

    assert found.size_bytes == 2 * MIB
    assert MIB <= found.own_bytes < 1.2 * MIB


def test_two_names_inside_are_one_file_of_its_own(folder: Path) -> None:
    os.link(folder / "one", folder / "below" / "one again")

    found = usage_of(folder)

    assert (found.files, found.size_bytes) == (3, 3 * MIB)
    assert 2 * MIB <= found.own_bytes < 2.2 * MIB


def test_a_hole_takes_no_room(folder: Path) -> None:
    os.truncate(folder / "one", 100 * MIB)

    assert usage_of(folder).own_bytes < 2.2 * MIB


def test_what_a_file_shares_is_not_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dormouse.storage.measuring.shared_bytes", lambda _: MIB // 2)

    found = usage_of(folder)

    assert found.size_bytes == 2 * MIB
    assert MIB <= found.own_bytes < 1.2 * MIB


def test_a_file_cannot_share_more_than_it_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dormouse.storage.measuring.shared_bytes", lambda _: 100 * MIB)

    assert usage_of(folder).own_bytes == 0
