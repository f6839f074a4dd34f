"""Rounds, medians and ratios: what a figure on a shared machine is worth."""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours over the peer's, round by round: the median, and the bounds that hold 95 % of resampled medians."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} × [{self.low:.2f}, {self.high:.2f}]"


def ratio_of(ours: Sequence[float], peers: Sequence[float]) -> Ratio:
    """Of figures that were taken in turn."""
    rounds = [mine / theirs for mine, theirs in zip(ours, peers, strict=True)]
    chance = random.Random(7)
    medians = sorted(statistics.median(chance.choices(rounds, k=len(rounds))) for _ in range(2000))
    return Ratio(statistics.median(rounds), medians[50], medians[-51])


def in_turn(rounds: int, ours: Callable[[], float], peer: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Ours, the peer's, ours, the peer's, …, each after a warm-up; the order changes every round."""
    ours(), peer()
    mine, theirs = [], []
    for number in range(rounds):
        if number % 2:
            theirs.append(peer())
            mine.append(ours())
        else:
            mine.append(ours())
            theirs.append(peer())
    return mine, theirs


def in_slices(
    rounds: int, slices: int, ours: Callable[[], float], peer: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """As `in_turn`, each round being the sum of so many short slices that take turns.

    What disturbs a shared machine lasts longer than a slice, and so falls on both.
    """
    mine, theirs = in_turn(rounds * slices, ours, peer)
    return _summed(mine, slices), _summed(theirs, slices)


def _summed(values: Sequence[float], size: int) -> list[float]:
    return [sum(values[start : start + size]) for start in range(0, len(values), size)]


def timed_ms(work: Callable[[], object]) -> float:
    """How long it took."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def spread(values: Sequence[float], unit: str = "ms") -> str:
    """Median, and the 95th percentile."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    return f"{statistics.median(values):.0f} {unit} p50, {high:.0f} {unit} p95 of {len(values)}"


def cpu_ms(work: Callable[[], object]) -> float:
    """How much of a core this thread took for it, whatever else the machine does."""
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1000
