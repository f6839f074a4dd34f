import errno
import itertools
import os
import shutil
import stat
import threading
import time
from pathlib import Path

import pytest

from dormouse.errors import CloneStopped
from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import Usage

CONTENTS = {
    "PG_VERSION": b"18\n",
    "empty": b"",
    "base/5/1259": os.urandom(3 << 20),
    "pg_wal/archive_status/a b.ready": b"x",
    'odd/- it\'s 100% ☃\n"quoted"': b"odd",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "source" / "pg_twophase").mkdir()
    return tmp_path / "source"


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("in_the_kernel", [True, False])
def test_clone_equals_its_source(source: Path, in_the_kernel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def sendfile(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    if not in_the_kernel:
        monkeypatch.setattr("os.sendfile", sendfile)
    target = source.with_name("target")

    CopyDriver().clone(source, target)

    assert files_below(target) == CONTENTS
    assert (target / "pg_twophase").is_dir()


def test_clone_is_closed_to_others(source: Path) -> None:
    target = source.with_name("target")
    CopyDriver().clone(source, target)

    found = {stat.S_IMODE(path.stat().st_mode) for path in (target, *target.rglob("*")) if path.is_dir()}
    assert found == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if path.is_file()} == {0o600}


def test_clone_is_independent_of_its_source(source: Path) -> None:
    target = source.with_name("target")
    CopyDriver().clone(source, target)

    (source / "PG_VERSION").write_bytes(b"99\n")

    assert (target / "PG_VERSION").read_bytes() == b"18\n"


def test_clone_tells_what_it_cost(source: Path) -> None:
    made = CopyDriver().clone(source, source.with_name("target"))

    size = sum(map(len, CONTENTS.values()))
    assert made == Usage(files=len(CONTENTS), size_bytes=size, own_bytes=size)


def test_unwanted_files_and_folders_stay_behind(source: Path) -> None:
    target = source.with_name("target")

    CopyDriver().clone(source, target, wanted=lambda path: path not in ("base", "empty"))

    assert files_below(target).keys() == CONTENTS.keys() - {"base/5/1259", "empty"}
    assert not (target / "base").exists()


def test_a_file_that_vanishes_is_left_out(source: Path) -> None:
    def wanted(path: str) -> bool:
        if path == "base/5/1259":
            (source / path).unlink()
        return True

    CopyDriver().clone(source, source.with_name("target"), wanted=wanted)

    assert files_below(source.with_name("target")).keys() == CONTENTS.keys() - {"base/5/1259"}


def test_a_folder_that_vanishes_is_left_out(source: Path) -> None:
    def wanted(path: str) -> bool:
        if path == "pg_twophase":
            (source / path).rmdir()
        return True

    CopyDriver().clone(source, source.with_name("target"), wanted=wanted)

    assert files_below(source.with_name("target")) == CONTENTS


def test_a_folder_that_cannot_be_read_is_an_error(source: Path) -> None:
    def wanted(path: str) -> bool:
        if path == "pg_twophase":
            (source / path).rmdir()
            (source / path).touch()
        return True

    with pytest.raises(NotADirectoryError):
        CopyDriver().clone(source, source.with_name("target"), wanted=wanted)


@pytest.mark.parametrize("name", ["missing", "source/PG_VERSION"])
def test_a_source_that_is_no_folder_is_an_error(name: str, source: Path) -> None:
    with pytest.raises(OSError, match=r"PG_VERSION|missing"):
        CopyDriver().clone(source.parent / name, source.with_name("target"))


def test_a_target_that_is_there_is_left_as_it_is(source: Path) -> None:
    target = source.with_name("target")
    target.mkdir()

    with pytest.raises(FileExistsError):
        CopyDriver().clone(source, target)

    assert list(target.iterdir()) == []


def test_a_link_to_a_folder_is_not_followed(source: Path) -> None:
    outside = source.with_name("outside")
    outside.mkdir()
    (outside / "secret").touch()
    (source / "link").symlink_to(outside)

    CopyDriver().clone(source, source.with_name("target"))

    assert files_below(source.with_name("target")) == CONTENTS


def test_a_link_to_a_file_is_an_error(source: Path) -> None:
    (source / "link").symlink_to(source / "PG_VERSION")

    with pytest.raises(OSError, match="link"):
        CopyDriver().clone(source, source.with_name("target"))


def aged(folder: Path, seconds: float = 3600) -> None:
    """Let all files have been written some time ago."""
    then = time.time_ns() - int(seconds * 1e9)
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(then, then))


def test_what_did_not_change_since_an_earlier_clone_is_the_same_file(source: Path) -> None:
    aged(source)
    first, second = source.with_name("first"), source.with_name("second")
    CopyDriver().clone(source, first)
    (source / "PG_VERSION").write_bytes(b"99\n")

    made = CopyDriver().clone(source, second, like=first)

    same = {name for name in CONTENTS if (second / name).samefile(first / name)}
    assert same == CONTENTS.keys() - {"PG_VERSION"}
    assert (second / "PG_VERSION").read_bytes() == b"99\n"
    assert (made.files, made.own_bytes) == (len(CONTENTS), 3)


