"""Trees of hard links: a second name for files that nobody changes any more, at the cost of the names.

Legal for bases and archived segments only. A server writes its files in place, so one that was started in
such a tree would change the other as well.
"""

import errno
import os
import shutil
from pathlib import Path

from dormouse.storage.driver import Usage, Wanted, everything
from dormouse.storage.tree import make_folders

__all__ = ["link_tree"]


def link_tree(
    source: Path, target: Path, *, owner: tuple[int, int] | None = None, wanted: Wanted = everything
) -> Usage:
    """Make `target` a tree of hard links to the files of `source`; `target` must not exist, and is not synced.

    The folders are its own, 0700, and belong to `owner`. Both must be on one file system. A file that vanishes
    meanwhile is left out, and one that has all the names that it may have (65,000 on ext4) is copied. Raises
    OSError; what was made so far is then for the caller to delete.
    """
    count = size = own = 0
    for file in make_folders(source, target, owner, wanted):
        # Texts: to make paths of them takes as long as to make the links.
        old, new = f"{source}/{file}", f"{target}/{file}"
        try:
            os.link(old, new, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            own += _copy(old, new)
        count += 1
        size += os.lstat(new).st_size
    return Usage(files=count, size_bytes=size, own_bytes=own)


def _copy(source: str, target: str) -> int:
    """A file with the content, mode, times and owner of another one; returns its size in bytes."""
    shutil.copy2(source, target, follow_symlinks=False)
    found = os.lstat(source)
    os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    return found.st_size
