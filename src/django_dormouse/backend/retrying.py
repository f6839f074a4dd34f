"""When to try again, and for how long: arithmetic on a clock, a chance and a sleep that are given.

One deadline holds for all tries together, and each try is told how much of it is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django_dormouse.backend.errors import Verdict

__all__ = ["Failure", "Retrying", "next_delay", "pause"]

Connection = TypeVar("Connection")

_BRIEF_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One try that failed."""

    tries: int
    """How many there were, this one included: 1, 2, …"""
    elapsed_s: float
    """Since the first one began."""
    verdict: Verdict


def next_delay(failure: Failure, *, deadline_s: float, chance: float) -> float | None:
    """Seconds to wait before the next try, or None if there is none.

    Doubles from 50 ms to one second, and `chance`, from 0 to 1, takes away up to half: many processes that lost
    the same server do not all come back in the same moment. A compute wakes in 50 to 500 ms, so the first waits
    are short; one second is a limit because a longer wait only makes the page slower.
    """
    if failure.verdict is Verdict.PERMANENT:
        return None
    if failure.verdict is Verdict.BRIEFLY and failure.tries >= _BRIEF_TRIES:
        return None
    delay = pause(failure.tries, chance)
    return delay if failure.elapsed_s + delay < deadline_s else None


def pause(tries: int, chance: float) -> float:
    """Seconds after so many tries: 50 ms, doubled each time up to one second; `chance` takes up to half away."""
    # The exponent is bounded so that a long outage does not end in an overflow.
    longest: float = min(1.0, 0.05 * 2 ** min(tries - 1, 10))
    return longest * (1.0 - chance / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A deadline, and the world that it runs in."""

    deadline_s: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float]

    def run(
        self,
        connect: Callable[[float], Connection],
        *,
        catch: type[Exception],
        judge: Callable[[Exception], Verdict],
        on_retry: Callable[[Failure, float, Exception], None],
    ) -> Connection:
        """What `connect` gives. It is called with the seconds left, and again after errors that pass.

        Raises what `connect` raised last, once the deadline is too near or the error is permanent; and
        at once what is not a `catch`. `on_retry` hears of each failure that is followed by another try.
        """
        started = self.clock()
        tries = 0
        while True:
            try:
                return connect(max(0.0, self.deadline_s - (self.clock() - started)))
            except catch as error:
                tries += 1
                failure = Failure(tries=tries, elapsed_s=self.clock() - started, verdict=judge(error))
                delay = next_delay(failure, deadline_s=self.deadline_s, chance=self.chance())
                if delay is None:
                    raise
                on_retry(failure, delay, error)
                self.sleep(delay)
