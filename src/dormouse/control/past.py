"""What the platform keeps of the past, as frozen values: a ledger, snapshots, states that can be brought back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dormouse.control.model import Branch, Database, Endpoint, Role, StoredVerifier, Unchanged
from dormouse.control.points import HEAD, Point
from dormouse.names import BranchId, Incarnation, OperationId, ProjectId

__all__ = [
    "Copies",
    "History",
    "Kept",
    "KeptBecause",
    "LedgerEntry",
    "RestoreSpec",
    "Schedule",
    "ScheduleItem",
    "Snapshot",
    "SnapshotChange",
    "SnapshotId",
    "SnapshotRestoreSpec",
    "SnapshotSpec",
]

SnapshotId = str
"""`snap-gray-fog-c3d4e5f6`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """When an incarnation had written how much. Entries narrow a moment; the WAL itself says it exactly."""

    incarnation: Incarnation
    lsn: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What of a branch's past can be had."""

    earliest_lsn: int
    earliest_time: datetime
    head_lsn: int
    """What it had written when it was last looked at."""
    own_bytes: int
    """On disk, without what it shares with others."""
    bases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSpec:
    """What a restore may ask for. At the head of another branch it is a reset."""

    source: BranchId
    point: Point = HEAD
    preserve_under_name: str | None = None


class KeptBecause(StrEnum):
    """What a state was kept from."""

    RESTORE = "restore"
    RESET = "reset"
    DELETE = "delete"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """What belongs to a branch's data and is not in its directory: the records of roles and databases."""

    roles: tuple[Role, ...] = ()
    databases: tuple[Database, ...] = ()
    verifiers: tuple[StoredVerifier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleItem:
    """When snapshots of a branch are made by themselves, in UTC, and how long they stay."""

    frequency: str
    """`hourly`, `daily`, `weekly`, `monthly` or `yearly`."""
    hour: int | None = None
    day: int | None = None
    """Of the week (1 is Monday) or of the month."""
    month: int | None = None
    retention_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """All of a branch."""

    branch_id: BranchId
    items: tuple[ScheduleItem, ...] = ()
    next_at: datetime | None = None
    """When the next one is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A state of a branch that something took the place of."""

    id: OperationId
    """Of the operation that took its place."""
    project_id: ProjectId
    branch: Branch
    copies: Copies
    endpoints: tuple[Endpoint, ...]
    """Of a deleted branch; else empty: the branch still has them."""
    because: KeptBecause
    kept_at: datetime
    kept_until: datetime
    schedule: Schedule | None = None
    """Of a deleted branch, if it had one."""
    preserved_as: BranchId | None = None
    """The branch that its data became; None if its folder lies where it lay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A state of a root branch under a name, which no retention time ends."""

    id: SnapshotId
    project_id: ProjectId
    name: str
    source_branch_id: BranchId
    lsn: str
    timestamp: datetime
    created_at: datetime
    copies: Copies
    expires_at: datetime | None = None
    manual: bool = True
    is_ready: bool = False
    """Whether its data is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSpec:
    """What the creator of a snapshot may ask for; without a name it is called after its branch and moment."""

    name: str | None = None
    point: Point = HEAD
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotChange:
    """None leaves it, and for `expires_at` None clears it."""

    name: str | None = None
    expires_at: datetime | Unchanged | None = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRestoreSpec:
    """A new branch from a snapshot; `finalize` puts it in the place of the target, by default the source."""

    name: str | None = None
    target: BranchId | None = None
    finalize: bool = False
