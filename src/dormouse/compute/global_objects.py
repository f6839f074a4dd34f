"""The roles and databases of a whole server, and the statements that make them on a fresh one. Pure.

What `pg_dumpall --globals-only` and `pg_dump --create` would write; but no role becomes a superuser, the
platform's own administrator is left alone, and a database's settings come last, since they would take effect on
whoever fills it (`default_transaction_read_only`, `role`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, LiteralString

from psycopg import sql

from dormouse.compute.conf import ADMIN_ROLE

__all__ = [
    "Database",
    "GlobalObjects",
    "Grant",
    "Role",
    "Setting",
    "create_database",
    "create_roles",
    "finish_database",
    "split_list",
]

_LISTS: Final = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""Settings that are lists of quoted names (GUC_LIST_QUOTE, guc_tables.c): each element is a literal of its own."""

_ELEMENT: Final = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"]*))\s*(?:,|$)')

_PRIVILEGES: Final[Mapping[str, LiteralString]] = MappingProxyType(
    {"CONNECT": "CONNECT", "CREATE": "CREATE", "TEMPORARY": "TEMPORARY"}
)
"""The words of statements: a catalog's text is no SQL of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A row of `pg_authid`."""

    name: str
    inherit: bool
    create_role: bool
    create_db: bool
    can_login: bool
    replication: bool
    bypass_rls: bool
    connection_limit: int
    verifier: str | None = field(repr=False)
    valid_until: str | None
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A membership in a role, or a privilege on a database."""

    what: str
    """The role, or `CONNECT`, `CREATE`, `TEMPORARY`."""
    to: str
    """Empty for PUBLIC."""
    by: str | None
    """None if that role is no more, which could be until Postgres 16."""
    passes_on: bool
    """Whether `to` may grant it in turn."""
    inherit: bool | None = None
    """Of a membership, since Postgres 16."""
    set_role: bool | None = None
    """Of a membership, since Postgres 16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A row of `pg_db_role_setting`, taken apart; empty is all databases, all roles."""

    database: str
    role: str
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A row of `pg_database`."""

    name: str
    owner: str
    encoding: str
    collate: str
    ctype: str
    provider: str
    """`c`, `i` or `b`: libc, ICU, builtin."""
    locale: str | None
    """Of ICU or builtin."""
    icu_rules: str | None
    connection_limit: int
    is_template: bool
    comment: str | None
    grants: tuple[Grant, ...] | None
    """In the order of its ACL; None while that is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalObjects:
    """What a server has beside what is in its databases, all sorted by name."""

    roles: tuple[Role, ...]
    """Without those of Postgres itself (`pg_…`)."""
    memberships: tuple[Grant, ...]
    databases: tuple[Database, ...]
    """Without those of Postgres itself, and without those that nobody can connect to."""
    settings: tuple[Setting, ...]


def create_roles(source: GlobalObjects, fresh: GlobalObjects) -> Iterator[sql.Composed]:
    """What gives the server `fresh`, which has no databases any more, the roles of `source` and no others."""
    there = {role.name for role in fresh.roles}
    wanted = [role for role in source.roles if role.name != ADMIN_ROLE]
    for name in sorted(there - {role.name for role in wanted} - {ADMIN_ROLE}):
        yield _sql("DROP ROLE {}", name)
    for role in wanted:
        if role.name not in there:
            yield _sql("CREATE ROLE {}", role.name)
        yield _alter_role(role)
        if role.comment is not None:
            yield _sql("COMMENT ON ROLE {} IS ", role.name) + sql.Literal(role.comment)
    pairs = {(grant.what, grant.to) for grant in source.memberships}
    names = {role.name for role in wanted} | {ADMIN_ROLE}
    for grant in fresh.memberships:
        if (grant.what, grant.to) not in pairs and grant.to in names:
            yield _sql("REVOKE {} FROM {}", grant.what, grant.to)
    for grant in _grantable_order(source.memberships, {ADMIN_ROLE}):
        yield _grant_membership(grant)
    for setting in source.settings:
        if not setting.database and setting.role != ADMIN_ROLE:
            yield _set(setting)


def create_database(database: Database) -> sql.Composed:
    """What makes it, empty; not within a transaction."""
    locale = sql.SQL("LC_COLLATE {} LC_CTYPE {}").format(database.collate, database.ctype)
    if database.provider == "i":
        locale += sql.SQL(" LOCALE_PROVIDER icu ICU_LOCALE {}").format(sql.Literal(database.locale))
        if database.icu_rules is not None:
            locale += sql.SQL(" ICU_RULES {}").format(sql.Literal(database.icu_rules))
    elif database.provider == "b":
        locale += sql.SQL(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}").format(sql.Literal(database.locale))
    else:
        locale += sql.SQL(" LOCALE_PROVIDER libc")
    return sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} {} CONNECTION LIMIT {}").format(
        sql.Identifier(database.name),
        sql.Identifier(database.owner),
        sql.Literal(database.encoding),
        locale,
        sql.Literal(database.connection_limit),
    )


def finish_database(database: Database, settings: Iterable[Setting]) -> Iterator[sql.Composed]:
    """What it is given when its schema is there: privileges, its comment, its settings out of all `settings`."""
    if database.grants is not None:
        yield _sql("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}", database.name, database.owner)
        for grant in _grantable_order(database.grants, {database.owner, ADMIN_ROLE}):
            yield from _grant_on(database, grant)
    if database.comment is not None:
        yield _sql("COMMENT ON DATABASE {} IS ", database.name) + sql.Literal(database.comment)
    for setting in settings:
        if setting.database == database.name and setting.role != ADMIN_ROLE:
            yield _set(setting)
    if database.is_template:
        yield _sql("ALTER DATABASE {} IS_TEMPLATE true", database.name)


def split_list(value: str) -> list[str]:
    """The names in the value of a setting that is a list: `"$user", public`."""
    found: list[str] = []
    position = 0
    while position <= len(value):
        element = _ELEMENT.match(value, position)
        if element is None:
            # Not as the server writes lists: left as it is, and the server says what it thinks of it.
            return [value]
        quoted, plain = element.groups()
        found.append(plain.strip() if quoted is None else quoted.replace('""', '"'))
        if element.end() == len(value):
            break
        position = element.end()
    return found


def _alter_role(role: Role) -> sql.Composed:
    words: tuple[LiteralString, ...] = (
        "NOSUPERUSER",
        "INHERIT" if role.inherit else "NOINHERIT",
        "CREATEROLE" if role.create_role else "NOCREATEROLE",
        "CREATEDB" if role.create_db else "NOCREATEDB",
        "LOGIN" if role.can_login else "NOLOGIN",
        "REPLICATION" if role.replication else "NOREPLICATION",
        "BYPASSRLS" if role.bypass_rls else "NOBYPASSRLS",
    )
    statement = _sql("ALTER ROLE {} WITH ", role.name) + sql.SQL(" ").join(map(sql.SQL, words))
    statement += sql.SQL(" CONNECTION LIMIT {}").format(sql.Literal(role.connection_limit))
    if role.verifier is not None:
        statement += sql.SQL(" PASSWORD {}").format(sql.Literal(role.verifier))
    if role.valid_until is not None:
        statement += sql.SQL(" VALID UNTIL {}").format(sql.Literal(role.valid_until))
    return statement


def _grant_membership(grant: Grant) -> sql.Composed:
    statement = _sql("GRANT {} TO {}", grant.what, grant.to)
    if grant.inherit is not None and grant.set_role is not None:
        statement += sql.SQL(" WITH ADMIN {}, INHERIT {}, SET {}").format(
            sql.Literal(grant.passes_on), sql.Literal(grant.inherit), sql.Literal(grant.set_role)
        )
    elif grant.passes_on:
        statement += sql.SQL(" WITH ADMIN OPTION")
    if grant.by is not None:
        statement += _sql(" GRANTED BY {}", grant.by)
    return statement


def _grant_on(database: Database, grant: Grant) -> Iterator[sql.Composed]:
    """As whoever granted it: what a superuser grants counts as granted by the owner."""
    is_owners = grant.by in (None, database.owner, ADMIN_ROLE)
    if not is_owners:
        yield _sql("SET SESSION AUTHORIZATION {}", grant.by or "")
    yield sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
        sql.SQL(_PRIVILEGES[grant.what]),
        sql.Identifier(database.name),
        sql.Identifier(grant.to) if grant.to else sql.SQL("PUBLIC"),
        sql.SQL(" WITH GRANT OPTION" if grant.passes_on else ""),
    )
    if not is_owners:
        yield sql.SQL("RESET SESSION AUTHORIZATION").format()


def _grantable_order(grants: Iterable[Grant], first: set[str]) -> Iterator[Grant]:
    """So that whoever grants holds it already with the right to pass it on; `first` hold all from the start.

    What no order makes possible comes last.
    """
    left = list(grants)
    holders: set[tuple[str, str | None]] = set()
    while left:
        ready = [grant for grant in left if grant.by in (None, *first) or (grant.what, grant.by) in holders]
        if not ready:
            yield from left
            return
        yield from ready
        holders |= {(grant.what, grant.to) for grant in ready if grant.passes_on}
        left = [grant for grant in left if grant not in ready]


def _set(setting: Setting) -> sql.Composed:
    if setting.role and setting.database:
        whose = _sql("ALTER ROLE {} IN DATABASE {}", setting.role, setting.database)
    elif setting.database:
        whose = _sql("ALTER DATABASE {}", setting.database)
    elif setting.role:
        whose = _sql("ALTER ROLE {}", setting.role)
    else:
        whose = sql.SQL("ALTER ROLE ALL").format()
    values = split_list(setting.value) if setting.name in _LISTS else [setting.value]
    return whose + sql.SQL(" SET {} TO {}").format(
        sql.Identifier(setting.name), sql.SQL(", ").join(map(sql.Literal, values))
    )


def _sql(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))
