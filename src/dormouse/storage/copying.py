"""The driver that works everywhere: copying, in the kernel where it can.

`sendfile` lets the kernel do it without a trip through our memory (Linux); elsewhere it is plain reads and writes.
Not `copy_file_range`, which is no faster on ext4, and on XFS and btrfs shares the data without a word: whoever
asks for copies there, against the fragments that sharing leaves, is to get them.
"""

import errno
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dormouse.storage.cloning import clone_tree
from dormouse.storage.driver import Probe, Usage, Wanted, everything
from dormouse.storage.durable import begin_writing
from dormouse.storage.measuring import usage_of
from dormouse.storage.room import leave_room
from dormouse.storage.tree import delete_tree, stop_if_asked

__all__ = ["CopyDriver"]

_THREADS: Final = min(4, max(2, os.cpu_count() or 1))
"""Making a small file is the kernel's work, a core's worth for each thread; more only wait for one another."""

_PIECE_BYTES: Final = 4 << 20
"""After each of these the disk is set to work, and the clone may be stopped: some hundredths of a second."""

_WORTH_BEGINNING_BYTES: Final = 128 << 10
"""Of smaller files a sync at the end writes many at once; of a new project's, 33 of 1,271 are larger."""

_CANNOT_COPY_IN_THE_KERNEL: Final = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM})
"""An odd file system, a sandbox. What else goes wrong goes wrong for reads and writes as well."""


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
        over: Path | None = None,
        stop: threading.Event | None = None,
    ) -> Usage:
        """See `Driver.clone`."""

        def copy(read: int, path: str) -> tuple[int, int]:
            write = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                # A file system takes much longer to free what a file had than to write over it.
                count = _copy(read, write, stop)
                if os.fstat(write).st_size > count:
                    os.ftruncate(write, count)
                return write, count
            except BaseException:
                os.close(write)
                raise

        return clone_tree(
            source, target, copy, owner=owner, wanted=wanted, like=like, over=over, stop=stop, threads=_THREADS
        )

    def usage(self, folder: Path) -> Usage:
        """See `Driver.usage`."""
        return usage_of(folder)

    def delete(self, folder: Path) -> None:
        """See `Driver.delete`."""
        delete_tree(folder)


def _copy(read: int, write: int, stop: threading.Event | None) -> int:
    """Copy a file as long as it now is, and return how long that was.

    While we copy, the disk begins to write. The sync at the end has to wait for the last piece only: for 1 GB on
    ext4 both together take two thirds of the time.
    """
    size = os.fstat(read).st_size
    done = 0
    for count in _pieces(read, write, size):
        if size >= _WORTH_BEGINNING_BYTES:
            begin_writing(write, done, count)
        done += count
        stop_if_asked(stop)
    return done


def _pieces(read: int, write: int, size: int) -> Iterator[int]:
    """Copy piece by piece, each told by its length; ends early where the file became shorter."""
    left = size
    if sys.platform == "linux":
        try:
            while left:
                leave_room(write, min(left, _PIECE_BYTES))
                if not (count := os.sendfile(write, read, None, min(left, _PIECE_BYTES))):
                    break
                yield count
                left -= count
        except OSError as error:
            if left != size or error.errno not in _CANNOT_COPY_IN_THE_KERNEL:
                raise
        else:
            return
    while left and (chunk := os.read(read, min(left, _PIECE_BYTES))):
        leave_room(write, len(chunk))
        count = len(chunk)
        while chunk:
            chunk = chunk[os.write(write, chunk) :]
        yield count
        left -= count
