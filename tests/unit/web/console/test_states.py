from datetime import UTC, datetime

import pytest

from dormouse.control.model import Endpoint, EndpointState, EndpointType
from dormouse.names import BranchId, EndpointId, ProjectId
from dormouse.web.console.states import state_of, state_of_all

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def endpoint(now: EndpointState, pending: EndpointState | None = None, *, disabled: bool = False) -> Endpoint:
    return Endpoint(
        id=EndpointId("ep-a"),
        project_id=ProjectId("p"),
        branch_id=BranchId("br-a"),
        type=EndpointType.READ_WRITE,
        name="",
        autoscaling_limit_min_cu=0.25,
        autoscaling_limit_max_cu=0.25,
        suspend_timeout_seconds=0,
        disabled=disabled,
        created_at=NOW,
        updated_at=NOW,
        current_state=now,
        pending_state=pending,
    )


ASLEEP, READY = endpoint(EndpointState.IDLE), endpoint(EndpointState.ACTIVE)
WAKING = endpoint(EndpointState.IDLE, EndpointState.ACTIVE)


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (ASLEEP, "asleep"),
        (WAKING, "waking"),
        (READY, "ready"),
        (endpoint(EndpointState.ACTIVE, EndpointState.IDLE), "falling asleep"),
        (endpoint(EndpointState.INIT, EndpointState.ACTIVE), "being made"),
        (endpoint(EndpointState.IDLE, disabled=True), "disabled"),
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
