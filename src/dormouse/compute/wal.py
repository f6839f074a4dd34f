"""Positions in the WAL, and whether a standby has come far enough. Pure."""

from typing import Final

__all__ = [
    "LONG_PAGE_HEADER_BYTES",
    "PAGE_BYTES",
    "RECORD_HEADER_BYTES",
    "format_lsn",
    "has_replayed",
    "page_header_bytes",
    "parse_lsn",
    "record_end",
    "segment_name",
    "segment_names",
    "segment_number",
]

LONG_PAGE_HEADER_BYTES: Final = 40
"""The header of a segment's first page (`XLogLongPageHeaderData`, access/xlog_internal.h)."""
_PAGE_HEADER_BYTES: Final = 24
"""The header of every other page (`XLogPageHeaderData`)."""
RECORD_HEADER_BYTES: Final = 24
"""The shortest record (`SizeOfXLogRecord`, access/xlogrecord.h)."""
PAGE_BYTES: Final = 8192
_ALIGNMENT: Final = 8


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
    return into_segment <= LONG_PAGE_HEADER_BYTES and replayed >= target - into_segment


def segment_number(lsn: int, segment_bytes: int) -> int:
    """Which segment holds the byte at `lsn`."""
    return lsn // segment_bytes


def segment_name(number: int, segment_bytes: int, timeline: int = 1) -> str:
    """The file of a segment (XLogFileName, access/xlog_internal.h): `000000010000000000000007`."""
    per_id = 0x1_0000_0000 // segment_bytes
    return f"{timeline:08X}{number // per_id:08X}{number % per_id:08X}"


def segment_names(begin: int, end: int, segment_bytes: int, timeline: int = 1) -> list[str]:
    """The files that hold the WAL from `begin` up to and with `end`."""
    first, last = segment_number(begin, segment_bytes), segment_number(max(begin, end - 1), segment_bytes)
    return [segment_name(number, segment_bytes, timeline) for number in range(first, last + 1)]


def page_header_bytes(page: int, segment_bytes: int) -> int:
    """How long the header of the page that begins at `page` is."""
    return _PAGE_HEADER_BYTES if page % segment_bytes else LONG_PAGE_HEADER_BYTES


def record_end(start: int, length: int, segment_bytes: int) -> int:
    """Where a record of `length` bytes that begins at `start` ends: the first byte after it, aligned.

    A record that crosses pages goes around their headers, which are longer on a segment's first page.
    """
    position, left = start, length
    while left > (room := PAGE_BYTES - position % PAGE_BYTES):
        left -= room
        position += room
        position += page_header_bytes(position, segment_bytes)
    end = position + left
    return end + -end % _ALIGNMENT
