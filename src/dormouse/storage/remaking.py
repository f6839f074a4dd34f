"""A clone of one folder made into a clone of another that has grown out of it, by what differs.

Most files of a data directory are never written to: they are what `initdb` made. Where a copy of the template lies
ready, a branch needs its own of the rest only, some dozens of a thousand.
"""

import contextlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from dormouse.storage.driver import Wanted, everything
from dormouse.storage.sameness import is_unchanged
from dormouse.storage.tree import largest_first, walk

__all__ = ["remake_folders"]

_Below = tuple[tuple[str, ...], Mapping[str, os.stat_result]]

_TEMPLATES: Final = 3
"""One for each Postgres that is in use. Each takes a quarter of a megabyte."""


def remake_folders(
    source: Path, target: Path, over: Path, owner: tuple[int, int] | None, wanted: Wanted
) -> list[str]:
    """Take from `target`, a clone of `over`, what `source` does not have in the same form; give it the folders of
    `source`, and return its wanted files that are to be made, relative to it, the largest first.

    Nobody writes to `over`. A file of it that was not cloned but put there is never taken for the same.
    """
    folders, files = _below(source, wanted)
    root = over.stat()
    old_folders, old = _below_unchanging(over, root.st_ino, root.st_ctime_ns)
    same = {name for name, now in files.items() if name in old and _is_same(now, old[name])}
    for name in old.keys() - files.keys():
        (target / name).unlink(missing_ok=True)
    for folder in reversed(old_folders):
        if folder not in folders:
            with contextlib.suppress(FileNotFoundError):
                (target / folder).rmdir()
    for folder in [each for each in folders if each not in old_folders]:
        (target / folder).mkdir(mode=0o700)
        if owner is not None:
            os.chown(target / folder, *owner)
    return largest_first((name, now) for name, now in files.items() if name not in same)


@lru_cache(maxsize=_TEMPLATES)
def _below_unchanging(root: Path, inode: int, changed_ns: int) -> _Below:  # noqa: ARG001 - which of that name
    """The same, of a folder that nobody writes to: a look at it takes a tenth of the time of a small clone."""
    return _below(root, everything)


def _below(root: Path, wanted: Wanted) -> _Below:
    """The folders, parents first, and the files."""
    folders = []
    files: dict[str, os.stat_result] = {}
    for folder, found in walk(root, wanted):
        folders.append(folder)
        files.update(found)
    return tuple(folders), files


def _is_same(now: os.stat_result, old: os.stat_result) -> bool:
    return is_unchanged(
        size=now.st_size,
        mtime_ns=now.st_mtime_ns,
        old_size=old.st_size,
        old_mtime_ns=old.st_mtime_ns,
        old_ctime_ns=old.st_ctime_ns,
    )
