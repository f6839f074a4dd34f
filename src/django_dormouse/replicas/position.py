"""Where a primary's log stood after a write, and whether a replica has come that far.

A position belongs to one *incarnation* of a branch: after a restore the log counts on from an earlier place, and
numbers from before mean nothing. Servers of this project and Neon's say theirs in the setting
`neon.timeline_id`; a plain Postgres has none, which counts as one incarnation.
"""

import re
from dataclasses import dataclass

__all__ = ["Position", "Replayed", "has_replayed", "parse_lsn"]

_LSN = re.compile(r"([0-9A-F]{1,8})/([0-9A-F]{1,8})", re.IGNORECASE)
_TOKEN = re.compile(r"([0-9a-zA-Z-]{0,64})_([0-9a-f]{1,16})?")

_PAGE = 8192
# Sizes of the two headers that a page of WAL begins with (xlog_internal.h, SizeOfXLogShortPHD and
# SizeOfXLogLongPHD).
_HEADERS = (0x18, 0x28)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the log of one incarnation. `lsn` None: somewhere, not known where, so no replica will do."""

    incarnation: str
    lsn: int | None

    def token(self) -> str:
        """As it travels in a cookie: `0123abcd_3000060`."""
        return f"{self.incarnation}_{'' if self.lsn is None else format(self.lsn, 'x')}"

    @classmethod
    def from_token(cls, token: str) -> "Position | None":
        """The position that `token()` wrote; None if it is none."""
        found = _TOKEN.fullmatch(token)
        return cls(incarnation=found[1], lsn=int(found[2], 16) if found[2] else None) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How far a replica says it has come. `lsn` None: it is no standby."""

    incarnation: str
    lsn: int | None


def parse_lsn(text: str | None) -> int | None:
    """`16/B374D848` as a number (manual, 8.20 pg_lsn Type); None as None. Raises ValueError."""
    if text is None:
        return None
    found = _LSN.fullmatch(text)
    if found is None:
        raise ValueError(f"no LSN: {text!r}")
    return int(found[1], 16) << 32 | int(found[2], 16)


def has_replayed(replica: Replayed, needed: Position) -> bool:
    """Whether a reader who needs `needed` may be answered by `replica`. In doubt, no."""
    if replica.lsn is None or needed.lsn is None or replica.incarnation != needed.incarnation:
        return False
    return replica.lsn >= _last_byte_written(needed.lsn)


def _last_byte_written(lsn: int) -> int:
    """`lsn` with a page header before it taken off, for comparison with a replay position.

    `pg_current_wal_insert_lsn()` says where the next record will begin, which on a fresh page is after the
    page's header. A standby that has replayed everything stands *before* that header until the next record
    comes, so an idle primary whose segment was just switched would never be caught up with. Taking the header
    off cannot make a position too low: no record begins or ends inside a header, and a record that ends at this
    very offset of a page (behind a short header) began on an earlier one, so that whoever has replayed up to
    this page's start has replayed it whole.
    """
    offset = lsn % _PAGE
    return lsn - offset if offset in _HEADERS else lsn
