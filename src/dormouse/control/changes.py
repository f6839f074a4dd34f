"""Changes of the records, as values: what decides returns them, the catalog carries them out. Pure."""

from dataclasses import dataclass

from dormouse.control.model import (
    ApiKey,
    Branch,
    Database,
    Endpoint,
    Operation,
    Permission,
    Project,
    Role,
    StoredVerifier,
)
from dormouse.control.past import Kept, LedgerEntry, Schedule, Snapshot
from dormouse.control.planning import Plan

__all__ = ["Change", "Delete", "Put", "Record"]

Record = (
    Project
    | Permission
    | ApiKey
    | Branch
    | Endpoint
    | Role
    | Database
    | StoredVerifier
    | Operation
    | Plan
    | LedgerEntry
    | Kept
    | Snapshot
    | Schedule
)
"""Whatever the catalog keeps."""


@dataclass(frozen=True, slots=True)
class Put:
    """Insert the record, or replace the one with its key."""

    record: Record


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the record with the key of this one; what depends on it goes with it."""

    record: Record


Change = Put | Delete
