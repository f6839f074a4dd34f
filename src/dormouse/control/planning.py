"""What to do, in which order, and what to do about it after a kill. Pure.

A plan is written to the journal before its first step, together with the records of what it makes, in their
state `init`. Each step is safe to repeat. When the platform starts, `resume` says what becomes of a plan
that was cut off: nobody was told of a project whose data is not there yet, so that is undone; an endpoint
that was promised is made. A plan that fails while the platform runs is undone at once: `undo`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from dormouse.names import BranchId, EndpointId, OperationId, ProjectId

__all__ = [
    "Plan",
    "PlanKind",
    "Step",
    "advance",
    "plan_create_project",
    "plan_create_replica",
    "resume",
    "undo",
]


class PlanKind(StrEnum):
    """What a plan is for."""

    CREATE_PROJECT = "create project"
    CREATE_REPLICA = "create replica"
    UNDO_PROJECT = "undo project"
    UNDO_REPLICA = "undo replica"


class Step(StrEnum):
    """One thing to do, safe to do twice."""

    TAKE_SPARE = "take spare"
    """Rename a synced copy of the template to the branch's data directory."""
    OPEN_BRANCH = "open branch"
    """Say in the records that the branch is ready: from here on the project exists."""
    CLONE_PRIMARY = "clone primary"
    """Make a replica's data directory from its primary's."""
    OPEN_ENDPOINT = "open endpoint"
    """Say in the records that the endpoint is there."""
    REMOVE_PROJECT_FOLDER = "remove project folder"
    FORGET_PROJECT = "forget project"
    """Delete the project's records."""
    REMOVE_REPLICA_FOLDER = "remove replica folder"
    FORGET_ENDPOINT = "forget endpoint"
    """Delete the endpoint's record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps, and how many of them are done. `id` is the API's operation that it carries out."""

    id: OperationId
    kind: PlanKind
    project_id: ProjectId
    branch_id: BranchId
    endpoint_id: EndpointId | None
    done: int = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them, in order."""
        return _STEPS[self.kind]

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.done >= len(self.steps)

    @property
    def next_step(self) -> Step:
        """The first that is not known to be done."""
        return self.steps[self.done]


_STEPS: dict[PlanKind, tuple[Step, ...]] = {
    PlanKind.CREATE_PROJECT: (Step.TAKE_SPARE, Step.OPEN_BRANCH),
    PlanKind.CREATE_REPLICA: (Step.CLONE_PRIMARY, Step.OPEN_ENDPOINT),
    PlanKind.UNDO_PROJECT: (Step.REMOVE_PROJECT_FOLDER, Step.FORGET_PROJECT),
    PlanKind.UNDO_REPLICA: (Step.REMOVE_REPLICA_FOLDER, Step.FORGET_ENDPOINT),
}


def plan_create_project(
    operation: OperationId, project: ProjectId, branch: BranchId, endpoint: EndpointId
) -> Plan:
    """A project with one branch and one primary."""
    return Plan(
        id=operation,
        kind=PlanKind.CREATE_PROJECT,
        project_id=project,
        branch_id=branch,
        endpoint_id=endpoint,
    )


def plan_create_replica(
    operation: OperationId, project: ProjectId, branch: BranchId, endpoint: EndpointId
) -> Plan:
    """A read-only endpoint of a branch."""
    return Plan(
        id=operation,
        kind=PlanKind.CREATE_REPLICA,
        project_id=project,
        branch_id=branch,
        endpoint_id=endpoint,
    )


def advance(plan: Plan) -> Plan:
    """The plan after its next step."""
    return replace(plan, done=plan.done + 1)


def resume(plan: Plan) -> Plan:
    """The plan to carry out instead of one that a kill cut off."""
    match plan.kind:
        case PlanKind.CREATE_PROJECT:
            return replace(plan, kind=PlanKind.UNDO_PROJECT, done=0)
        case PlanKind.CREATE_REPLICA | PlanKind.UNDO_PROJECT | PlanKind.UNDO_REPLICA:
            return plan


def undo(plan: Plan) -> Plan | None:
    """The plan that takes back one that failed; None for one that does so already."""
    match plan.kind:
        case PlanKind.CREATE_PROJECT:
            return replace(plan, kind=PlanKind.UNDO_PROJECT, done=0)
        case PlanKind.CREATE_REPLICA:
            return replace(plan, kind=PlanKind.UNDO_REPLICA, done=0)
        case PlanKind.UNDO_PROJECT | PlanKind.UNDO_REPLICA:
            return None
