"""What to do, in which order, and what to do about it after a kill. Pure.

A plan is written to the journal before its first step, together with the records of what it makes, in their
state `init`. Each step is safe to repeat. When the platform starts, `resume` says what becomes of a plan
that was cut off: nobody was told of a project whose data is not there yet, so that is undone; a branch or an
endpoint that was promised is made, a restore goes on, and what was to be removed is removed. A plan
that fails while the platform runs is undone at once: `undo`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId

__all__ = ["Origin", "Plan", "PlanKind", "Step", "advance", "resume", "undo"]


class PlanKind(StrEnum):
    """What a plan is for. One whose name begins with `remove` is never undone, only finished."""

    CREATE_PROJECT = "create project"
    REMOVE_PROJECT = "remove project"
    CREATE_BRANCH = "create branch"
    REMOVE_BRANCH = "remove branch"
    CREATE_SCHEMA_BRANCH = "create schema branch"
    RESTORE_BRANCH = "restore branch"
    ABANDON_RESTORE = "remove restored data"
    CREATE_SNAPSHOT = "create snapshot"
    REMOVE_SNAPSHOT = "remove snapshot"
    REMOVE_KEPT = "remove kept state"
    CREATE_REPLICA = "create replica"
    REMOVE_ENDPOINT = "remove endpoint"


class Step(StrEnum):
    """One thing to do, safe to do twice."""

    TAKE_SPARE = "take spare"
    """Rename a synced copy of the template to the branch's data directory."""
    CLONE_BRANCH = "clone branch"
    """Make the branch's data directory from its parent's."""
    COPY_SCHEMA = "copy schema"
    """Make the branch's data directory from the template, with the parent's roles, databases and schemas."""
    OPEN_BRANCH = "open branch"
    """Say in the records that the branch and its primary are ready: from here on they exist."""
    LINK_HISTORY = "link history"
    """Give the branch its parent's past, up to where it begins."""
    BUILD_INCARNATION = "build incarnation"
    """Make the data that a branch is to have, beside that which it has."""
    SWAP_INCARNATION = "swap incarnation"
    """Cut the clients, give the old data to whom it belongs now, and the branch the new."""
    REMOVE_INCARNATION = "remove incarnation"
    """Remove data that did not become, or is no longer, a branch's."""
    REOPEN_BRANCH = "reopen branch"
    """Say in the records that the branch is what it was."""
    CLONE_SNAPSHOT = "clone snapshot"
    OPEN_SNAPSHOT = "open snapshot"
    REMOVE_SNAPSHOT_FOLDER = "remove snapshot folder"
    FORGET_SNAPSHOT = "forget snapshot"
    FORGET_KEPT = "forget kept state"
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
class Origin:
    """Where data comes from, and where it goes."""

    branch_id: BranchId
    """The source; meaningless for a snapshot."""
    incarnation: Incarnation
    """Which life of the source, or, for data that is to be removed, which life that is."""
    lsn: str = ""
    """Up to where; empty is its head."""
    snapshot: str | None = None
    """Instead of a branch: the snapshot that it is made from, or, for a plan that makes one, that is made."""
    into: Incarnation | None = None
    """The life that a restored branch begins."""
    preserve_as: BranchId | None = None
    """The new branch that gets the old data, and the children."""
    preserve_under_name: str = ""
    time: datetime | None = None
    """The moment that was asked for."""
    because: str = ""
    """What the old data is kept from, if no branch gets it: a `past.KeptBecause`."""


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
    origin: Origin | None = None
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
        PlanKind.CREATE_BRANCH: (Step.CLONE_BRANCH, Step.OPEN_BRANCH, Step.LINK_HISTORY),
        PlanKind.CREATE_SCHEMA_BRANCH: (Step.COPY_SCHEMA, Step.OPEN_BRANCH),
        PlanKind.RESTORE_BRANCH: (Step.BUILD_INCARNATION, Step.SWAP_INCARNATION),
        PlanKind.ABANDON_RESTORE: (Step.REMOVE_INCARNATION, Step.REOPEN_BRANCH),
        PlanKind.CREATE_SNAPSHOT: (Step.CLONE_SNAPSHOT, Step.OPEN_SNAPSHOT),
        PlanKind.REMOVE_SNAPSHOT: (Step.REMOVE_SNAPSHOT_FOLDER, Step.FORGET_SNAPSHOT),
        PlanKind.REMOVE_KEPT: (Step.REMOVE_INCARNATION, Step.FORGET_KEPT),
        PlanKind.REMOVE_BRANCH: (Step.CLOSE_ENDPOINTS, Step.REMOVE_BRANCH_FOLDER, Step.FORGET_BRANCH),
        PlanKind.CREATE_REPLICA: (Step.CLONE_PRIMARY, Step.OPEN_ENDPOINT),
        PlanKind.REMOVE_ENDPOINT: (Step.CLOSE_ENDPOINTS, Step.REMOVE_REPLICA_FOLDER),
    }
)

_UNDONE_BY: Final[Mapping[PlanKind, PlanKind]] = MappingProxyType(
    {
        PlanKind.CREATE_PROJECT: PlanKind.REMOVE_PROJECT,
        PlanKind.CREATE_BRANCH: PlanKind.REMOVE_BRANCH,
        PlanKind.CREATE_SCHEMA_BRANCH: PlanKind.REMOVE_BRANCH,
        PlanKind.RESTORE_BRANCH: PlanKind.ABANDON_RESTORE,
        PlanKind.CREATE_SNAPSHOT: PlanKind.REMOVE_SNAPSHOT,
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
