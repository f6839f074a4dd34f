"""What happens to the servers, and when: a list from a seed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random

LONGEST_LAG_S = 5.0
_BETWEEN_S = 1.8
"""Between two troubles, in the mean: a pause lasts longer than that, so that one replica or the other is in
trouble most of the time, and both are now and then."""
_RESTORE_EVERY_S = 60.0


class Kind(Enum):
    PAUSE = "replay paused"
    KILL = "replica killed"
    SUSPEND = "replica put to sleep"
    SUSPEND_PRIMARY = "primary put to sleep"
    RESTORE = "branch restored"


_WEIGHTS = {Kind.PAUSE: 12, Kind.KILL: 1, Kind.SUSPEND: 1, Kind.SUSPEND_PRIMARY: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that happens."""

    at_s: float
    kind: Kind
    replica: int = 0
    """Which one, where it is about a replica."""
    for_s: float = 0.0
    """How long a pause lasts."""


def troubles(chance: Random, duration_s: float) -> tuple[Trouble, ...]:
    """In their order. The branch is restored once a minute, and at least once, in the middle."""
    return tuple(sorted((*_random(chance, duration_s), *_restores(duration_s)), key=lambda each: each.at_s))


def _random(chance: Random, duration_s: float) -> Iterator[Trouble]:
    at_s = chance.expovariate(1 / _BETWEEN_S)
    while at_s < duration_s:
        [kind] = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        yield Trouble(at_s=at_s, kind=kind, replica=chance.randrange(2), for_s=chance.uniform(0.2, LONGEST_LAG_S))
        at_s += chance.expovariate(1 / _BETWEEN_S)


def _restores(duration_s: float) -> Iterator[Trouble]:
    count = max(1, round(duration_s / _RESTORE_EVERY_S))
    for number in range(count):
        yield Trouble(at_s=duration_s * (number + 0.5) / count, kind=Kind.RESTORE)
