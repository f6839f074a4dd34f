"""From a moment to a stretch of WAL, by what the ledger says of when how much had been written. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dormouse.control.past import LedgerEntry

__all__ = ["Stretch", "earliest_of", "narrow", "thinned", "time_of"]


_MOST: Final = 400
"""How many lines of its parent's ledger a branch gets."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where in the WAL the last commit at or before a moment is to be looked for."""

    begin: int
    """Whatever was committed up to here was committed before the moment."""
    end: int | None
    """Whatever was committed after here was committed after it; None is the head."""


def narrow(entries: Sequence[LedgerEntry], moment: datetime) -> Stretch | None:
    """The stretch in which `moment` lies; None if it is before the first entry. Entries come in the WAL's order.

    Should the clock have been set back, a moment that was there twice means its second time. How far it was set
    back is not known, only what it had come to by the next entry: the stretch goes on to there, wherever the clock
    went back later. An entry's time was taken after its position, so that a commit may lie behind the next entry
    and be as old as it: the stretch goes one further.
    """
    before = [number for number, entry in enumerate(entries) if entry.at <= moment]
    if not before:
        return None
    set_back = [
        number for number in range(before[-1] + 1, len(entries)) if entries[number].at <= entries[number - 1].at
    ]
    end = max([before[-1] + 2, *(number + 1 for number in set_back)])
    return Stretch(entries[before[-1]].lsn, entries[end].lsn if end < len(entries) else None)


def time_of(entries: Sequence[LedgerEntry], lsn: int) -> datetime | None:
    """By when `lsn` had surely been written; None if no entry is that far."""
    return next((entry.at for entry in entries if entry.lsn >= lsn), None)


def earliest_of(entries: Sequence[LedgerEntry], lsn: int) -> datetime | None:
    """The earliest moment that means `lsn` or what is behind it; None if no entry is that far.

    Not always the first that was noted: had the clock been set back, earlier ones followed.
    """
    return min((entry.at for entry in entries if entry.lsn >= lsn), default=None)


def thinned(entries: Sequence[LedgerEntry]) -> Sequence[LedgerEntry]:
    """Evenly, with the first and the last. With fewer a moment is looked for in more of the WAL."""
    step = -(-len(entries) // _MOST) or 1
    return [*entries[::step], *entries[-1:]]
