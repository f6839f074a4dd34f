"""The driver for file systems that copy on write: a clone shares its data until either side is changed.

Linux has `FICLONE` for it (ioctl_ficlone(2): XFS, btrfs, bcachefs, ZFS where it is on), macOS `clonefile(2)` on
APFS. The macOS half was never run; the probe keeps it from harm, since without its word nobody gets this driver.
"""

import contextlib
import ctypes
import fcntl
import os
import secrets
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Final

from dormouse.storage.cloning import clone_tree
from dormouse.storage.driver import Probe, Usage, Wanted, everything
from dormouse.storage.extents import shared_bytes
from dormouse.storage.measuring import usage_of
from dormouse.storage.tree import delete_tree

__all__ = ["ReflinkDriver", "share_file"]

_FICLONE: Final = 0x40049409
"""`_IOW(0x94, 9, int)`, linux/fs.h"""
_CLONE_NOFOLLOW: Final = 0x1
_CLONE_NOOWNERCOPY: Final = 0x2
"""sys/clonefile.h"""
_AT_FDCWD: Final = -2
"""sys/fcntl.h of macOS"""

_THREADS: Final = 4
"""A file that is not on the disk yet is written before it is shared, so threads wait; with 8 they get into each
other's way: 1 GB at rest took XFS 60 ms with four, 70 with one, 80 with eight."""

_PROBE_BYTES: Final = 256 << 10
"""More than a file system keeps beside the file's name instead of in blocks."""


class ReflinkDriver:
    """Shares every byte until it is changed. A file that cannot be shared is an error, never quietly copied."""

    name = "reflink"

    def probe(self, folder: Path) -> Probe:
        """Clone a file, change the clone, and look at the source, and at the disk where it can be seen."""
        try:
            where = Path(tempfile.mkdtemp(prefix=".probe-", dir=folder))
        except OSError as error:
            return Probe(works=False, reason=f"nothing can be written in {folder} ({error.strerror})")
        try:
            return _try_in(where)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            return Probe(works=False, reason=f"the file system cannot share a file's data ({why})")
        finally:
            shutil.rmtree(where, ignore_errors=True)

    def clone(
        self,
        source: Path,
        target: Path,
        *,
        owner: tuple[int, int] | None = None,
        wanted: Wanted = everything,
        like: Path | None = None,
        over: Path | None = None,
        stop: threading.Event | None = None,
    ) -> Usage:
        """See `Driver.clone`."""

        def share(read: int, path: str) -> tuple[int, int]:
            return share_file(read, path), 0

        return clone_tree(
            source, target, share, owner=owner, wanted=wanted, like=like, over=over, stop=stop, threads=_THREADS
        )

    def usage(self, folder: Path) -> Usage:
        """See `Driver.usage`."""
        return usage_of(folder)

    def delete(self, folder: Path) -> None:
        """See `Driver.delete`."""
        delete_tree(folder)


def share_file(read: int, path: str) -> int:
    """Make a file at `path` that shares the data of an open one, and return it open for writing.

    It takes the place of one that is there. Shared into that, what was longer would have to be cut off, and where
    to cannot be told of a file that grows meanwhile.

    Raises OSError that says that it could not be shared, and why; then there may be an empty file.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - a path would take half as long as a small clone
        if sys.platform == "darwin":
            return _share_on_macos(read, path)
        write = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.ioctl(write, _FICLONE, read)
        except BaseException:
            os.close(write)
            raise
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: a file's data cannot be shared", path) from error
    return write


def _share_on_macos(read: int, path: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _CLONE_NOFOLLOW | _CLONE_NOOWNERCOPY
    if libc.fclonefileat(read, _AT_FDCWD, os.fsencode(path), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    Path(path).chmod(0o600)
    return os.open(path, os.O_WRONLY | os.O_NOFOLLOW)


def _try_in(where: Path) -> Probe:
    """Raises OSError where a file cannot be shared at all."""
    source, clone = where / "source", where / "clone"
    content = secrets.token_bytes(_PROBE_BYTES)
    source.write_bytes(content)
    with source.open("rb") as read:
        os.close(share_file(read.fileno(), str(clone)))
        # Extents are told of what lies on the disk.
        os.fsync(read.fileno())
    with clone.open("r+b") as file:
        os.fsync(file.fileno())
        shared = shared_bytes(file.fileno())
        if shared == 0:
            return Probe(works=False, reason="the file system says that it shares a file's data, and does not")
        file.seek(_PROBE_BYTES // 2)
        file.write(b"changed")
        file.flush()
        os.fsync(file.fileno())
    changed = content[: _PROBE_BYTES // 2] + b"changed" + content[_PROBE_BYTES // 2 + 7 :]
    if source.read_bytes() != content or clone.read_bytes() != changed:
        return Probe(works=False, reason="a change of a clone reached the file that it was made from")
    seen = "whether it lies there once cannot be seen" if shared is None else "it lies there once"
    return Probe(works=True, reason=f"clones share their data on the disk until it is changed (tried; {seen})")
