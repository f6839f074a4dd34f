"""Where no file system here can share data, what it can is played: by a copy, or by less than that."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dormouse.storage import reflink
from dormouse.storage.reflink import ReflinkDriver


def play(monkeypatch: pytest.MonkeyPatch, share: Callable[[Path, Path], object], shared: int | None) -> None:
    """A file system that shares a file in this way, and says that so much of it is shared."""

    def share_file(read: int, path: str) -> int:
        share(Path(path).with_name("source"), Path(path))
        return os.open(path, os.O_WRONLY)

    monkeypatch.setattr(reflink, "share_file", share_file)
    monkeypatch.setattr(reflink, "shared_bytes", lambda _: shared)


def empty_copy(_: Path, target: Path) -> None:
    target.write_bytes(b"")


@pytest.mark.parametrize(
    ("shared", "said"), [(1 << 18, "it lies there once"), (None, "whether it lies there once cannot be seen")]
)
def test_a_file_system_that_shares_is_told_as_far_as_can_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: int | None, said: str
) -> None:
    play(monkeypatch, shutil.copyfile, shared)

    probe = ReflinkDriver().probe(tmp_path)

    assert probe.works
    assert said in probe.reason


@pytest.mark.parametrize(
    ("share", "shared", "said"),
    [
        (shutil.copyfile, 0, "says that it shares a file's data, and does not"),
        (os.link, 1, "a change of a clone reached the file"),
        (empty_copy, 1, "a change of a clone reached the file"),
    ],
)
def test_a_file_system_that_only_says_so_is_found_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: Callable[[Path, Path], object],
    shared: int,
    said: str,
) -> None:
    play(monkeypatch, share, shared)

    probe = ReflinkDriver().probe(tmp_path)

    assert not probe.works
    assert said in probe.reason
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_shared_is_an_error_and_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ioctl(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(b"x")

    with pytest.raises(OSError, match="Operation not supported: a file's data cannot be shared") as caught:
        ReflinkDriver().clone(tmp_path / "source", tmp_path / "target")

    assert caught.value.errno == errno.EOPNOTSUPP
    assert (tmp_path / "target" / "file").stat().st_size == 0


def test_a_probe_says_what_the_file_system_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ioctl(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("fcntl.ioctl", ioctl)

    probe = ReflinkDriver().probe(tmp_path)

    assert not probe.works
    assert probe.reason == "the file system cannot share a file's data (Operation not supported)"
    assert list(tmp_path.iterdir()) == []


def test_a_probe_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    probe = ReflinkDriver().probe(tmp_path / "missing")

    assert not probe.works
    assert probe.reason == f"nothing can be written in {tmp_path / 'missing'} (No such file or directory)"
