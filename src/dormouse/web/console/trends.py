"""What computes did in the last minutes, as far as somebody looked: samples, and the lines drawn of them. Pure.

Nothing is measured while nobody looks. Two who look at once measure into the same trend.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from dormouse.control.model import ReplicaLag, Vitals
from dormouse.names import EndpointId

__all__ = ["Chart", "Sample", "Trends", "chart", "rates"]

SAMPLES: Final = 60
"""Two minutes, at one in two seconds."""
_MOST_COMPUTES: Final = 500
_SOONEST_S: Final = 0.9
"""A sample sooner than this after the last says nothing new, and a rate over so short a time jumps."""
_LONGEST_GAP_S: Final = 15.0
"""Nobody looked for longer: what was before is another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was found at one moment; None where nothing was."""

    at: float
    """Seconds, by a clock that goes only forward."""
    connections: int | None = None
    transactions: int | None = None
    lag_bytes: int | None = None
    lag_ms: int | None = None


@dataclass(slots=True)
class Trends:
    """By compute; the one that was looked at longest ago goes first."""

    _samples: dict[EndpointId, deque[Sample]] = field(default_factory=dict)

    def add(self, endpoint: EndpointId, vitals: Vitals, lag: ReplicaLag | None, at: float) -> tuple[Sample, ...]:
        """One more sample; all that there are now, oldest first."""
        kept = self._samples.pop(endpoint, None)
        if kept is None or at - kept[-1].at > _LONGEST_GAP_S:
            kept = deque(maxlen=SAMPLES)
        self._samples[endpoint] = kept
        if len(self._samples) > _MOST_COMPUTES:
            del self._samples[next(iter(self._samples))]
        if not kept or at - kept[-1].at >= _SOONEST_S:
            kept.append(
                Sample(
                    at=at,
                    connections=vitals.connections,
                    transactions=vitals.transactions,
                    lag_bytes=None if lag is None else lag.lag_bytes,
                    lag_ms=None if lag is None else lag.lag_ms,
                )
            )
        return tuple(kept)


def rates(samples: Sequence[Sample]) -> list[float | None]:
    """Transactions per second at each sample; None at the first, and around a sleep."""
    found: list[float | None] = [None] if samples else []
    for before, after in pairwise(samples):
        if before.transactions is None or after.transactions is None:
            found.append(None)
        else:
            # After a crash the server counts from zero.
            done = max(0, after.transactions - before.transactions)
            found.append(done / (after.at - before.at))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A line as SVG wants it."""

    lines: tuple[str, ...]
    """Points of the pieces of the line, `x,y x,y …`: it is broken where nothing was found."""
    width: int
    height: int


def chart(values: Sequence[float | None], *, width: int = 240, height: int = 48) -> Chart:
    """The values from left to right, the newest at the right edge, the largest at the top."""
    peak = max((each for each in values if each is not None), default=0.0)
    step = width / (SAMPLES - 1)
    left = width - step * (len(values) - 1)
    lines: list[str] = []
    points: list[str] = []
    for at, value in enumerate(values):
        if value is None:
            lines, points = _closed(lines, points), []
            continue
        y = height - 2 - (value / peak * (height - 4) if peak else 0)
        points.append(f"{left + step * at:.1f},{y:.1f}")
    return Chart(
        lines=tuple(_closed(lines, points)),
        width=width,
        height=height,
    )


def _closed(lines: list[str], points: list[str]) -> list[str]:
    return [*lines, " ".join(points)] if points else lines
