"""The driver that works everywhere: copying, in the kernel where it can.

`copy_file_range` lets the kernel do it without a trip through our memory (Linux); elsewhere it is plain reads
and writes.
"""

import errno
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dormouse.storage.driver import Probe, Usage, Wanted, everything
from dormouse.storage.measuring import usage_of
from dormouse.storage.sameness import carried_mtime_ns, is_unchanged
from dormouse.storage.tree import delete_tree, make_folders, stop_if_asked, work_through

__all__ = ["CopyDriver"]

_THREADS: Final = 4
"""A data directory is some thousand small files, so the time goes into system calls; more gains nothing."""

_PIECE_BYTES: Final = 16 << 20
"""After each of these a clone may be stopped: some hundredths of a second."""

_CANNOT_COPY_IN_THE_KERNEL: Final = frozenset(
    {errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.ENOTTY}
)
"""Another file system, an old kernel, a sandbox. What else goes wrong goes wrong for reads and writes as well."""


class CopyDriver:
    """Copies every byte that it cannot share with an earlier clone; honest about what that costs."""

    name = "copy"

    def probe(self, folder: Path) -> Probe:
        """Copying works wherever files can be written."""
        return Probe(works=os.access(folder, os.W_OK), reason="copies every byte; works on every file system")

    def clone(
        self,
        source: Path,
        target: Path,
        *,
        owner: tuple[int, int] | None = None,
        wanted: Wanted = everything,
        like: Path | None = None,
        stop: threading.Event | None = None,
    ) -> Usage:
        """See `Driver.clone`."""
        begun_ns = time.time_ns()
        files = make_folders(source, target, owner, wanted)
        copy = _Copy(source=source, target=target, owner=owner, like=like, stop=stop, begun_ns=begun_ns)
        return work_through(files, copy.file, threads=_THREADS, stop=stop)

    def usage(self, folder: Path) -> Usage:
        """See `Driver.usage`."""
        return usage_of(folder)

    def delete(self, folder: Path) -> None:
        """See `Driver.delete`."""
        delete_tree(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """One clone being made."""

    source: Path
    target: Path
    owner: tuple[int, int] | None
    like: Path | None
    stop: threading.Event | None
    begun_ns: int

    def file(self, name: Path) -> Usage | None:
        """Copy or link one file, relative to both folders; None for one that vanished."""
        try:
            read = os.open(self.source / name, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            # Looked at before it is read: what changes from here on gets a later time than this.
            found = os.fstat(read)
            if self.like is not None and self._link(self.like / name, self.target / name, found):
                return Usage(files=1, size_bytes=found.st_size, own_bytes=0)
            size = self._copy(read, self.target / name, found)
            return Usage(files=1, size_bytes=size, own_bytes=size)
        finally:
            os.close(read)

    def _link(self, old: Path, new: Path, found: os.stat_result) -> bool:
        """Make `new` another name of `old`, if that is the same as the file that was `found`."""
        try:
            there = old.lstat()
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

    def _copy(self, read: int, target: Path, found: os.stat_result) -> int:
        write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if self.owner is not None:
                os.fchown(write, *self.owner)
            size = self._copy_bytes(read, write)
            os.utime(write, ns=(found.st_atime_ns, carried_mtime_ns(found.st_mtime_ns, begun_ns=self.begun_ns)))
        finally:
            os.close(write)
        return size

    def _copy_bytes(self, read: int, write: int) -> int:
        done = 0
        if hasattr(os, "copy_file_range"):
            try:
                while count := os.copy_file_range(read, write, _PIECE_BYTES):
                    done += count
                    stop_if_asked(self.stop)
            except OSError as error:
                if done or error.errno not in _CANNOT_COPY_IN_THE_KERNEL:
                    raise
            else:
                return done
        while chunk := os.read(read, 1 << 20):
            done += len(chunk)
            stop_if_asked(self.stop)
            while chunk:
                chunk = chunk[os.write(write, chunk) :]
        return done
