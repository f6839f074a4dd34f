"""Trying again, by a clock that stands still until someone sleeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dormouse.backend.errors import Verdict
from django_dormouse.backend.retrying import Failure, Retrying, next_delay


def delay(
    tries: int, *, elapsed: float = 0.0, verdict: Verdict = Verdict.TRANSIENT, chance: float = 0.0
) -> float | None:
    failure = Failure(tries=tries, elapsed_s=elapsed, verdict=verdict)
    return next_delay(failure, deadline_s=15.0, chance=chance)


@pytest.mark.parametrize(("tries", "expected"), [(1, 0.05), (2, 0.1), (3, 0.2), (5, 0.8), (6, 1.0), (9999, 1.0)])
def test_waits_double_up_to_a_second(tries, expected):
    assert delay(tries) == pytest.approx(expected)


def test_chance_takes_away_up_to_half():
    assert delay(6, chance=1.0) == 0.5


def test_there_is_no_next_try_past_the_deadline():
    assert delay(6, elapsed=13.9) is not None
    assert delay(6, elapsed=14.0) is None
    assert delay(1, elapsed=99.0) is None


def test_permanent_errors_are_not_tried_again():
    assert delay(1, verdict=Verdict.PERMANENT) is None


def test_some_errors_get_three_tries():
    assert [delay(tries, verdict=Verdict.BRIEFLY) is None for tries in (1, 2, 3)] == [False, False, True]


class World:
    """A clock, a sleep, and connections that fail as told."""

    def __init__(self, *outcomes: object, costs: float = 0.0) -> None:
        self.now = 100.0
        self.outcomes = list(outcomes)
        self.costs = costs
        self.told_left: list[float] = []
        self.retries: list[int] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def connect(self, left_s: float) -> object:
        self.told_left.append(round(left_s, 3))
        self.now += self.costs
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def run(self, deadline_s: float = 15.0) -> object:
        retrying = Retrying(deadline_s=deadline_s, clock=lambda: self.now, sleep=self.sleep, chance=lambda: 0.0)
        return retrying.run(
            self.connect,
            catch=OSError,
            judge=lambda error: Verdict.PERMANENT if "wrong" in str(error) else Verdict.TRANSIENT,
            on_retry=lambda failure, _delay, _error: self.retries.append(failure.tries),
        )


def test_gives_the_first_connection_that_succeeds():
    world = World(OSError("refused"), OSError("refused"), "connection")

    assert world.run() == "connection"
    assert world.told_left == [15.0, 14.95, 14.85]
    assert world.retries == [1, 2]


def test_raises_the_last_error_at_the_deadline():
    world = World(OSError("refused"))

    with pytest.raises(OSError, match="refused"):
        world.run()
    assert 114.0 < world.now < 115.0


def test_raises_a_permanent_error_at_once():
    world = World(OSError("wrong password"))

    with pytest.raises(OSError, match="wrong password"):
        world.run()
    assert world.now == 100.0


def test_raises_what_it_was_not_asked_to_catch():
    with pytest.raises(KeyError):
        World(KeyError("x")).run()


@given(deadline=st.floats(0.01, 100), costs=st.floats(0, 30))
def test_never_begins_a_try_after_the_deadline(deadline, costs):
    world = World(OSError("refused"), costs=costs)

    with pytest.raises(OSError, match="refused"):
        world.run(deadline)

    assert all(left > 0 for left in world.told_left)
    assert world.now <= 100 + deadline + costs + 0.001
