import pytest

from dormouse.compute.lifecycle import ComputeEvent, ComputeState, IllegalTransition, next_state

#          wake        became ready  start failed  stop        exited
PICTURE = """
asleep     starting    -             -             -           -
starting   -           ready         failed        -           -
ready      -           -             -             stopping    -
stopping   -           -             -             -           asleep
failed     starting    -             -             -           -
"""

ROWS = [
    (ComputeState(state), event, None if target == "-" else ComputeState(target))
    for state, *targets in (line.split() for line in PICTURE.split("\n") if line)
    for event, target in zip(ComputeEvent, targets, strict=True)
]


def test_the_picture_shows_every_pair() -> None:
    assert [(state, event) for state, event, _ in ROWS] == [
        (state, event) for state in ComputeState for event in ComputeEvent
    ]


@pytest.mark.parametrize(("state", "event", "target"), [row for row in ROWS if row[2] is not None])
def test_the_machine_is_that_of_the_picture(
    state: ComputeState, event: ComputeEvent, target: ComputeState
) -> None:
    assert next_state(state, event) is target


@pytest.mark.parametrize(("state", "event"), [row[:2] for row in ROWS if row[2] is None])
def test_what_is_not_in_the_picture_is_a_defect(state: ComputeState, event: ComputeEvent) -> None:
    with pytest.raises(IllegalTransition, match=f"{state} cannot take the event"):
        next_state(state, event)
