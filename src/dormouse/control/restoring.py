"""What changes in the records when data takes the place of other data. Pure.

A branch keeps its id, name, endpoints and passwords through all of it; what changes is which life of which data is
its own, and with that its roles and databases.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from dormouse.control.changes import Change, Delete, Put
from dormouse.control.model import (
    Branch,
    BranchState,
    Database,
    Endpoint,
    EndpointType,
    Project,
    Role,
    StoredVerifier,
    whole_second,
)
from dormouse.control.past import Copies, Kept, KeptBecause, Schedule
from dormouse.control.planning import Origin
from dormouse.control.reconciling import OnServer, reconcile
from dormouse.control.scheduling import from_now_on
from dormouse.errors import Conflict, RuleViolation
from dormouse.names import BranchId, Incarnation, OperationId

__all__ = [
    "as_kept",
    "brought_back",
    "copied_to",
    "copies_then",
    "finalized",
    "may_restore",
    "preserved",
    "restored",
    "settled_records",
    "taken_back",
    "wanted_verifiers",
]


def may_restore(
    target: Branch, source: Branch, children: Collection[Branch], *, at_head: bool, preserve: str | None
) -> None:
    """Raises RuleViolation in Neon's words, where they are known."""
    if target.protected and source.id == target.parent_id and at_head:
        raise RuleViolation("cannot reset protected branch")
    if source.id == target.id and at_head:
        raise RuleViolation("source_timestamp or source_lsn is required to restore a branch to its own past")
    if children and not preserve:
        raise RuleViolation("Branch has children, preserve_under_name is required")
    if source.id == target.id and not preserve:
        raise RuleViolation("preserve_under_name is required to restore a branch to its own past")


def wanted_verifiers(target: Copies, source: Copies) -> dict[str, str]:
    """The passwords that roles are to have: the target's own, and the source's for whom it does not know."""
    return {record.role: record.verifier for record in (*source.verifiers, *target.verifiers)}


def settled_records(
    branch: Branch,
    server: OnServer,
    own: Copies,
    source: Copies,
    *,
    next_database_id: int,
    now: datetime,
) -> list[Change]:
    """What to change so that the records of roles and databases say what the new data has.

    Of a role that `branch` did not have, the password is known if it is the source's.
    """
    known = {role.name for role in own.roles}
    newcomers = [
        replace(role, branch_id=branch.id)
        for role in source.roles
        if role.name in server.roles and role.name not in known
    ]
    # A word that no verifier answers to lets nobody in.
    known_roles = [
        replace(role, password=None) if role.name not in server.verifiers else role
        for role in (*own.roles, *newcomers)
    ]
    changes: list[Change] = [
        Put(role) for role in known_roles if role.name in server.roles and role not in own.roles
    ]
    return changes + reconcile(
        branch,
        server,
        known_roles,
        own.databases,
        own.verifiers,
        next_database_id=next_database_id,
        now=now,
    )


def copies_then(present: Copies, server: OnServer, branch: BranchId) -> Copies:
    """The records of what was there then: those of now whose objects existed, with the passwords of then."""
    verifiers = tuple(
        replace(record, verifier=server.verifiers[record.role])
        for record in present.verifiers
        if record.role in server.verifiers
    )
    same = {record.role for record in present.verifiers if server.verifiers.get(record.role) == record.verifier}
    return Copies(
        roles=tuple(
            role if role.name in same or role.no_login else replace(role, password=None)
            for role in present.roles
            if role.name in server.roles
        ),
        databases=tuple(database for database in present.databases if database.name in server.owners),
        verifiers=tuple(record for record in verifiers if record.branch_id == branch),
    )


