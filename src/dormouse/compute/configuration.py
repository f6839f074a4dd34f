"""The roles and databases that a branch is to have, and the statements that get it there. Pure.

Applied when a primary starts, before any client is let in. Safe to apply twice: what is there already asks
for nothing, and a role's verifier is compared before it is set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import sql

from dormouse.compute.conf import NEON_SUPERUSER, role_attributes
from dormouse.names import DEFAULT_DATABASE, owner_of

__all__ = ["Desired", "Present", "statements"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the catalog says."""

    verifiers: Mapping[str, str] = field(repr=False)
    """Of each role that logs in, by name: what `pg_authid.rolpassword` is to be."""
    owners: Mapping[str, str]
    """Of each database, by name: the role that owns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the server has."""

    verifiers: Mapping[str, str | None] = field(repr=False)
    databases: frozenset[str]


def statements(desired: Desired, present: Present, *, major: int) -> list[sql.Composed]:
    """What to execute in the database `postgres`, in this order, each in autocommit."""
    made: list[sql.Composed] = []
    roles = dict(present.verifiers)
    template_owner = owner_of(DEFAULT_DATABASE)
    for role, verifier in desired.verifiers.items():
        if role not in roles:
            if template_owner in roles and template_owner not in desired.verifiers:
                # The template's owner becomes the one that was asked for, with all that it owns.
                made.append(_sql("ALTER ROLE {} RENAME TO {}", template_owner, role))
                del roles[template_owner]
            else:
                made.append(
                    sql.SQL("CREATE ROLE {} LOGIN {} IN ROLE {}").format(
                        sql.Identifier(role),
                        # Fixed words of ours, no user's text.
                        sql.SQL(role_attributes(major)),
                        sql.Identifier(NEON_SUPERUSER),
                    )
                )
            roles[role] = None
        if roles[role] != verifier:
            made.append(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))
    databases = set(present.databases)
    for database, owner in desired.owners.items():
        if database in databases:
            continue
        if DEFAULT_DATABASE in databases and DEFAULT_DATABASE not in desired.owners:
            made.append(_sql("ALTER DATABASE {} RENAME TO {}", DEFAULT_DATABASE, database))
            databases.remove(DEFAULT_DATABASE)
        else:
            made.append(_sql("CREATE DATABASE {} OWNER {}", database, owner))
        made.append(_sql("GRANT ALL PRIVILEGES ON DATABASE {} TO {}", database, NEON_SUPERUSER))
        databases.add(database)
    return made


def _sql(text: str, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))
