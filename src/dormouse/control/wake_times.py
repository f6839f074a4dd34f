"""How long computes took to wake, as a histogram counts it. Pure."""

from bisect import bisect_left
from itertools import accumulate
from math import inf
from typing import Final

__all__ = ["LIMITS_S", "WakeTimes"]

LIMITS_S: Final = (0.025, 0.05, 0.08, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, inf)
"""Of a bucket each. 0.08 is what a wake is to take at the median; a recovery may take minutes."""


class WakeTimes:
    """Since the platform started."""

    def __init__(self) -> None:
        self._counts = [0] * len(LIMITS_S)
        self.total_s = 0.0
        self.failures = 0

    def add(self, seconds: float | None) -> None:
        """One more start; None for one that failed."""
        if seconds is None:
            self.failures += 1
            return
        self._counts[bisect_left(LIMITS_S, seconds)] += 1
        self.total_s += seconds

    def buckets(self) -> tuple[tuple[float, int], ...]:
        """Of each limit, how many took no longer."""
        return tuple(zip(LIMITS_S, accumulate(self._counts), strict=True))
