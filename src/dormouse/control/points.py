"""Points on the line of a branch: its head, a position in its WAL, a moment. Pure.

A position is a number of bytes here (`compute.wal.parse_lsn`), and text at the borders.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

__all__ = ["HEAD", "AtLsn", "AtTime", "Head", "Point"]


@dataclass(frozen=True, slots=True)
class Head:
    """All that was written until now."""


@dataclass(frozen=True, slots=True)
class AtLsn:
    """All that ends at or before a position in the WAL."""

    lsn: int


@dataclass(frozen=True, slots=True)
class AtTime:
    """All that was committed at or before a moment."""

    time: datetime


Point = Head | AtLsn | AtTime
"""Where on the line of a branch."""

HEAD: Final = Head()
