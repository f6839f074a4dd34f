"""The states of one compute, as a table.

Two rules. A compute that is not `asleep` or `failed` has, or is about to have, a process; so only one
transition out of these starts one, and all who wait for it get the same answer. And `failed` is `asleep`
with a reason: the next wake tries again.
"""

from enum import StrEnum
from typing import Final

__all__ = ["ComputeEvent", "ComputeState", "IllegalTransition", "next_state"]


class ComputeState(StrEnum):
    """What a compute is doing."""

    ASLEEP = "asleep"
    """No process has its directory. Ends with a wake."""
    STARTING = "starting"
    """A process is there and does not yet serve: a primary recovers, a replica replays what it missed."""
    READY = "ready"
    """A primary answers queries; a replica has replayed to its primary's last known end of WAL."""
    STOPPING = "stopping"
    """Told to stop, or ended unasked; its clients are being cut."""
    FAILED = "failed"
    """As asleep, and the last start did not succeed."""


class ComputeEvent(StrEnum):
    """What happens to a compute."""

    WAKE = "wake"
    BECAME_READY = "became ready"
    START_FAILED = "start failed"
    STOP = "stop"
    EXITED = "exited"
    """The process is gone, and what it left was looked at."""


class IllegalTransition(Exception):
    """A defect of ours: the event cannot happen in that state."""


_TABLE: Final[dict[tuple[ComputeState, ComputeEvent], ComputeState]] = {
    (ComputeState.ASLEEP, ComputeEvent.WAKE): ComputeState.STARTING,
    (ComputeState.FAILED, ComputeEvent.WAKE): ComputeState.STARTING,
    (ComputeState.STARTING, ComputeEvent.BECAME_READY): ComputeState.READY,
    (ComputeState.STARTING, ComputeEvent.START_FAILED): ComputeState.FAILED,
    (ComputeState.READY, ComputeEvent.STOP): ComputeState.STOPPING,
    (ComputeState.STOPPING, ComputeEvent.EXITED): ComputeState.ASLEEP,
}


def next_state(state: ComputeState, event: ComputeEvent) -> ComputeState:
    """Where `event` leads from `state`. Raises IllegalTransition for what is not in the table."""
    try:
        return _TABLE[state, event]
    except KeyError:
        raise IllegalTransition(f"a compute that is {state} cannot take the event {event!r}") from None
