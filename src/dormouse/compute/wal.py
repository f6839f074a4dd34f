"""Positions in the WAL, and whether a standby has come far enough. Pure."""

from typing import Final

__all__ = ["format_lsn", "has_replayed", "parse_lsn", "segment_names"]

_LONG_PAGE_HEADER_BYTES: Final = 40
"""The header of a segment's first page (`XLogLongPageHeaderData`, access/xlog_internal.h)."""


def parse_lsn(text: str) -> int:
    """`16/B374D848` as a number of bytes. Raises ValueError."""
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no LSN; expected two hex numbers, such as 0/1FA22C0")
    return (int(high, 16) << 32) + int(low, 16)


def format_lsn(lsn: int) -> str:
    """The form that Postgres prints."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def has_replayed(replayed: int, target: int, segment_bytes: int) -> bool:
    """Whether a standby at `replayed` lacks nothing of what was written before `target`.

    After a segment switch the next record's position stands just behind the header of a segment that has
    no record yet, and no standby can replay a header: the end of the segment before is then far enough.
    """
    if replayed >= target:
        return True
    into_segment = target % segment_bytes
    return into_segment <= _LONG_PAGE_HEADER_BYTES and replayed >= target - into_segment


def segment_names(begin: int, end: int, segment_bytes: int, timeline: int = 1) -> list[str]:
    """The files that hold the WAL from `begin` up to and with `end` (XLogFileName, access/xlog_internal.h)."""
    per_id = 0x1_0000_0000 // segment_bytes
    first, last = begin // segment_bytes, max(begin, end - 1) // segment_bytes
    return [f"{timeline:08X}{n // per_id:08X}{n % per_id:08X}" for n in range(first, last + 1)]
