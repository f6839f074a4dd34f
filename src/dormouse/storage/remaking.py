"""A clone of one folder made into a clone of another that has grown out of it, by what differs.

Most files of a data directory are never written to: they are what `initdb` made. Where a copy of the template lies
ready, a branch needs its own of the rest only, some dozens of a thousand.
"""

import contextlib
import os
from pathlib import Path

from dormouse.storage.driver import Wanted, everything
from dormouse.storage.sameness import is_unchanged
from dormouse.storage.tree import walk

__all__ = ["remake_folders"]


def remake_folders(
    source: Path, target: Path, over: Path, owner: tuple[int, int] | None, wanted: Wanted
) -> list[str]:
    """Take from `target`, a clone of `over`, what `source` does not have in the same form; give it the folders of
    `source`, and return its wanted files that are to be made, relative to it, the largest first.

    Nobody writes to `over`. A file of it that was not cloned but put there is never taken for the same.
    """
    folders: set[Path] = set()
    files: list[tuple[int, str]] = []
    for folder, found in walk(source, wanted):
        folders.add(folder)
        files += found
    same = {name for _, name in files if _is_same(f"{source}/{name}", f"{over}/{name}")}
    there = list(walk(over, everything))
    for _, found in there:
        for _, name in found:
            if name not in same:
                (target / name).unlink(missing_ok=True)
    for folder, _ in reversed(there):
        if folder not in folders:
            with contextlib.suppress(FileNotFoundError):
                (target / folder).rmdir()
    for folder in sorted(folders - {folder for folder, _ in there}):
        (target / folder).mkdir(mode=0o700)
        if owner is not None:
            os.chown(target / folder, *owner)
    files.sort(key=lambda file: -file[0])
    return [name for _, name in files if name not in same]


def _is_same(now: str, old: str) -> bool:
    try:
        found, there = os.lstat(now), os.lstat(old)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return is_unchanged(
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        old_size=there.st_size,
        old_mtime_ns=there.st_mtime_ns,
        old_ctime_ns=there.st_ctime_ns,
    )
