"""The roles and databases that a branch is to have, and the statements that get it there. Pure.

Applied when a primary starts, before any client is let in. Safe to apply twice: what is there already asks
for nothing, and a role's verifier is compared before it is set.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import LiteralString

from psycopg import sql

from dormouse.compute.conf import NEON_SUPERUSER, role_attributes
from dormouse.names import DEFAULT_DATABASE, owner_of

__all__ = ["Desired", "Present", "statements"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the catalog says."""

    verifiers: Mapping[str, str | None] = field(repr=False)
    """Of each role, by name: what `pg_authid.rolpassword` is to be; None for a role that cannot log in."""
    owners: Mapping[str, str]
    """Of each database, by name: the role that owns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the server has."""

    verifiers: Mapping[str, str | None] = field(repr=False)
    databases: frozenset[str]

    @property
    def is_untouched(self) -> bool:
        """Whether it is a copy of the template that was never configured: its owner has no password yet."""
        owner = owner_of(DEFAULT_DATABASE)
        return owner in self.verifiers and self.verifiers[owner] is None


def statements(desired: Desired, present: Present, *, major: int) -> list[sql.Composed]:
    """What to execute in the database `postgres`, in this order, each in autocommit."""
    return [*_for_roles(desired, present, major), *_for_databases(desired, present)]


def _for_roles(desired: Desired, present: Present, major: int) -> Iterator[sql.Composed]:
    roles = dict(present.verifiers)
    template_owner = owner_of(DEFAULT_DATABASE)
    for role, verifier in desired.verifiers.items():
        if role not in roles:
            if present.is_untouched and template_owner in roles and template_owner not in desired.verifiers:
                # The template's owner becomes the one that was asked for, with all that it owns.
                yield _sql("ALTER ROLE {} RENAME TO {}", template_owner, role)
                del roles[template_owner]
            else:
                yield sql.SQL("CREATE ROLE {} {} {} IN ROLE {}").format(
                    sql.Identifier(role),
                    sql.SQL("NOLOGIN" if verifier is None else "LOGIN"),
                    # Fixed words of ours, no user's text.
                    sql.SQL(role_attributes(major)),
                    sql.Identifier(NEON_SUPERUSER),
                )
            roles[role] = None
        if verifier is not None and roles[role] != verifier:
            yield sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))


def _for_databases(desired: Desired, present: Present) -> Iterator[sql.Composed]:
    databases = set(present.databases)
    for database, owner in desired.owners.items():
        if database in databases:
            continue
        if present.is_untouched and DEFAULT_DATABASE in databases and DEFAULT_DATABASE not in desired.owners:
            yield _sql("ALTER DATABASE {} RENAME TO {}", DEFAULT_DATABASE, database)
            databases.remove(DEFAULT_DATABASE)
        else:
            yield _sql("CREATE DATABASE {} OWNER {}", database, owner)
        yield _sql("GRANT ALL PRIVILEGES ON DATABASE {} TO {}", database, NEON_SUPERUSER)
        databases.add(database)


def _sql(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))
