"""Plans are carried out on a small model of the world, and cut off wherever a kill can cut."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.planning import (
    Plan,
    PlanKind,
    Step,
    advance,
    plan_create_project,
    plan_create_replica,
    resume,
    undo,
)
from dormouse.names import BranchId, EndpointId, OperationId, ProjectId

EFFECTS: dict[Step, tuple[set[str], set[str]]] = {
    Step.TAKE_SPARE: ({"data"}, set()),
    Step.OPEN_BRANCH: ({"open branch"}, set()),
    Step.CLONE_PRIMARY: ({"replica data"}, set()),
    Step.OPEN_ENDPOINT: ({"open endpoint"}, set()),
    Step.REMOVE_PROJECT_FOLDER: (set(), {"data"}),
    Step.FORGET_PROJECT: (set(), {"records", "open branch"}),
    Step.REMOVE_REPLICA_FOLDER: (set(), {"replica data"}),
    Step.FORGET_ENDPOINT: (set(), {"records", "open endpoint"}),
}
"""What each step makes, and what it takes away."""

IDS = OperationId("op"), ProjectId("p"), BranchId("br-a"), EndpointId("ep-a")
CUTS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=4)
"""How many steps are done before a kill, and whether one more was done that the journal does not know of."""


def carry_out(plan: Plan, world: set[str], steps: int | None = None) -> Plan:
    while not plan.is_finished and steps != 0:
        perform(plan.next_step, world)
        plan = advance(plan)
        steps = None if steps is None else steps - 1
    return plan


def perform(step: Step, world: set[str]) -> None:
    made, taken = EFFECTS[step]
    world |= made
    world -= taken


def cut_off(plan: Plan, world: set[str], steps: int, *, one_more: bool) -> Plan:
    plan = carry_out(plan, world, steps)
    if one_more and not plan.is_finished:
        perform(plan.next_step, world)
    return plan


@pytest.mark.parametrize(
    ("make", "arrives"),
    [
        (plan_create_project, {"records", "data", "open branch"}),
        (plan_create_replica, {"records", "replica data", "open endpoint"}),
    ],
)
def test_a_plan_that_nothing_disturbs_arrives(make: Callable[..., Plan], arrives: set[str]) -> None:
    world = {"records"}

    carry_out(make(*IDS), world)

    assert world == arrives


@given(CUTS.filter(bool))
def test_a_project_that_was_cut_off_is_undone_however_often_that_is_cut_off(cuts: list[tuple[int, bool]]) -> None:
    world, plan = {"records"}, plan_create_project(*IDS)

    for steps, one_more in cuts:
        # A plan whose last step is known to be done is not in the journal any more.
        plan = resume(cut_off(plan, world, min(steps, len(plan.steps) - plan.done - 1), one_more=one_more))
    carry_out(plan, world)

    assert world == set()


@given(CUTS)
def test_a_replica_that_was_promised_is_made_however_often_it_is_cut_off(cuts: list[tuple[int, bool]]) -> None:
    world, plan = {"records"}, plan_create_replica(*IDS)

    for steps, one_more in cuts:
        plan = resume(cut_off(plan, world, steps, one_more=one_more))
    carry_out(plan, world)

    assert world == {"records", "replica data", "open endpoint"}


@pytest.mark.parametrize("make", [plan_create_project, plan_create_replica])
@given(steps=st.integers(0, 1), one_more=st.booleans(), cuts=CUTS)
def test_what_fails_is_taken_back_however_often_that_is_cut_off(
    make: Callable[..., Plan], steps: int, one_more: bool, cuts: list[tuple[int, bool]]
) -> None:
    world = {"records"}
    plan = undo(cut_off(make(*IDS), world, steps, one_more=one_more))
    assert plan is not None

    for each, more in cuts:
        plan = resume(cut_off(plan, world, each, one_more=more))
    carry_out(plan, world)

    assert world == set()


@pytest.mark.parametrize("make", [plan_create_project, plan_create_replica])
def test_what_takes_back_is_not_taken_back(make: Callable[..., Plan]) -> None:
    instead = undo(make(*IDS))

    assert instead is not None
    assert undo(instead) is None


@pytest.mark.parametrize("kind", PlanKind)
def test_every_plan_has_steps_and_an_end(kind: PlanKind) -> None:
    plan = Plan(id=IDS[0], kind=kind, project_id=IDS[1], branch_id=IDS[2], endpoint_id=IDS[3])

    assert plan.next_step is plan.steps[0]
    for _ in plan.steps:
        assert not plan.is_finished
        plan = advance(plan)
    assert plan.is_finished


def test_a_plan_that_is_resumed_is_for_the_same_operation() -> None:
    plan = resume(plan_create_project(*IDS))

    assert (plan.id, plan.project_id, plan.branch_id, plan.endpoint_id) == IDS
