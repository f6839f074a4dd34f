"""Where the homes of tests lie: in memory, if there is plenty.

A home is a thousand files for each server, and lives for seconds. On the ext4 of a small virtual machine, which
has no journal, a file costs 2 ms where others were deleted a minute ago (`recently_deleted`, fs/ext4/ialloc.c):
there a run of all tests takes three times as long. What is about file systems goes to `on_disk`, and `make soak`
stays there.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import psutil

__all__ = ["in_memory", "on_disk", "remove"]

_MEMORY: Final = Path("/dev/shm")
_ENOUGH_BYTES: Final = 6 << 30
"""Two workers with the largest of the tests take 3 GB at a time."""

_DISK: Final = "DORMOUSE_TEST_DISK"


def on_disk() -> str:
    """The folder for temporary files as the system has it."""
    return os.environ.get(_DISK) or tempfile.gettempdir()


def in_memory() -> Path | None:
    """Let temporary files be made in memory from now on, by this process and its children; None if that cannot be.

    Not where a folder was chosen by TMPDIR.
    """
    if sys.platform != "linux" or "TMPDIR" in os.environ or not _is_roomy():
        return None
    for left in _MEMORY.glob("dm-*"):
        if not psutil.pid_exists(int(left.name.removeprefix("dm-"))):
            shutil.rmtree(left, ignore_errors=True)
    folder = _MEMORY / f"dm-{os.getpid()}"
    folder.mkdir(mode=0o711)
    os.environ |= {_DISK: tempfile.gettempdir(), "TMPDIR": str(folder)}
    tempfile.tempdir = str(folder)
    return folder


def remove(folder: Path) -> None:
    """With all that tests left there."""
    for name in ("TMPDIR", _DISK):
        os.environ.pop(name, None)
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)


def _is_roomy() -> bool:
    with contextlib.suppress(OSError):
        room = os.statvfs(_MEMORY)
        free = room.f_bavail * room.f_frsize
        return min(free, psutil.virtual_memory().available) >= _ENOUGH_BYTES
    return False
