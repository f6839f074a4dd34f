import errno
import os
import re
import stat
from pathlib import Path

import pytest

from dormouse.storage.durable import (
    begin_writing,
    rename_durably,
    storage_error,
    sync_folder,
    sync_tree,
    write_atomically,
)


@pytest.mark.parametrize("durably", [True, False])
@pytest.mark.parametrize("text", ["", "port = 1\n", "it's 100% ☃", "two\r\nlines"])
def test_content_is_there_and_nothing_beside_it(text: str, durably: bool, tmp_path: Path) -> None:
    path = tmp_path / "o'clock 5%.conf"

    write_atomically(path, text, durably=durably)

    assert path.read_bytes() == text.encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
def test_mode_is_as_told_whatever_the_umask_and_the_old_one(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(0o640)

    write_atomically(path, "x", mode=mode)

    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_others_cannot_read_it_unless_told(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", "secret")

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_who_reads_meanwhile_has_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    with path.open() as reader:
        write_atomically(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_owner_is_as_told(tmp_path: Path) -> None:
    # Only root can give a file away; what everybody can is to keep it.
    owner = (12345, 12345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())

    write_atomically(tmp_path / "file", "x", owner=owner)

    found = (tmp_path / "file").stat()
    assert (found.st_uid, found.st_gid) == owner


def test_a_target_that_is_a_folder_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()

    with pytest.raises(IsADirectoryError):
        write_atomically(target, "x")

    assert list(tmp_path.iterdir()) == [target]


def test_text_that_cannot_be_written_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "half of \ud800")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / "file").symlink_to(tmp_path / "other")

    write_atomically(tmp_path / "file", "ours")

    assert (tmp_path / "other").read_text() == "theirs"
    assert (tmp_path / "file").read_text() == "ours"


def test_rename_moves_a_folder_whole(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "file").write_text("x")

    rename_durably(tmp_path / "work", tmp_path / "done")

    assert (tmp_path / "done" / "file").read_text() == "x"
    assert not (tmp_path / "work").exists()


def test_rename_does_not_replace_what_is_full(tmp_path: Path) -> None:
    for name in ("work", "done"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()

    with pytest.raises(OSError, match="done"):
        rename_durably(tmp_path / "work", tmp_path / "done")

    assert (tmp_path / "done" / "done").exists()


@pytest.mark.parametrize("sync", [sync_folder, sync_tree])
def test_syncing_what_is_not_there_is_an_error(sync: object, tmp_path: Path) -> None:
    sync_folder(tmp_path)
    sync_tree(tmp_path)

    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "missing")  # type: ignore[operator]


@pytest.mark.parametrize("folder", ["", "missing"])
def test_a_storage_error_says_what_failed_why_and_how_much_room_there_is(folder: str, tmp_path: Path) -> None:
    error = storage_error(OSError(errno.ENOSPC, "No space left on device"), "clone the primary", tmp_path / folder)

    where = re.escape(str(tmp_path / folder))
    expected = rf"could not clone the primary in {where}: No space left on device; \d+ MB are free there"
    assert re.fullmatch(expected, error.message)


def test_a_storage_error_where_no_room_can_be_asked_for() -> None:
    error = storage_error(OSError("broken"), "copy", Path("/nonexistent/folder/file"))

    assert error.message == "could not copy in /nonexistent/folder/file: broken"


def test_beginning_to_write_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10_000)

    with path.open("rb+") as file:
        begin_writing(file.fileno(), 0, 4096)
        begin_writing(file.fileno(), 4096, 1 << 40)
    begin_writing(-1, 0, 1)  # what it meets is left for the sync to report

    assert path.read_bytes() == b"x" * 10_000
