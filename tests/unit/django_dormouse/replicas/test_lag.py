"""How far a replica is behind, from what is known of its primary."""

import pytest

from django_dormouse.replicas.lag import Lag, Ledger, Limits
from django_dormouse.replicas.position import Position, Replayed


def at(lsn, incarnation="a"):
    return Position(incarnation=incarnation, lsn=lsn)


def replica(lsn, incarnation="a"):
    return Replayed(incarnation=incarnation, lsn=lsn)


def ledger(*entries):
    made = Ledger()
    for now, lsn in entries:
        made.note(at(lsn), now, from_primary=True)
    return made


@pytest.mark.parametrize(
    ("replayed", "now", "lag"),
    [
        (replica(300), 99, Lag(size_bytes=0, age_s=0)),
        (replica(400), 99, Lag(size_bytes=0, age_s=0)),
        # It lacks what was there at second 20, and has lacked it since then.
        (replica(250), 50, Lag(size_bytes=50, age_s=30)),
        (replica(150), 50, Lag(size_bytes=150, age_s=40)),
        (replica(50), 50, Lag(size_bytes=250, age_s=50)),
        (replica(None), 50, None),
        (replica(250, "b"), 50, None),
    ],
)
def test_lag(replayed, now, lag):
    assert ledger((0, 100), (10, 200), (20, 300)).lag_of(replayed, now) == lag


def test_nothing_known_is_no_lag_known():
    assert Ledger().lag_of(replica(5), 10) is None


def test_an_idle_primary_makes_nobody_lag():
    """However long ago its last transaction was."""
    assert ledger((0, 100)).lag_of(replica(100), 1e6) == Lag(size_bytes=0, age_s=0)


def test_what_is_known_already_says_nothing_new():
    entries = ledger((0, 100), (10, 100), (20, 90))

    assert entries.lag_of(replica(95), 30) == Lag(size_bytes=5, age_s=30)
    assert entries.last_noted() == 0


def test_many_positions_in_a_short_time_are_one():
    many = ledger(*((number / 1000, number * 10) for number in range(5000)))

    lag = many.lag_of(replica(0), 5.0)

    assert lag.size_bytes == 49990
    assert lag.age_s == pytest.approx(5.0, abs=0.2)


def test_a_restore_is_believed_of_the_primary_alone():
    entries = ledger((0, 100))
    entries.note(at(500, "gone"), 1, from_primary=False)
    assert entries.lag_of(replica(100), 2) == Lag(size_bytes=0, age_s=0)

    entries.note(at(50, "new"), 3, from_primary=True)
    assert entries.lag_of(replica(100), 4) is None
    assert entries.lag_of(replica(50, "new"), 4) == Lag(size_bytes=0, age_s=0)


def test_an_unknown_position_is_not_noted():
    entries = Ledger()
    entries.note(at(None), 1, from_primary=True)

    assert entries.last_noted() is None


@pytest.mark.parametrize(
    ("size_bytes", "age_s", "kept"), [(0, 0, True), (100, 10, True), (101, 10, False), (100, 10.1, False)]
)
def test_either_limit_is_enough(size_bytes, age_s, kept):
    assert Limits(size_bytes=100, age_s=10).are_kept(Lag(size_bytes=size_bytes, age_s=age_s)) is kept
