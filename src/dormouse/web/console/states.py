"""What a compute does, in one word for people. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dormouse.control.model import Endpoint, EndpointState

__all__ = ["ASLEEP", "READY", "WAKING", "State", "state_of", "state_of_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A word, and how it is drawn: `ready`, `waking`, `asleep` or `bad`."""

    word: str
    kind: str


READY: Final = State(word="ready", kind="ready")
WAKING: Final = State(word="waking", kind="waking")
ASLEEP: Final = State(word="asleep", kind="asleep")
_STOPPING: Final = State(word="falling asleep", kind="waking")
_MADE: Final = State(word="being made", kind="waking")
_DISABLED: Final = State(word="disabled", kind="bad")
_NONE: Final = State(word="no compute", kind="asleep")


def state_of(endpoint: Endpoint) -> State:
    """Of one compute."""
    if endpoint.disabled:
        return _DISABLED
    match endpoint.current_state, endpoint.pending_state:
        case EndpointState.INIT, _:
            return _MADE
        case EndpointState.IDLE, EndpointState.ACTIVE:
            return WAKING
        case EndpointState.IDLE, _:
            return ASLEEP
        case _, EndpointState.IDLE:
            return _STOPPING
    return READY


def state_of_all(endpoints: Iterable[Endpoint]) -> State:
    """Of a branch or a project: that of its liveliest compute."""
    found = [state_of(each) for each in endpoints]
    for state in (READY, WAKING, _MADE, _STOPPING, ASLEEP, _DISABLED):
        if state in found:
            return state
    return _NONE
