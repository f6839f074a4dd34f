"""The WAL of a life, while the server that writes it archives it and removes what it has archived."""

import os
from pathlib import Path

import pytest

from dormouse.control.history import link_segment, link_segments
from dormouse.errors import WalLost
from dormouse.storage.layout import BranchFolder

FIRST, SECOND = "000000010000000000000001", "000000010000000000000002"
BEGIN, END = 0x100000, 0x2FFFFF
"""Segments of 1 MB."""


@pytest.fixture
def folder(tmp_path: Path) -> BranchFolder:
    """With a segment in the archive, and one that is only where the server wrote it."""
    made = BranchFolder(tmp_path / "life")
    for path in (made.wal, made.data / "pg_wal", tmp_path / "into"):
        path.mkdir(parents=True)
    (made.wal / FIRST).write_text("first")
    (made.data / "pg_wal" / SECOND).write_text("second")
    return made


def test_segments_come_from_both_places_in_order(folder: BranchFolder, tmp_path: Path) -> None:
    made = link_segments(folder, BEGIN, END, tmp_path / "into")

    assert [(path.name, path.read_text()) for path in made] == [(FIRST, "first"), (SECOND, "second")]
    assert made[1].samefile(folder.data / "pg_wal" / SECOND)


def test_a_segment_that_is_archived_at_that_moment_is_not_missed(
    folder: BranchFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def archived_just_before(source: Path, target: Path) -> None:
        if source == folder.data / "pg_wal" / SECOND:
            source.rename(folder.wal / SECOND)
        link(source, target)

    monkeypatch.setattr(os, "link", archived_just_before)
    link_segment(folder, SECOND, tmp_path / "into" / SECOND)

    assert (tmp_path / "into" / SECOND).read_text() == "second"


def test_what_is_linked_stays_whatever_the_server_removes(folder: BranchFolder, tmp_path: Path) -> None:
    *_, second = link_segments(folder, BEGIN, END, tmp_path / "into")
    (folder.data / "pg_wal" / SECOND).unlink()

    assert second.read_text() == "second"


def test_a_segment_that_is_nowhere_is_named(folder: BranchFolder, tmp_path: Path) -> None:
    (folder.wal / FIRST).unlink()

    with pytest.raises(WalLost, match=f"the WAL segment {FIRST} is missing"):
        link_segments(folder, BEGIN, END, tmp_path / "into")