def restored(
    branch: Branch,
    origin: Origin,
    into: Incarnation,
    children: Collection[Branch],
    *,
    end_of_wal: str,
    parent_timestamp: datetime,
    now: datetime,
) -> list[Change]:
    """The branch with its new data, and whose child it is now; its children go with what is preserved.

    Restored to its own past it is a child of what it was; else of where its data comes from.
    """
    own_past = origin.branch_id == branch.id
    is_reset = origin.because == KeptBecause.RESET
    parent_id = origin.preserve_as if own_past else origin.branch_id
    ttl = branch.ttl_interval_seconds
    new = replace(
        branch,
        incarnation=into,
        state=BranchState.READY,
        parent_id=parent_id,
        parent_lsn=origin.lsn or end_of_wal,
        parent_timestamp=whole_second(parent_timestamp),
        stopped_cleanly=True,
        config_pending=False,
        end_of_wal=end_of_wal,
        last_reset_at=whole_second(now) if is_reset else branch.last_reset_at,
        # A reset begins the time that it may live anew.
        expires_at=whole_second(now + timedelta(seconds=ttl)) if is_reset and ttl else branch.expires_at,
        updated_at=whole_second(now),
    )
    moved = [
        Put(replace(child, parent_id=origin.preserve_as)) for child in children if origin.preserve_as is not None
    ]
    return [Put(new), *moved]


def preserved(branch: Branch, origin: Origin, now: datetime) -> Branch:
    """The branch that the old data of a restored one becomes. Raises AssertionError if none is to."""
    if origin.preserve_as is None:
        raise AssertionError("nothing is to be preserved")
    return replace(
        branch,
        id=origin.preserve_as,
        name=origin.preserve_under_name,
        state=BranchState.READY,
        default=False,
        protected=False,
        expires_at=None,
        ttl_interval_seconds=None,
        annotation={},
        created_at=whole_second(now),
        updated_at=whole_second(now),
    )


def copied_to(branch: BranchId, copies: Copies, database_ids: Collection[int]) -> list[Change]:
    """The roles and databases of one branch as those of another; databases get the ids."""
    return [
        *[Put(replace(role, branch_id=branch)) for role in copies.roles],
        *[Put(replace(record, branch_id=branch)) for record in copies.verifiers],
        *[
            Put(replace(database, branch_id=branch, id=new_id))
            for database, new_id in zip(copies.databases, database_ids, strict=True)
        ],
    ]


def as_kept(
    operation: OperationId,
    project: Project,
    branch: Branch,
    copies: Copies,
    because: KeptBecause,
    now: datetime,
    *,
    endpoints: Collection[Endpoint] = (),
    schedule: Schedule | None = None,
    preserved_as: BranchId | None = None,
) -> Kept:
    """The present state of a branch as one that can be brought back, for as long as the project keeps history."""
    return Kept(
        id=operation,
        project_id=project.id,
        branch=replace(branch, state=BranchState.READY),
        copies=copies,
        endpoints=tuple(endpoints),
        because=because,
        schedule=schedule,
        preserved_as=preserved_as,
        kept_at=now,
        kept_until=now + timedelta(seconds=project.history_retention_seconds),
    )


def brought_back(kept: Kept, branches: Collection[Branch], now: datetime) -> list[Change]:
    """A deleted branch with all that it had. Raises Conflict when its name was taken meanwhile."""
    if any(other.name == kept.branch.name for other in branches):
        raise Conflict("branch already exists")
    back = replace(
        kept.branch,
        parent_id=_if_there(kept.branch.parent_id, branches),
        # It came back to stay.
        expires_at=None,
        ttl_interval_seconds=None,
        updated_at=whole_second(now),
    )
    schedules = [] if kept.schedule is None else [from_now_on(kept.schedule, now)]
    return [
        Delete(kept),
        Put(back),
        *map(Put, schedules),
        *map(Put, kept.endpoints),
        *map(Put, kept.copies.roles),
        *map(Put, kept.copies.databases),
        *map(Put, kept.copies.verifiers),
    ]


