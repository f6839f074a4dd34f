"""Trees of hard links: a second name for files that nobody changes any more, at the cost of the names.

Legal for bases and archived segments only. A server writes its files in place, so one that was started in
such a tree would change the other as well.
"""

import os
from pathlib import Path

from dormouse.storage.driver import Usage, Wanted, everything
from dormouse.storage.tree import make_folders

__all__ = ["link_tree"]


def link_tree(
    source: Path, target: Path, *, owner: tuple[int, int] | None = None, wanted: Wanted = everything
) -> Usage:
    """Make `target` a tree of hard links to the files of `source`; `target` must not exist, and is not synced.

    The folders are its own, 0700, and belong to `owner`. Both must be on one file system. A file that vanishes
    meanwhile is left out. Raises OSError; what was made so far is then for the caller to delete.
    """
    count = size = 0
    for file in make_folders(source, target, owner, wanted):
        try:
            os.link(source / file, target / file, follow_symlinks=False)
        except FileNotFoundError:
            continue
        count += 1
        size += (target / file).lstat().st_size
    return Usage(files=count, size_bytes=size, own_bytes=0)
