"""Which bases are kept, and when the next one is; the loop that does it is tried on a platform."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.historian import base_is_due, first_to_keep
from dormouse.control.history import Base
from dormouse.control.narrowing import earliest_of, narrow
from dormouse.control.past import LedgerEntry
from dormouse.names import Incarnation

MB = 1 << 20


@pytest.mark.parametrize(
    ("written", "data", "shares", "due"),
    [
        (0, 0, True, False),
        (64 * MB - 1, 0, True, False),
        (64 * MB, 0, True, True),
        # A base that shares its files costs what was changed, but leaves more pieces of a large file.
        (225 * MB - 1, 900 * MB, True, False),
        (225 * MB, 900 * MB, True, True),
        # However much there is, a restore is to take some seconds.
        (256 * MB - 1, 90_000 * MB, True, False),
        (256 * MB, 90_000 * MB, True, True),
        # A copy of little data still takes some time.
        (64 * MB, 0, False, False),
        (128 * MB - 1, 30 * MB, False, False),
        (128 * MB, 30 * MB, False, True),
        # And a copy of much data is made when half as much was written.
        (449 * MB, 900 * MB, False, False),
        (450 * MB, 900 * MB, False, True),
    ],
)
def test_when_a_base_is_due(written: int, data: int, shares: bool, due: bool) -> None:
    assert base_is_due(written, data, shares=shares) is due


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.integers(0, 1 << 30), st.booleans())
def test_the_more_was_written_the_sooner(written: int, data: int, more: int, shares: bool) -> None:
    if base_is_due(written, data, shares=shares):
        assert base_is_due(written + more, data, shares=shares)
        assert base_is_due(written, data, shares=True)


def at(second: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def bases(*lsns: int) -> list[Base]:
    return [Base(lsn, Path(f"{lsn:016X}"), lsn) for lsn in lsns]


def ledger(*entries: tuple[int, float]) -> list[LedgerEntry]:
    return [LedgerEntry(incarnation=Incarnation("0f" * 16), lsn=lsn, at=at(second)) for lsn, second in entries]


LEDGER = ledger((100, 0), (200, 10), (300, 20), (400, 30))


def each_takes(size: int, there: list[Base]) -> Callable[[Base], int]:
    return lambda first: size * sum(base >= first for base in there)


@pytest.mark.parametrize(
    ("there", "entries", "since", "most", "kept"),
    [
        ([], LEDGER, 0, 1000, None),
        ([100], LEDGER, 99, 1000, 100),
        # All are needed while even the first is younger.
        ([100, 200, 300], LEDGER, -1, 1000, 100),
        ([100, 200, 300], LEDGER, 0, 1000, 100),
        ([100, 200, 300], LEDGER, 9, 1000, 100),
        # From the second on each moment since then can be reached from the second.
        ([100, 200, 300], LEDGER, 10, 1000, 200),
        ([100, 200, 300], LEDGER, 19, 1000, 200),
        ([100, 200, 300], LEDGER, 99, 1000, 300),
        # It was written between two entries, and surely by the second.
        ([100, 150, 250], LEDGER, 19, 1000, 150),
        ([100, 150, 250], LEDGER, 20, 1000, 250),
        # Nobody knows by when.
        ([100, 500], LEDGER, 99, 1000, 100),
        ([100, 200], [], 99, 1000, 100),
        # Each takes 10: of too many the oldest go, and the newest stays whatever it takes.
        ([100, 200, 300], LEDGER, -1, 30, 100),
        ([100, 200, 300], LEDGER, -1, 29, 200),
        ([100, 200, 300], LEDGER, -1, 10, 300),
        ([100, 200, 300], LEDGER, -1, 0, 300),
        ([100, 200, 300], LEDGER, 10, 10, 300),
        ([100], LEDGER, -1, 0, 100),
    ],
)
def test_the_first_base_that_is_kept(
    there: list[int], entries: list[LedgerEntry], since: float, most: int, kept: int | None
) -> None:
    found = first_to_keep(
        bases(*there), entries, since=at(since), sizes=each_takes(10, bases(*there)), most_bytes=most
    )

    assert (None if found is None else found.lsn) == kept


def test_of_what_is_not_too_much_nothing_is_measured_twice() -> None:
    measured: list[int] = []

    def size(first: Base) -> int:
        measured.append(first.lsn)
        return 30 if first.lsn == 100 else 20

    first_to_keep(bases(100, 200, 300), LEDGER, since=at(-1), sizes=size, most_bytes=20)

    # It may mean a walk over all of its files.
    assert measured == [100, 200]


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(-5, 30)), min_size=1, max_size=10),
    st.lists(st.integers(0, 300), min_size=1, max_size=6, unique=True),
    st.integers(-20, 200),
    st.integers(0, 200),
)
def test_what_is_within_the_time_stays_reachable_though_the_clock_was_set_back(
    steps: list[tuple[int, int]], lsns: list[int], since: int, later: int
) -> None:
    there, lsn, second, noted = bases(*sorted(lsns)), 0, 0, []
    for wrote, passed in steps:
        lsn, second = lsn + wrote, second + passed
        noted.append((lsn, second))
    entries = ledger(*noted)
    moment = at(since + later)

    first = first_to_keep(there, entries, since=at(since), sizes=lambda _: 0, most_bytes=0)

    assert first is not None
    earliest, stretch = earliest_of(entries, there[0].lsn), narrow(entries, moment)
    # What could be reached from the oldest base can still be reached.
    if earliest is not None and earliest <= moment and stretch is not None and stretch.begin >= there[0].lsn:
        assert stretch.begin >= first.lsn
