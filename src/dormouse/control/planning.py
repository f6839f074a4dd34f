"""What to do, in which order, and what to do about it after a kill. Pure.

A plan is written to the journal before its first step, together with the records of what it makes, in their
state `init`. Each step is safe to repeat. When the platform starts, `resume` says what becomes of a plan
that was cut off: nobody was told of a project whose data is not there yet, so that is undone; a branch or an
endpoint that was promised is made, and what was to be removed is removed. A plan that fails while the
platform runs is undone at once: `undo`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dormouse.names import BranchId, EndpointId, OperationId, ProjectId

__all__ = ["Plan", "PlanKind", "Step", "advance", "resume", "undo"]


class PlanKind(StrEnum):
    """What a plan is for. One whose name begins with `remove` is never undone, only finished."""

    CREATE_PROJECT = "create project"
    REMOVE_PROJECT = "remove project"
    CREATE_BRANCH = "create branch"
    REMOVE_BRANCH = "remove branch"
    CREATE_REPLICA = "create replica"
    REMOVE_ENDPOINT = "remove endpoint"


class Step(StrEnum):
    """One thing to do, safe to do twice."""

    TAKE_SPARE = "take spare"
    """Rename a synced copy of the template to the branch's data directory."""
    CLONE_BRANCH = "clone branch"
    """Make the branch's data directory from its parent's."""
    OPEN_BRANCH = "open branch"
    """Say in the records that the branch and its primary are ready: from here on they exist."""
    CLONE_PRIMARY = "clone primary"
    """Make a replica's data directory from its primary's."""
    OPEN_ENDPOINT = "open endpoint"
    """Say in the records that the endpoint is there."""
    CLOSE_ENDPOINTS = "close endpoints"
    """Delete the records of the endpoints, so that nobody can wake them, and put them to sleep."""
    REMOVE_PROJECT_FOLDER = "remove project folder"
    REMOVE_BRANCH_FOLDER = "remove branch folder"
    REMOVE_REPLICA_FOLDER = "remove replica folder"
    FORGET_PROJECT = "forget project"
    """Delete the project's records."""
    FORGET_BRANCH = "forget branch"
    """Delete the branch's records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps, and how many of them are done. `id` is the API's operation that it carries out.

    Without `endpoint_id` a plan that closes endpoints closes all of its branch's, without `branch_id` all
    of its project's.
    """

    id: OperationId
    kind: PlanKind
    project_id: ProjectId
    branch_id: BranchId | None = None
    endpoint_id: EndpointId | None = None
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


_STEPS: Final[Mapping[PlanKind, tuple[Step, ...]]] = MappingProxyType(
    {
        PlanKind.CREATE_PROJECT: (Step.TAKE_SPARE, Step.OPEN_BRANCH),
        PlanKind.REMOVE_PROJECT: (Step.CLOSE_ENDPOINTS, Step.REMOVE_PROJECT_FOLDER, Step.FORGET_PROJECT),
        PlanKind.CREATE_BRANCH: (Step.CLONE_BRANCH, Step.OPEN_BRANCH),
        PlanKind.REMOVE_BRANCH: (Step.CLOSE_ENDPOINTS, Step.REMOVE_BRANCH_FOLDER, Step.FORGET_BRANCH),
        PlanKind.CREATE_REPLICA: (Step.CLONE_PRIMARY, Step.OPEN_ENDPOINT),
        PlanKind.REMOVE_ENDPOINT: (Step.CLOSE_ENDPOINTS, Step.REMOVE_REPLICA_FOLDER),
    }
)

_UNDONE_BY: Final[Mapping[PlanKind, PlanKind]] = MappingProxyType(
    {
        PlanKind.CREATE_PROJECT: PlanKind.REMOVE_PROJECT,
        PlanKind.CREATE_BRANCH: PlanKind.REMOVE_BRANCH,
        PlanKind.CREATE_REPLICA: PlanKind.REMOVE_ENDPOINT,
    }
)


def advance(plan: Plan) -> Plan:
    """The plan after its next step."""
    return replace(plan, done=plan.done + 1)


def resume(plan: Plan) -> Plan:
    """The plan to carry out instead of one that a kill cut off."""
    if plan.kind is PlanKind.CREATE_PROJECT:
        return replace(plan, kind=PlanKind.REMOVE_PROJECT, done=0)
    return plan


def undo(plan: Plan) -> Plan | None:
    """The plan that takes back one that failed; None for one that removes: the next start tries that again."""
    kind = _UNDONE_BY.get(plan.kind)
    return None if kind is None else replace(plan, kind=kind, done=0)
