"""What a folder holds, and how much of that would be free without it."""

import os
from pathlib import Path
from typing import Final

from dormouse.storage.driver import Usage

__all__ = ["usage_of"]

_BLOCK: Final = 512
"""What `st_blocks` counts on Linux and macOS, whatever the blocks of the file system are."""


def usage_of(folder: Path) -> Usage:
    """Count the folder file by file; what vanishes meanwhile is left out, a folder that is not there is empty.

    A file with several names is counted once for each, but its own bytes only where all of them are in the folder.
    """
    files = size = own = 0
    elsewhere: dict[tuple[int, int], int] = {}
    for below, _, names in os.walk(folder):
        for name in names:
            try:
                found = (Path(below) / name).lstat()
            except FileNotFoundError:
                continue
            files += 1
            size += found.st_size
            identity = found.st_dev, found.st_ino
            left = elsewhere.get(identity, found.st_nlink) - 1
            if left:
                elsewhere[identity] = left
            else:
                own += found.st_blocks * _BLOCK
    return Usage(files=files, size_bytes=size, own_bytes=own)