def test_what_was_written_just_before_a_clone_is_copied_by_the_next(source: Path) -> None:
    first, second = source.with_name("first"), source.with_name("second")
    CopyDriver().clone(source, first)
    CopyDriver().clone(source, second, like=first)

    # The change that a clock in ticks hides: another content, and the length and time that were there before.
    before = (source / "PG_VERSION").stat()
    (source / "PG_VERSION").write_bytes(b"99\n")
    os.utime(source / "PG_VERSION", ns=(before.st_atime_ns, before.st_mtime_ns))
    CopyDriver().clone(source, source.with_name("third"), like=second)

    assert not (second / "PG_VERSION").samefile(first / "PG_VERSION")
    assert (source.with_name("third") / "PG_VERSION").read_bytes() == b"99\n"


def test_an_earlier_clone_serves_a_chain_of_later_ones(source: Path) -> None:
    aged(source)
    clones = [source.with_name(f"clone{number}") for number in range(4)]
    CopyDriver().clone(source, clones[0])
    for old, new in itertools.pairwise(clones):
        assert CopyDriver().clone(source, new, like=old).own_bytes == 0

    shutil.rmtree(clones[0])

    assert files_below(clones[3]) == CONTENTS


def test_a_file_that_was_put_into_an_earlier_clone_is_not_taken(source: Path) -> None:
    aged(source)
    first = source.with_name("first")
    CopyDriver().clone(source, first, wanted=lambda path: path != "PG_VERSION")
    (first / "PG_VERSION").write_bytes(b"99\n")
    there = (first / "PG_VERSION").stat()
    os.utime(source / "PG_VERSION", ns=(there.st_atime_ns, there.st_mtime_ns))

    CopyDriver().clone(source, source.with_name("second"), like=first)

    assert (source.with_name("second") / "PG_VERSION").read_bytes() == b"18\n"


@pytest.mark.parametrize("name", ["missing", "source/PG_VERSION"])
def test_an_earlier_clone_may_be_gone(name: str, source: Path) -> None:
    CopyDriver().clone(source, source.with_name("target"), like=source.parent / name)

    assert files_below(source.with_name("target")) == CONTENTS


def test_a_file_with_all_the_names_it_may_have_is_copied(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EMLINK, "Too many links")

    aged(source)
    CopyDriver().clone(source, source.with_name("first"))
    monkeypatch.setattr("os.link", link)

    made = CopyDriver().clone(source, source.with_name("second"), like=source.with_name("first"))

    assert files_below(source.with_name("second")) == CONTENTS
    assert made.own_bytes == made.size_bytes


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_owner_is_copied(source: Path) -> None:
    aged(source)
    CopyDriver().clone(source, source.with_name("first"), owner=(12345, 12345))

    made = CopyDriver().clone(
        source, source.with_name("second"), owner=(54321, 54321), like=source.with_name("first")
    )

    assert made.own_bytes == made.size_bytes


def test_a_clone_is_stopped_before_it_begins(source: Path) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(CloneStopped, match="stopped before it was whole"):
        CopyDriver().clone(source, source.with_name("target"), stop=stop)


def test_a_clone_is_stopped_within_a_large_file(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "large").touch()
    os.truncate(source / "large", 10 << 30)
    stop, done = threading.Event(), []

    def sendfile(out_fd: int, in_fd: int, offset: None, count: int) -> int:
        done.append(count)
        stop.set()
        return count

    monkeypatch.setattr("os.sendfile", sendfile)
    with pytest.raises(CloneStopped):
        CopyDriver().clone(source, source.with_name("target"), wanted=is_large, stop=stop)

    assert sum(done) <= 64 << 20


def is_large(path: str) -> bool:
    return path == "large"


def test_after_an_error_no_further_file_is_begun(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(500):
        (source / f"file{number}").touch()
    begun = []

    def utime(*_: object, **__: object) -> None:
        begun.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.utime", utime)
    with pytest.raises(OSError, match="No space left"):
        CopyDriver().clone(source, source.with_name("target"))

    assert len(begun) < 50


def test_clone_gets_its_owner(source: Path) -> None:
    target = source.with_name("target")

    # Only root can give files away; what everybody can is to keep them.
    owner = (12345, 12345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    CopyDriver().clone(source, target, owner=owner)

    assert {(path.stat().st_uid, path.stat().st_gid) for path in (target, *target.rglob("*"))} == {owner}


def test_usage_of_a_folder_that_is_not_there() -> None:
    assert CopyDriver().usage(Path("/nonexistent")) == Usage(files=0, size_bytes=0, own_bytes=0)


def test_delete_removes_all_below_and_follows_no_link(source: Path) -> None:
    outside = source.with_name("outside")
    outside.mkdir()
    (source / "link").symlink_to(outside)

    CopyDriver().delete(source)

    assert not source.exists()
    assert outside.is_dir()


def test_delete_of_what_is_not_there(tmp_path: Path) -> None:
    CopyDriver().delete(tmp_path / "missing")


def test_delete_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        CopyDriver().delete(tmp_path / "file")


def test_probe_says_that_copying_works(tmp_path: Path) -> None:
    probe = CopyDriver().probe(tmp_path)

    assert probe.works
    assert "copies every byte" in probe.reason


def test_probe_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert not CopyDriver().probe(tmp_path / "missing").works
