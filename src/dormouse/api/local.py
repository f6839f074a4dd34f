"""What this platform tells of itself beyond Neon's API: the records of its routes below `/_local`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dormouse.api.json_form import EXACT
from dormouse.names import BranchId, EndpointId, OperationId

__all__ = [
    "LOCAL_ROOT",
    "RESET_CONFIRMATION",
    "BranchHistories",
    "BranchHistory",
    "ConsoleLink",
    "Diagnosis",
    "FaultInForce",
    "FaultRequest",
    "FaultsInForce",
    "Finished",
    "Health",
    "KeptState",
    "KeptStates",
    "LatencyProfile",
    "PostgresFound",
    "Reset",
    "ResetRequest",
]

LOCAL_ROOT = "/_local"
"""At the server's root, beside the API's: no route of Neon's will ever begin so."""

RESET_CONFIRMATION = "delete everything"
"""What a reset must be confirmed with, word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`GET /_local/health`: the platform serves."""

    status: str
    """`ok`"""
    version: str
    """Of the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleLink:
    """`POST /_local/console_links`: opens the console in one browser, once, within ten minutes."""

    path: str = field(repr=False)
    """Below the server's root. Whoever has it is let in: it is as secret as a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresFound:
    """One Postgres that projects can be made with."""

    version: str
    """`17.2`"""
    bin_path: str
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """`GET /_local/diagnose`: on what the platform runs, and how much of it."""

    version: str
    """Of the platform."""
    python: str
    """`3.12.4`"""
    postgres: tuple[PostgresFound, ...]
    storage: str
    """How branches are made: `copy` or `reflink`."""
    operations: str
    """When operations are said to have ended: `immediate`, `timed` or `manual`."""
    home: str
    disk_free_bytes: int
    """Where the home lies."""
    disk_total_bytes: int
    bind: str
    http_port: int
    pg_port: int
    projects: int
    branches: int
    computes: Mapping[str, int]
    """How many are in each state: `{"asleep": 3, "ready": 1}`; a state that none is in may be absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequest:
    """`POST /_local/reset`"""

    confirm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """What a reset took away."""

    projects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """`POST /_local/operations/finish`: how many operations are said to have ended from now on."""

    operations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyProfile:
    """`POST /_local/operations/profile`: when operations are said to have ended, until the platform stops."""

    profile: str
    """`immediate`, `timed` or `manual`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRequest:
    """`POST /_local/faults`: what is to go wrong with a compute, on purpose."""

    kind: str
    """`suspend`, `kill`, `drop`, `delay`, `deny`, or `clear`, which ends `drop`, `delay` and `deny`."""
    endpoint: EndpointId | None = None
    """Only `clear` may leave it out."""
    connections: int | None = None
    """Of `drop`: how many of the next ones; without it those that are open now."""
    after_bytes: int | None = None
    """Of `drop` with `connections`: after how many bytes to the client."""
    delay_ms: int | None = None
    """Of `delay`."""
    seconds: float | None = None
    """Of `deny`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultInForce:
    """What goes wrong with a compute's connections until it is cleared or used up."""

    endpoint: EndpointId
    delay_ms: int
    denied_for_s: float
    drops: int
    """How many of the next connections are cut."""
    drop_after_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultsInForce:
    """`GET /_local/faults`, and the answer to each that is asked for."""

    faults: tuple[FaultInForce, ...]
    dropped: int = 0
    """How many open connections were cut by this request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchHistory:
    """What of a branch's past can be had, and what the branch takes on disk."""

    branch_id: BranchId
    earliest_lsn: str
    """The first position that it can be restored to."""
    earliest_time: datetime = field(metadata=EXACT)
    head_lsn: str
    """What it had written when it was last looked at."""
    own_bytes: int
    """On disk, without what it shares with others."""
    bases: int
    """States that a restore can begin from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchHistories:
    """`GET /_local/projects/{id}/branches`"""

    branches: tuple[BranchHistory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """A state of a branch that something took the place of, and that an undo brings back."""

    id: OperationId
    """Of the operation that took its place."""
    branch_id: BranchId
    branch_name: str
    because: str
    """`restore`, `reset`, `delete` or `undo`."""
    kept_at: datetime = field(metadata=EXACT)
    kept_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStates:
    """`GET /_local/projects/{id}/kept`, newest first."""

    kept: tuple[KeptState, ...]
