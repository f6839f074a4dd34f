"""Plans are carried out on a small model of the world, and cut off wherever a kill can cut."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.planning import (
    Origin,
    Plan,
    PlanKind,
    Step,
    advance,
    resume,
    undo,
)
from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId

EFFECTS: dict[Step, tuple[set[str], set[str]]] = {
    Step.TAKE_SPARE: ({"data"}, set()),
    Step.CLONE_BRANCH: ({"branch data"}, set()),
    Step.COPY_SCHEMA: ({"branch data"}, set()),
    Step.OPEN_BRANCH: ({"open branch", "open endpoint"}, set()),
    Step.LINK_HISTORY: ({"history"}, set()),
    Step.BUILD_INCARNATION: ({"new data"}, set()),
    Step.SWAP_INCARNATION: ({"restored"}, {"resetting"}),
    Step.REMOVE_INCARNATION: (set(), {"new data"}),
    Step.REOPEN_BRANCH: (set(), {"resetting"}),
    Step.CLONE_SNAPSHOT: ({"snapshot data"}, set()),
    Step.OPEN_SNAPSHOT: ({"open snapshot"}, set()),
    Step.REMOVE_SNAPSHOT_FOLDER: (set(), {"snapshot data"}),
    Step.FORGET_SNAPSHOT: (set(), {"snapshot", "open snapshot"}),
    Step.FORGET_KEPT: (set(), {"kept"}),
    Step.CLONE_PRIMARY: ({"replica data"}, set()),
    Step.OPEN_ENDPOINT: ({"open endpoint"}, set()),
    Step.CLOSE_ENDPOINTS: (set(), {"endpoint", "open endpoint"}),
    Step.REMOVE_PROJECT_FOLDER: (set(), {"data"}),
    Step.REMOVE_BRANCH_FOLDER: (set(), {"branch data", "history"}),
    Step.REMOVE_REPLICA_FOLDER: (set(), {"replica data"}),
    Step.FORGET_PROJECT: (set(), {"owner", "open branch"}),
    Step.FORGET_BRANCH: (set(), {"owner", "open branch"}),
}
"""What each step makes, and what it takes away."""

IDS = OperationId("op"), ProjectId("p"), BranchId("br-a"), EndpointId("ep-a")
CUTS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=4)
"""How many steps are done before a kill, and whether one more was done that the journal does not know of."""


MADE = {
    PlanKind.CREATE_PROJECT: ({"owner", "endpoint"}, {"data", "open branch", "open endpoint"}),
    PlanKind.CREATE_BRANCH: ({"owner", "endpoint"}, {"branch data", "open branch", "open endpoint", "history"}),
    PlanKind.CREATE_SCHEMA_BRANCH: ({"owner", "endpoint"}, {"branch data", "open branch", "open endpoint"}),
    PlanKind.CREATE_SNAPSHOT: ({"snapshot"}, {"snapshot data", "open snapshot"}),
    PlanKind.CREATE_REPLICA: ({"endpoint"}, {"replica data", "open endpoint"}),
}
"""What the records have before the first step of a plan that makes something, and what it adds."""


def plan_of(kind: PlanKind) -> Plan:
    return Plan(id=IDS[0], kind=kind, project_id=IDS[1], branch_id=IDS[2], endpoint_id=IDS[3])


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


@pytest.mark.parametrize("kind", MADE)
def test_a_plan_that_nothing_disturbs_arrives(kind: PlanKind) -> None:
    before, made = MADE[kind]
    world = set(before)

    carry_out(plan_of(kind), world)

    assert world == before | made


@given(CUTS.filter(bool))
def test_a_project_that_was_cut_off_is_undone_however_often_that_is_cut_off(cuts: list[tuple[int, bool]]) -> None:
    world, plan = set(MADE[PlanKind.CREATE_PROJECT][0]), plan_of(PlanKind.CREATE_PROJECT)

    for steps, one_more in cuts:
        # A plan whose last step is known to be done is not in the journal any more.
        plan = resume(cut_off(plan, world, min(steps, len(plan.steps) - plan.done - 1), one_more=one_more))
    carry_out(plan, world)

    assert world == set()


@pytest.mark.parametrize("kind", [kind for kind in MADE if kind is not PlanKind.CREATE_PROJECT])
@given(CUTS)
def test_what_was_promised_is_made_however_often_it_is_cut_off(
    kind: PlanKind, cuts: list[tuple[int, bool]]
) -> None:
    before, made = MADE[kind]
    world, plan = set(before), plan_of(kind)

    for steps, one_more in cuts:
        plan = resume(cut_off(plan, world, steps, one_more=one_more))
    carry_out(plan, world)

    assert world == before | made


@pytest.mark.parametrize("kind", MADE)
@given(steps=st.integers(0, 1), one_more=st.booleans(), cuts=CUTS)
def test_what_fails_is_taken_back_however_often_that_is_cut_off(
    kind: PlanKind, steps: int, one_more: bool, cuts: list[tuple[int, bool]]
) -> None:
    world = set(MADE[kind][0])
    plan = undo(cut_off(plan_of(kind), world, steps, one_more=one_more))
    assert plan is not None

    for each, more in cuts:
        plan = resume(cut_off(plan, world, each, one_more=more))
    carry_out(plan, world)

    assert world == set()


@given(CUTS)
def test_a_restore_that_was_cut_off_arrives(cuts: list[tuple[int, bool]]) -> None:
    world, plan = {"old data", "resetting"}, plan_of(PlanKind.RESTORE_BRANCH)

    for steps, one_more in cuts:
        plan = resume(cut_off(plan, world, steps, one_more=one_more))
    carry_out(plan, world)

    assert world == {"old data", "new data", "restored"}


@given(one_more=st.booleans(), cuts=CUTS)
def test_a_restore_that_fails_leaves_the_branch_as_it_was(*, one_more: bool, cuts: list[tuple[int, bool]]) -> None:
    world = {"old data", "resetting"}
    # Its last step is a transaction: it is done, or it is not.
    plan = undo(cut_off(plan_of(PlanKind.RESTORE_BRANCH), world, 0, one_more=one_more))
    assert plan is not None

    for each, more in cuts:
        plan = resume(cut_off(plan, world, each, one_more=more))
    carry_out(plan, world)

    assert world == {"old data"}


REMOVED = {
    PlanKind.REMOVE_PROJECT: {"owner", "endpoint", "open endpoint", "open branch", "data"},
    PlanKind.REMOVE_BRANCH: {"owner", "endpoint", "open endpoint", "open branch", "branch data", "history"},
    PlanKind.REMOVE_ENDPOINT: {"endpoint", "open endpoint", "replica data"},
    PlanKind.REMOVE_SNAPSHOT: {"snapshot", "open snapshot", "snapshot data"},
    PlanKind.REMOVE_KEPT: {"kept", "new data"},
    PlanKind.ABANDON_RESTORE: {"resetting", "new data"},
}
"""What there is before the first step of a plan that removes something."""


@pytest.mark.parametrize("kind", REMOVED)
@given(CUTS)
def test_what_was_to_be_removed_is_however_often_it_is_cut_off(
    kind: PlanKind, cuts: list[tuple[int, bool]]
) -> None:
    world, plan = {*REMOVED[kind], "another"}, plan_of(kind)

    for steps, one_more in cuts:
        plan = resume(cut_off(plan, world, steps, one_more=one_more))
    carry_out(plan, world)

    assert world == {"another"}
    assert undo(plan) is None


def test_each_kind_of_plan_is_tried() -> None:
    assert {*MADE, *REMOVED, PlanKind.RESTORE_BRANCH} == set(PlanKind)
    assert {step for kind in PlanKind for step in plan_of(kind).steps} == set(Step) == EFFECTS.keys()


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        # Whoever is cut off in between finds by the record what is still to be removed.
        (PlanKind.REMOVE_SNAPSHOT, (Step.REMOVE_SNAPSHOT_FOLDER, Step.FORGET_SNAPSHOT)),
        (PlanKind.REMOVE_KEPT, (Step.REMOVE_INCARNATION, Step.FORGET_KEPT)),
        # Nobody uses the branch while data that did not become its own goes.
        (PlanKind.ABANDON_RESTORE, (Step.REMOVE_INCARNATION, Step.REOPEN_BRANCH)),
        # Clients are cut off as late as can be: the new data is there then.
        (PlanKind.RESTORE_BRANCH, (Step.BUILD_INCARNATION, Step.SWAP_INCARNATION)),
        # A branch is open before it has its parent's past, which takes a while and can be done without.
        (PlanKind.CREATE_BRANCH, (Step.CLONE_BRANCH, Step.OPEN_BRANCH, Step.LINK_HISTORY)),
    ],
)
def test_the_order_of_steps(kind: PlanKind, steps: tuple[Step, ...]) -> None:
    assert plan_of(kind).steps == steps


@pytest.mark.parametrize("kind", MADE)
def test_what_takes_back_is_not_taken_back(kind: PlanKind) -> None:
    instead = undo(plan_of(kind))

    assert instead is not None
    assert undo(instead) is None


@pytest.mark.parametrize("kind", PlanKind)
def test_every_plan_has_steps_and_an_end(kind: PlanKind) -> None:
    plan = plan_of(kind)

    assert plan.next_step is plan.steps[0]
    for _ in plan.steps:
        assert not plan.is_finished
        plan = advance(plan)
    assert plan.is_finished


ORIGIN = Origin(branch_id=BranchId("br-b"), incarnation=Incarnation("0f"), into=Incarnation("1e"), lsn="0/700028")


@pytest.mark.parametrize("kind", [*MADE, PlanKind.RESTORE_BRANCH])
def test_a_plan_that_is_resumed_or_taken_back_is_for_the_same_operation_and_data(kind: PlanKind) -> None:
    plan = replace(plan_of(kind), origin=ORIGIN, done=1)

    for instead in (resume(plan), undo(plan)):
        assert instead is not None
        assert (instead.id, instead.project_id, instead.branch_id, instead.endpoint_id) == IDS
        assert instead.origin == ORIGIN


def test_what_takes_back_begins_with_its_first_step() -> None:
    plan = undo(replace(plan_of(PlanKind.RESTORE_BRANCH), done=1))

    assert plan is not None
    assert plan.next_step is Step.REMOVE_INCARNATION