def taken_back(
    kept: Kept, branch: Branch, present: Copies, branches: Collection[Branch], now: datetime
) -> list[Change]:
    """A branch with the data that it had before. Of a role that has a password then and now, it stays that of now.

    The server is told of them when it next starts.
    """
    old = kept.branch
    verifiers, roles = _with_passwords_of(present, kept.copies)
    new = replace(
        branch,
        incarnation=old.incarnation,
        state=BranchState.READY,
        parent_id=None if _is_below(old.parent_id, branch.id, branches) else _if_there(old.parent_id, branches),
        parent_lsn=old.parent_lsn,
        parent_timestamp=old.parent_timestamp,
        stopped_cleanly=old.stopped_cleanly,
        end_of_wal=old.end_of_wal,
        last_reset_at=old.last_reset_at,
        config_pending=old.config_pending or verifiers != list(kept.copies.verifiers),
        updated_at=whole_second(now),
    )
    before: list[Role | Database | StoredVerifier] = [*present.roles, *present.databases, *present.verifiers]
    gone: list[Change] = [Delete(record) for record in before]
    back: list[Role | Database | StoredVerifier] = [*roles, *verifiers, *kept.copies.databases]
    return [Delete(kept), *gone, Put(new), *map(Put, back)]


def finalized(
    branch: Branch,
    replaced: Branch,
    old_name: str,
    own: Copies,
    theirs: Copies,
    endpoints: Collection[Endpoint],
    now: datetime,
    *,
    schedule: Schedule | None = None,
) -> list[Change]:
    """A branch made from a snapshot in the place of another: its name, computes, passwords, and `schedule`.

    The other one gets the computes that this one had, so that one can still look at it.
    """
    moved: list[Change] = [
        Put(replace(endpoint, branch_id=replaced.id if endpoint.branch_id == branch.id else branch.id))
        for endpoint in endpoints
        # A replica follows its primary; one of the newcomer has none to follow any more.
        if endpoint.branch_id in (branch.id, replaced.id)
        and not (endpoint.branch_id == branch.id and endpoint.type is EndpointType.READ_ONLY)
    ]
    gone: list[Change] = [
        Delete(endpoint)
        for endpoint in endpoints
        if endpoint.branch_id == branch.id and endpoint.type is EndpointType.READ_ONLY
    ]
    verifiers, roles = _with_passwords_of(theirs, own)
    schedules: list[Change] = (
        [] if schedule is None else [Delete(schedule), Put(replace(schedule, branch_id=branch.id))]
    )
    return [
        *schedules,
        Put(replace(replaced, name=old_name, default=False, protected=False, updated_at=whole_second(now))),
        Put(
            replace(
                branch,
                name=replaced.name,
                default=replaced.default,
                protected=replaced.protected,
                restore_status="finalized",
                config_pending=True,
                updated_at=whole_second(now),
            )
        ),
        *gone,
        *moved,
        *map(Put, verifiers),
        *map(Put, roles),
    ]


def _with_passwords_of(other: Copies, copies: Copies) -> tuple[list[StoredVerifier], list[Role]]:
    """Verifiers and roles, with the passwords that others of the same name have; the word follows the verifier."""
    verifiers = {record.role: record.verifier for record in other.verifiers}
    words = {role.name: role.password for role in other.roles}
    same = {record.role for record in copies.verifiers} & verifiers.keys()
    return (
        [
            replace(record, verifier=verifiers[record.role]) if record.role in same else record
            for record in copies.verifiers
        ],
        [replace(role, password=words.get(role.name)) if role.name in same else role for role in copies.roles],
    )


def _is_below(branch: BranchId | None, top: BranchId, branches: Collection[Branch]) -> bool:
    """Whether a branch descends from `top`: its parent may have become its child since it was that."""
    parents = {each.id: each.parent_id for each in branches}
    while branch is not None and branch != top:
        branch = parents.get(branch)
    return branch == top


def _if_there(parent: BranchId | None, branches: Collection[Branch]) -> BranchId | None:
    return parent if any(branch.id == parent for branch in branches) else None
