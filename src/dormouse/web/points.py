"""Points on the line of a branch as requests write them and answers show them: an LSN, or a moment. Pure."""

import re
from datetime import datetime
from typing import Final

from dormouse.control.points import HEAD, AtLsn, AtTime, Point

__all__ = ["lsn_text", "parse_lsn", "point_of"]

_LSN: Final = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})", re.ASCII)


def parse_lsn(text: str) -> int:
    """`16/B374D848` as a number of bytes. Raises ValueError for what Postgres's `pg_lsn` would not take."""
    parts = _LSN.fullmatch(text)
    if parts is None:
        raise ValueError("is not an LSN like 0/1FA22C0")
    high, low = parts.groups()
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(lsn: int) -> str:
    """The form that Postgres prints."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def point_of(lsn: int | None, moment: datetime | None) -> Point:
    """The point that was asked for; the head, if none was. Raises ValueError for two."""
    if lsn is not None and moment is not None:
        raise ValueError("an LSN and a moment cannot be given at once")
    if lsn is not None:
        return AtLsn(lsn)
    return HEAD if moment is None else AtTime(moment)
