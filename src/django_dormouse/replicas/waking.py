"""Whether a read may open a connection to a replica, which would wake it if it sleeps."""

from enum import Enum

__all__ = ["Waking", "may_open"]


class Waking(Enum):
    """`WAKE_REPLICAS`: what happens to a replica that sleeps."""

    AT_ONCE = "at-once"
    """The read that needs it waits for it, within the replica's deadline."""
    BACKGROUND = "background"
    """The read goes elsewhere, and a thread wakes it for the next ones."""
    NEVER = "never"
    """It sleeps until somebody asks for it by `using_replica()` or by name."""


_SURELY_AWAKE_S = 30.0
"""A compute sleeps a minute after its last query at the earliest, at Neon; one that is set to sleep sooner is
woken once too often."""


def may_open(waking: Waking, *, can_sleep: bool, seen_awake_s_ago: float | None) -> bool:
    """Whether a read may connect. `seen_awake_s_ago`: since this process heard of it; None if it never has."""
    if waking is Waking.AT_ONCE or not can_sleep:
        return True
    return seen_awake_s_ago is not None and seen_awake_s_ago < _SURELY_AWAKE_S
