import pytest

from dormouse.control.model import Endpoint, EndpointState
from dormouse.web.console.states import state_of, state_of_all
from fix_values import endpoint

IDLE, ACTIVE = EndpointState.IDLE, EndpointState.ACTIVE
ASLEEP, READY = endpoint(current_state=IDLE), endpoint(current_state=ACTIVE)
WAKING = endpoint(current_state=IDLE, pending_state=ACTIVE)


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (ASLEEP, "asleep"),
        (WAKING, "waking"),
        (READY, "ready"),
        (endpoint(current_state=ACTIVE, pending_state=IDLE), "falling asleep"),
        (endpoint(current_state=EndpointState.INIT, pending_state=ACTIVE), "being made"),
        (endpoint(disabled=True), "disabled"),
    ],
)
def test_state_of(one: Endpoint, word: str) -> None:
    assert state_of(one).word == word


@pytest.mark.parametrize(
    ("several", "word"),
    [([], "no compute"), ([ASLEEP], "asleep"), ([ASLEEP, WAKING], "waking"), ([WAKING, ASLEEP, READY], "ready")],
)
def test_the_liveliest_counts(several: list[Endpoint], word: str) -> None:
    assert state_of_all(several).word == word
