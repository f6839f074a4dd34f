"""A disk that is small, and gets full."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own with 400 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = Path(tempfile.mkdtemp(prefix="dormouse-test-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m,mode=0711", "none", folder], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def fill(path: Path, *, leave_bytes: int) -> None:
    """Write until only so much is free, and stays so although a spare is being made meanwhile."""
    with path.open("wb") as file:
        calm_since = time.monotonic()
        while time.monotonic() - calm_since < 1.0:
            room = os.statvfs(path.parent)
            free = room.f_bavail * room.f_frsize
            if free > leave_bytes:
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), free - leave_bytes)
                calm_since = time.monotonic()
            time.sleep(0.05)
