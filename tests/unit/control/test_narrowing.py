"""What a ledger says of moments, against histories in which clocks are set and commits overtake each other."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dormouse.control.narrowing import Stretch, earliest_of, narrow, time_of
from dormouse.control.past import LedgerEntry
from dormouse.names import Incarnation

Seconds = list[tuple[int, int, int]]


def at(second: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def ledger(*entries: tuple[int, float]) -> list[LedgerEntry]:
    return [LedgerEntry(incarnation=Incarnation("0f" * 16), lsn=lsn, at=at(second)) for lsn, second in entries]


IN_ORDER = ledger((100, 0), (200, 10), (300, 20), (400, 30), (500, 40))
SET_BACK = ledger((100, 0), (200, 10), (300, 20), (400, 13), (500, 23), (600, 33))


@pytest.mark.parametrize(
    ("entries", "second", "expected"),
    [
        ([], 0, None),
        (IN_ORDER, -1, None),
        (IN_ORDER, 0, Stretch(100, 300)),
        (IN_ORDER, 9.999_999, Stretch(100, 300)),
        (IN_ORDER, 10, Stretch(200, 400)),
        (IN_ORDER, 29, Stretch(300, 500)),
        # What was written since the last entry but one is looked through up to the head.
        (IN_ORDER, 30, Stretch(400, None)),
        (IN_ORDER, 99, Stretch(500, None)),
        (IN_ORDER[:1], 5, Stretch(100, None)),
        # 13 to 20 were there twice, and mean their second time.
        (SET_BACK, 13, Stretch(400, 600)),
        (SET_BACK, 17, Stretch(400, 600)),
        (SET_BACK, 25, Stretch(500, None)),
        # When the clock was set back it may have been set to 12, or to 5, and 13 was noted a second later.
        (SET_BACK, 12, Stretch(200, 500)),
        (SET_BACK, 5, Stretch(100, 500)),
        (SET_BACK, -1, None),
    ],
)
def test_the_stretch_of_a_moment(entries: list[LedgerEntry], second: float, expected: Stretch | None) -> None:
    assert narrow(entries, at(second)) == expected


@pytest.mark.parametrize(
    ("entries", "lsn", "second"),
    [
        ([], 0, None),
        (IN_ORDER, 0, 0),
        (IN_ORDER, 100, 0),
        (IN_ORDER, 101, 10),
        (IN_ORDER, 500, 40),
        (IN_ORDER, 501, None),
        (SET_BACK, 300, 20),
        (SET_BACK, 301, 13),
    ],
)
def test_by_when_a_position_had_been_written(entries: list[LedgerEntry], lsn: int, second: float | None) -> None:
    assert time_of(entries, lsn) == (None if second is None else at(second))


@pytest.mark.parametrize(
    ("entries", "lsn", "second"),
    [
        ([], 0, None),
        (IN_ORDER, 0, 0),
        (IN_ORDER, 101, 10),
        (IN_ORDER, 501, None),
        # At 20 it was there, and again at 13, which is the earlier moment that can be gone back to.
        (SET_BACK, 201, 13),
        (SET_BACK, 300, 13),
        (SET_BACK, 200, 10),
        (SET_BACK, 401, 23),
    ],
)
def test_the_earliest_moment_that_is_behind_a_position(
    entries: list[LedgerEntry], lsn: int, second: float | None
) -> None:
    assert earliest_of(entries, lsn) == (None if second is None else at(second))


@dataclass(slots=True)
class World:
    """A branch that is written to, second by second, and whose ledger gets an entry every third."""

    second: int = 0
    """That have truly passed."""
    clock: float = 0
    """What the machine takes the time for."""
    lsn: int = 8
    late: list[float] = field(default_factory=list)
    commits: list[tuple[int, float]] = field(default_factory=list)
    """Where each ends, and when it says it was."""
    noted: dict[int, float] = field(default_factory=dict)
    """The ledger: of one position it has the last time only."""

    def entries(self) -> list[LedgerEntry]:
        """With what is known of the present."""
        return ledger(*self.noted.items(), (self.lsn, self.clock + 0.75))

    def live(self, commits: int, late: int, set_by: int) -> None:
        """For a second: the clock may be set, some commit at once, others say the time and are written later."""
        self.second += 1
        self.clock += 1 + set_by
        for stamp in self.late:
            self._write(stamp)
        sampled = self.lsn
        for _ in range(commits):
            self._write(self.clock)
        self.late = [self.clock + 0.25] * late
        # Of an entry the position was looked at first, and the clock then.
        if self.second % 3 == 1:
            self.noted[sampled] = self.clock + 0.5

    def _write(self, stamp: float) -> None:
        self.lsn += 8
        self.commits.append((self.lsn, stamp))


STILL = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.just(0)), max_size=30)
"""Seconds in which nobody sets the clock."""
JUMPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 20)), max_size=30)
"""Seconds in which it may be set forward."""
MANY = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from([0, 0, 0, 5])), min_size=8, max_size=30
)
"""Many of them."""


def lived(seconds: Seconds) -> World:
    world = World()
    for each in seconds:
        world.live(*each)
    return world


def check_nothing_is_lost(world: World, moment: float) -> None:
    """The last commit at or before a moment, in the order of the WAL, is not behind the stretch."""
    entries = world.entries()
    stretch = narrow(entries, at(moment))

    if stretch is None:
        assert all(moment < noted for noted in world.noted.values())
        return
    last = max((end for end, stamp in world.commits if stamp <= moment), default=0)
    assert stretch.end is None or last <= stretch.end
    # And the stretch begins no later than the moment.
    number = next(number for number, entry in enumerate(entries) if entry.lsn >= stretch.begin)
    assert any(entry.at <= at(moment) for entry in entries[number:])


@given(JUMPS, st.integers(-5, 120))
def test_the_last_commit_before_a_moment_is_in_its_stretch(seconds: Seconds, moment: int) -> None:
    world = lived(seconds)
    stretch = narrow(world.entries(), at(moment))

    check_nothing_is_lost(world, moment)
    later = [end for end, stamp in world.commits if stamp > moment]
    assert stretch is None or all(end > stretch.begin for end in later)


@given(MANY, st.integers(-30, -1), STILL, st.integers(-15, 60))
@example(seconds=[(1, 0, 0)] * 10, back=-9, after=[(1, 0, 0)] * 6, moment=2)
def test_it_is_so_though_the_clock_was_set_back(seconds: Seconds, back: int, after: Seconds, moment: int) -> None:
    # By the next entry it is only a few seconds further: set back and forth between two, it would go unseen.
    world = lived([*seconds, (1, 1, back), *after])

    check_nothing_is_lost(world, moment)


BUSY = st.lists(st.tuples(st.integers(1, 2), st.integers(0, 1), st.just(0)), max_size=30)


@given(BUSY, st.integers(0, 30))
def test_the_stretch_is_short(seconds: Seconds, moment: int) -> None:
    world = lived(seconds)

    stretch = narrow(world.entries(), at(moment))

    # Three seconds between entries: it begins within them, and ends one entry further.
    if stretch is not None:
        inside = [stamp for end, stamp in world.commits if stretch.begin < end <= (stretch.end or world.lsn)]
        assert all(moment - 4 <= stamp <= moment + 7 for stamp in inside)
