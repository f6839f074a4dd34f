"""In which order replicas are asked: arithmetic on weights, lags and whose turn it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

__all__ = ["Candidate", "in_order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A replica."""

    alias: str
    weight: int = 1
    """How many turns of a round it gets; 0: only when no other can answer."""
    lag_bytes: int = 0
    """As far as it is known."""


def in_order(candidates: Sequence[Candidate], turn: int, *, least_lag: bool) -> list[str]:
    """The aliases, the one to be asked first in front.

    In turns by weight; with `least_lag` by lag, and in turns among those that lag alike.
    """
    first = _round(tuple(candidate.weight for candidate in candidates))
    start = first[turn % len(first)]
    rotated = [*candidates[start:], *candidates[:start]]
    # Stable, so that those alike stay in their turn.
    ordered = sorted(
        rotated, key=lambda candidate: (candidate.weight == 0, candidate.lag_bytes if least_lag else 0)
    )
    return [candidate.alias for candidate in ordered]


@cache
def _round(weights: tuple[int, ...]) -> tuple[int, ...]:
    """The indexes of one round, spread evenly: weights 3 and 1 give 0, 0, 1, 0.

    Each step all gain their weight, and the richest pays a whole round's worth for its turn.
    """
    total = sum(weights)
    if total == 0:
        return tuple(range(len(weights)))
    credit = [0] * len(weights)
    turns = []
    for _ in range(total):
        credit = [have + weight for have, weight in zip(credit, weights, strict=True)]
        richest = max(range(len(weights)), key=credit.__getitem__)
        credit[richest] -= total
        turns.append(richest)
    return tuple(turns)
