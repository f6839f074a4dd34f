import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.idling import BUSY_RECHECK_S, Ask, Busy, Sleep, Wait, at_deadline, before_asking

IDLE = Busy(backends=0, walsenders=0, autovacuum_workers=0)
SECONDS = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("now", "last_activity", "timeout_s", "expected"),
    [
        (1000.0, 1000.0, 300.0, Wait(1300.0)),
        (1299.9, 1000.0, 300.0, Wait(1300.0)),
        (1300.0, 1000.0, 300.0, Ask()),
        (9999.0, 1000.0, 300.0, Ask()),
        (1000.0, 1000.5, 1.0, Wait(1001.5)),
        (9999.0, 1000.0, None, None),
    ],
)
def test_the_server_is_asked_at_the_deadline(
    now: float, last_activity: float, timeout_s: float | None, expected: object
) -> None:
    assert before_asking(now, last_activity, timeout_s) == expected


@pytest.mark.parametrize(
    ("busy", "idle"),
    [
        (IDLE, True),
        (Busy(backends=1, walsenders=0, autovacuum_workers=0), False),
        (Busy(backends=0, walsenders=1, autovacuum_workers=0), False),
        (Busy(backends=0, walsenders=0, autovacuum_workers=1), False),
        (Busy(backends=0, walsenders=0, autovacuum_workers=0, subscriptions=1), False),
    ],
)
def test_what_keeps_a_compute_awake(busy: Busy, idle: bool) -> None:
    assert busy.is_idle is idle
    assert (at_deadline(1000.0, busy, 300.0) == Sleep()) is idle


@pytest.mark.parametrize(("timeout_s", "until"), [(300.0, 1000.0 + BUSY_RECHECK_S), (1.0, 1001.0)])
def test_a_busy_compute_is_asked_again_soon(timeout_s: float, until: float) -> None:
    busy = Busy(backends=1, walsenders=0, autovacuum_workers=0)

    assert at_deadline(1000.0, busy, timeout_s) == Wait(until)


def test_what_ended_a_while_ago_counts_from_its_end() -> None:
    """A long query, say, whose client has sent nothing since it began."""

    def idle_for(seconds: float) -> Busy:
        return Busy(backends=0, walsenders=0, autovacuum_workers=0, idle_for_s=seconds)

    assert at_deadline(1000.0, idle_for(20.0), 300.0) == Wait(1280.0)
    assert at_deadline(1000.0, idle_for(300.0), 300.0) == Sleep()


@given(SECONDS, SECONDS, st.floats(1, 1e6))
def test_a_wait_ends_later_and_then_the_server_is_asked(
    now: float, last_activity: float, timeout_s: float
) -> None:
    decided = before_asking(now, last_activity, timeout_s)

    if isinstance(decided, Wait):
        assert decided.until > now
        assert before_asking(decided.until, last_activity, timeout_s) == Ask()
