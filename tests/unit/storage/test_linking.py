import errno
import os
import stat
from pathlib import Path

import pytest

from dormouse.storage.driver import Usage
from dormouse.storage.linking import link_tree


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    (made / "base" / "5").mkdir(parents=True)
    (made / "empty").mkdir()
    (made / "PG_VERSION").write_bytes(b"18\n")
    (made / "base" / "5" / "12 ☃").write_bytes(b"rows")
    return made


def test_files_are_the_same_and_folders_are_not(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"

    made = link_tree(source, target)

    assert made == Usage(files=2, size_bytes=7, own_bytes=0)
    for name in ("PG_VERSION", "base/5/12 ☃"):
        assert (target / name).samefile(source / name)
    for folder in (target, target / "base" / "5", target / "empty"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (target / "PG_VERSION").unlink()
    assert (source / "PG_VERSION").read_bytes() == b"18\n"


def test_what_is_not_wanted_stays_behind(source: Path, tmp_path: Path) -> None:
    link_tree(source, tmp_path / "target", wanted=lambda path: path != "base")

    assert {path.name for path in (tmp_path / "target").rglob("*")} == {"PG_VERSION", "empty"}


def test_a_file_that_vanishes_is_left_out(source: Path, tmp_path: Path) -> None:
    def wanted(path: str) -> bool:
        if path == "PG_VERSION":
            (source / path).unlink()
        return True

    assert link_tree(source, tmp_path / "target", wanted=wanted).files == 1


def test_a_target_that_is_there_is_an_error(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()

    with pytest.raises(FileExistsError):
        link_tree(source, tmp_path / "target")


def test_folders_get_their_owner_and_files_keep_theirs(source: Path, tmp_path: Path) -> None:
    # Only root can give files away; what everybody can is to keep them.
    owner = (12345, 12345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    target = tmp_path / "target"

    link_tree(source, target, owner=owner)

    found = (target / "base").stat()
    assert (found.st_uid, found.st_gid) == owner
    assert (target / "PG_VERSION").stat().st_uid == os.geteuid()


def test_a_file_with_all_the_names_it_may_have_is_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EMLINK, "Too many links")

    monkeypatch.setattr("os.link", link)
    (source / "PG_VERSION").chmod(0o600)
    os.utime(source / "PG_VERSION", ns=(1, 1_000_000_007))

    made = link_tree(source, tmp_path / "target")

    copied = tmp_path / "target" / "PG_VERSION"
    assert copied.read_bytes() == b"18\n"
    assert (copied.stat().st_mtime_ns, stat.S_IMODE(copied.stat().st_mode)) == (1_000_000_007, 0o600)
    assert not copied.samefile(source / "PG_VERSION")
    assert made == Usage(files=2, size_bytes=7, own_bytes=7)


def test_other_errors_of_a_link_are_told(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("os.link", link)

    with pytest.raises(OSError, match="cross-device"):
        link_tree(source, tmp_path / "target")
