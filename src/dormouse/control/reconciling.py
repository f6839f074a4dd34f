"""Bringing the records of roles and databases to where the server is. Pure.

Roles and databases can be made and dropped by SQL as well; unless the records are ahead of the server
(`Branch.config_pending`), the server is right.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from dormouse.control.changes import Change, Delete, Put
from dormouse.control.model import Branch, Database, Role, StoredVerifier

__all__ = ["OnServer", "reconcile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnServer:
    """What a server has, without what is the platform's or Postgres's own."""

    roles: Mapping[str, bool] = field(default_factory=dict)
    """Whether each can log in, by name."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Of each database, by name."""
    verifiers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of each role that can log in by password, by name."""
    head: str = ""
    """The LSN up to which it has written."""


def reconcile(
    branch: Branch,
    server: OnServer,
    roles: Collection[Role],
    databases: Collection[Database],
    verifiers: Collection[StoredVerifier],
    *,
    next_database_id: int,
    now: datetime,
) -> list[Change]:
    """What to change in the records of the branch; empty when they agree."""
    changes = _reconcile_verifiers(branch, server, verifiers)
    known_roles = {role.name: role for role in roles}
    changes += [Delete(role) for name, role in known_roles.items() if name not in server.roles]
    for name, can_log_in in server.roles.items():
        role = known_roles.get(name)
        if role is None:
            made = Role(
                branch_id=branch.id,
                name=name,
                password=None,
                protected=False,
                created_at=now,
                updated_at=now,
                no_login=not can_log_in,
            )
            changes.append(Put(made))
        elif role.no_login is can_log_in:
            changes.append(Put(replace(role, no_login=not can_log_in, updated_at=now)))
    known_databases = {database.name: database for database in databases}
    changes += [Delete(database) for name, database in known_databases.items() if name not in server.owners]
    for name, owner in server.owners.items():
        database = known_databases.get(name)
        if database is None:
            changes.append(
                Put(
                    Database(
                        id=next_database_id,
                        branch_id=branch.id,
                        name=name,
                        owner_name=owner,
                        created_at=now,
                        updated_at=now,
                    )
                )
            )
            next_database_id += 1
        elif database.owner_name != owner:
            changes.append(Put(replace(database, owner_name=owner, updated_at=now)))
    return changes


def _reconcile_verifiers(branch: Branch, server: OnServer, stored: Collection[StoredVerifier]) -> list[Change]:
    known = {record.role: record for record in stored}
    gone: list[Change] = [Delete(record) for role, record in known.items() if role not in server.verifiers]
    return gone + [
        Put(StoredVerifier(branch_id=branch.id, role=role, verifier=verifier))
        for role, verifier in server.verifiers.items()
        if role not in known or known[role].verifier != verifier
    ]
