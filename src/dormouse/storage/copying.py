"""The driver that works everywhere: copying, in the kernel where it can.

`copy_file_range` lets the kernel do it without a trip through our memory (Linux); elsewhere `sendfile` or
plain reads, by way of `shutil`.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dormouse.storage.driver import Probe, Usage

__all__ = ["CopyDriver"]

_THREADS = 4
"""A data directory is some thousand small files, so the time goes into system calls; more gains nothing."""


class CopyDriver:
    """Copies every byte; honest about what that costs."""

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
        wanted: Callable[[Path], bool] = lambda _: True,
    ) -> Usage:
        """See `Driver.clone`."""
        files: list[tuple[Path, Path]] = []
        for folder, names in _walk(source, wanted):
            made = target / folder
            made.mkdir(mode=0o700)
            if owner is not None:
                os.chown(made, *owner)
            files += [(source / folder / name, made / name) for name in names]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="clone") as pool:
            sizes = list(pool.map(lambda pair: _copy_file(pair[0], pair[1], owner), files))
        return Usage(files=len(files), size_bytes=sum(sizes))

    def usage(self, folder: Path) -> Usage:
        """See `Driver.usage`."""
        sizes = []
        for below, _, names in os.walk(folder):
            for name in names:
                try:
                    sizes.append((Path(below) / name).lstat().st_size)
                except FileNotFoundError:
                    continue
        return Usage(files=len(sizes), size_bytes=sum(sizes))

    def delete(self, folder: Path) -> None:
        """See `Driver.delete`."""
        while folder.exists():
            # Whatever vanishes while we are at it spares us the work; then from the start, for the rest.
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder)


def _walk(source: Path, wanted: Callable[[Path], bool]) -> Iterator[tuple[Path, list[str]]]:
    """Each wanted folder, parents first, with the names of its wanted files; symbolic links are followed not."""

    def unreadable(error: OSError) -> None:
        # `os.walk` would pass over it, and the clone would lack a folder without a word.
        if not isinstance(error, FileNotFoundError) or error.filename == str(source):
            raise error

    for below, folders, names in os.walk(source, onerror=unreadable):
        here = Path(below).relative_to(source)
        folders[:] = sorted(name for name in folders if wanted(here / name))
        yield here, sorted(name for name in names if wanted(here / name))


def _copy_file(source: Path, target: Path, owner: tuple[int, int] | None) -> int:
    """Copy one file with its size in bytes as the answer; 0 for one that vanished."""
    try:
        read = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return 0
    try:
        write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if owner is not None:
                os.fchown(write, *owner)
            return _copy_bytes(read, write)
        finally:
            os.close(write)
    finally:
        os.close(read)


def _copy_bytes(read: int, write: int) -> int:
    done = 0
    if hasattr(os, "copy_file_range"):
        try:
            while count := os.copy_file_range(read, write, 1 << 30):
                done += count
        except OSError:
            if done:
                raise
        else:
            return done
    while chunk := os.read(read, 1 << 20):
        done += len(chunk)
        while chunk:
            chunk = chunk[os.write(write, chunk) :]
    return done
