"""Where a primary's log stood after a write, and whether a replica has come that far.

A position belongs to one *incarnation* of a branch: after a restore the log counts on from an earlier place, and
numbers from before mean nothing. Servers of this project and Neon's say theirs in the setting
`neon.timeline_id`; of a plain Postgres it is the system identifier with the timeline, which is another one after
each promotion and each recovery to a point in time.
"""

import re
from dataclasses import dataclass

__all__ = [
    "Position",
    "Replayed",
    "Token",
    "furthest",
    "has_replayed",
    "parse_lsn",
    "replayed_enough",
    "write_lsn",
]

_LSN = re.compile(r"([0-9A-F]{1,8})/([0-9A-F]{1,8})", re.IGNORECASE)
_POSITION = re.compile(r"([0-9a-zA-Z-]{0,64})_([0-9a-f]{1,16})?")

_PAGE = 8192
# Sizes of the two headers that a page of WAL begins with (xlog_internal.h, SizeOfXLogShortPHD and
# SizeOfXLogLongPHD).
_HEADERS = (0x18, 0x28)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the log of one incarnation. `lsn` None: somewhere, not known where, so no replica will do."""

    incarnation: str
    lsn: int | None

    def text(self) -> str:
        """As it travels: `0123abcd_3000060`."""
        return f"{self.incarnation}_{'' if self.lsn is None else format(self.lsn, 'x')}"

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """The position that `text()` wrote; None if it is none."""
        found = _POSITION.fullmatch(text)
        return cls(incarnation=found[1], lsn=int(found[2], 16) if found[2] else None) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is to be remembered of a user, in a cookie, a header or a task's arguments."""

    needs: Position | None = None
    """What a replica must have replayed before it may answer; None if anything will do."""
    replica: str | None = None
    """The alias of the replica that answered last, since `needs`: another one may be behind it."""

    def text(self) -> str:
        """`0123abcd_3000060`, `0123abcd_3000060@replica2`, `@replica2`; empty if there is nothing to remember."""
        return ("" if self.needs is None else self.needs.text()) + (f"@{self.replica}" if self.replica else "")

    @classmethod
    def parse(cls, text: str) -> "Token | None":
        """The token that `text()` wrote; None if it is none."""
        position, at, replica = text.partition("@")
        needs = Position.parse(position)
        if (needs is None and position) or (at and not replica):
            return None
        return cls(needs=needs, replica=replica or None)


def furthest(first: Position | None, second: Position | None) -> Position | None:
    """The position that covers both. Of two incarnations one is gone, and who knows which: then no replica will
    do."""
    if first is None or second is None:
        return second if first is None else first
    if first.lsn is None or second.lsn is None or first.incarnation != second.incarnation:
        return Position(incarnation=first.incarnation, lsn=None)
    return first if first.lsn >= second.lsn else second


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


def write_lsn(lsn: int) -> str:
    """A number as Postgres writes it: `16/B374D848`."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def has_replayed(replica: Replayed, needed: Position) -> bool:
    """Whether a reader who needs `needed` may be answered by `replica`. In doubt, no."""
    if replica.lsn is None or needed.lsn is None or replica.incarnation != needed.incarnation:
        return False
    return replica.lsn >= replayed_enough(needed.lsn)


def replayed_enough(lsn: int) -> int:
    """`lsn` with a page header before it taken off: what a replica that has replayed up to `lsn` says at least.

    The end of a primary's log is where the next record will begin, which on a fresh page is after the
    page's header. A standby that has replayed everything stands *before* that header until the next record
    comes, so an idle primary whose segment was just switched would never be caught up with. Taking the header
    off cannot make a position too low: no record begins or ends inside a header, and a record that ends at this
    very offset of a page (behind a short header) began on an earlier one, so that whoever has replayed up to
    this page's start has replayed it whole.
    """
    offset = lsn % _PAGE
    return lsn - offset if offset in _HEADERS else lsn
