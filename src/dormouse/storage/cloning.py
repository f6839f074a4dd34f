"""A clone of a folder being made, in whatever way its files come into being."""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dormouse.storage.driver import Usage, Wanted
from dormouse.storage.remaking import remake_folders
from dormouse.storage.room import leave_room
from dormouse.storage.sameness import carried_mtime_ns, is_unchanged
from dormouse.storage.tree import make_folders, work_through

__all__ = ["MakeFile", "clone_tree"]

MakeFile = Callable[[int, str], tuple[int, int]]
"""Given an open file and the path of one to be, makes that its clone, 0600, and returns it open for writing, with
how many bytes were written for it."""


def clone_tree(
    source: Path,
    target: Path,
    make_file: MakeFile,
    *,
    owner: tuple[int, int] | None,
    wanted: Wanted,
    like: Path | None,
    over: Path | None,
    stop: threading.Event | None,
    threads: int,
) -> Usage:
    """`Driver.clone`, with `make_file` called in `threads` threads."""
    begun_ns = time.time_ns()
    if over is None:
        files = make_folders(source, target, owner, wanted)
    else:
        files = remake_folders(source, target, over, owner, wanted)
    clone = _Clone(
        source=f"{source}/",
        target=f"{target}/",
        make_file=make_file,
        owner=owner,
        like=None if like is None else f"{like}/",
        begun_ns=begun_ns,
    )
    return work_through(files, clone.file, threads=threads, stop=stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clone:
    """Folders are strings that end in a slash: paths would take a fifth of the time of a small clone."""

    source: str
    target: str
    make_file: MakeFile
    owner: tuple[int, int] | None
    like: str | None
    begun_ns: int

    def file(self, name: str) -> Usage | None:
        """Clone one file; None for one that vanished."""
        try:
            read = os.open(self.source + name, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            # What an earlier clone had of it goes too.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.target + name)  # noqa: PTH108 - see the strings above
            return None
        try:
            # Looked at before it is read: what changes from here on gets a later time than this.
            found = os.fstat(read)
            if self.like is not None and self._link(self.like + name, self.target + name, found):
                own_bytes = 0
            else:
                leave_room(read, 0)
                own_bytes = self._make(read, self.target + name, found)
            return Usage(files=1, size_bytes=found.st_size, own_bytes=own_bytes)
        finally:
            os.close(read)

    def _make(self, read: int, target: str, found: os.stat_result) -> int:
        write, own_bytes = self.make_file(read, target)
        try:
            if self.owner is not None:
                os.fchown(write, *self.owner)
            mtime_ns = carried_mtime_ns(found.st_mtime_ns, begun_ns=self.begun_ns)
            os.utime(write, ns=(found.st_atime_ns, mtime_ns))
        finally:
            os.close(write)
        return own_bytes

    def _link(self, old: str, new: str, found: os.stat_result) -> bool:
        """Make `new` another name of `old`, if that is the same as the file that was `found`."""
        try:
            there = os.lstat(old)
            if (there.st_uid, there.st_gid) != (self.owner or (os.geteuid(), there.st_gid)):
                return False
            if not is_unchanged(
                size=found.st_size,
                mtime_ns=found.st_mtime_ns,
                old_size=there.st_size,
                old_mtime_ns=there.st_mtime_ns,
                old_ctime_ns=there.st_ctime_ns,
            ):
                return False
            os.link(old, new, follow_symlinks=False)
        except OSError as error:
            # No such file there, or one with all the names that a file may have (65,000 on ext4): then a copy.
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EMLINK, errno.EXDEV, errno.EPERM):
                return False
            raise
        return True
