"""What a clone will cost, told before it is made: from one of some megabytes, made where the real one would be."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dormouse.storage.driver import Driver, Usage
from dormouse.storage.durable import sync_tree

__all__ = ["Cost", "Pace", "expected_cost", "measure_pace"]

_SMALL_FILES: Final = 200
_SMALL_BYTES: Final = 8 << 10
"""Most files of a data directory have one page."""
_LARGE_BYTES: Final = 16 << 20
_METADATA_BYTES: Final = 2 << 10
"""What each file takes beside its data: XFS was seen to use 0.6 kB, btrfs 1.1 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a driver is somewhere; times are in seconds, and include the sync that a clone ends with."""

    fixed_s: float
    """Of any clone, be it ever so small."""
    file_s: float
    byte_s: float
    shares: bool
    """A clone takes no second copy of the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one clone."""

    seconds: float
    bytes_on_disk: int


def expected_cost(pace: Pace, source: Usage) -> Cost:
    """What a clone of `source` would cost."""
    return Cost(
        seconds=pace.fixed_s + source.files * pace.file_s + source.size_bytes * pace.byte_s,
        bytes_on_disk=source.files * _METADATA_BYTES + (0 if pace.shares else source.size_bytes),
    )


def measure_pace(driver: Driver, folder: Path) -> Pace:
    """Clone some files in `folder`, which takes tenths of a second. Raises OSError, and leaves nothing."""
    with tempfile.TemporaryDirectory(prefix=".pace-", dir=folder) as name:
        work = Path(name)
        fixed_s, _ = _clone(driver, work / "one", _make_empty_file)
        small_s, _ = _clone(driver, work / "small", _make_small_files)
        large_s, made = _clone(driver, work / "large", _make_large_file)
    shares = made.own_bytes == 0
    return Pace(
        fixed_s=fixed_s,
        file_s=max(0.0, small_s - fixed_s) / _SMALL_FILES,
        # What is shared takes no longer for being long.
        byte_s=0.0 if shares else max(0.0, large_s - fixed_s) / _LARGE_BYTES,
        shares=shares,
    )


def _make_empty_file(source: Path) -> None:
    (source / "0").touch()


def _make_small_files(source: Path) -> None:
    for number in range(_SMALL_FILES):
        (source / str(number)).write_bytes(os.urandom(_SMALL_BYTES))


def _make_large_file(source: Path) -> None:
    (source / "0").write_bytes(os.urandom(_LARGE_BYTES))


def _clone(driver: Driver, source: Path, fill: Callable[[Path], None]) -> tuple[float, Usage]:
    """Seconds, and what the clone cost."""
    target = source.with_name(f"{source.name}-clone")
    source.mkdir()
    fill(source)
    sync_tree(source)
    began = time.perf_counter()
    made = driver.clone(source, target)
    sync_tree(target)
    return time.perf_counter() - began, made
