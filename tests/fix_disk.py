"""A disk that is small, and gets full."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def mounted(size_bytes: int) -> Iterator[Path | None]:
    """A file system of its own of that size; None where none can be mounted."""
    if os.geteuid() != 0:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="dormouse-test-"))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0711", "none", folder], capture_output=True
    )
    try:
        yield folder if done.returncode == 0 else None
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own with 400 MB."""
    with mounted(400 << 20) as folder:
        if folder is None:
            pytest.skip("a small file system cannot be mounted here; it needs root")
        yield folder


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
