"""Giving a fresh server the roles, the databases and the schemas of another one, and none of its rows.

Each object goes to the server as pg_dump wrote it, within one transaction for each database. It does not go
through psql: that would carry out what an old pg_dump let through as a command of psql's own, such as a line of an
object's name (CVE-2025-8715), as the user that Postgres runs as.
"""

from pathlib import Path
from typing import Any, Final

import psycopg

from dormouse.compute.account import Account
from dormouse.compute.binaries import Postgres
from dormouse.compute.dumping import dump_schema
from dormouse.compute.global_objects import (
    Database,
    GlobalObjects,
    Grant,
    Role,
    Setting,
    create_database,
    create_roles,
    finish_database,
)
from dormouse.compute.server import connect_as_admin
from dormouse.control.schema_text import entries
from dormouse.errors import StorageError

__all__ = ["copy_schema", "read_global_objects"]

_ROLES: Final = """
SELECT rolname, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit,
       rolpassword, rolvaliduntil::text, shobj_description(oid, 'pg_authid')
FROM pg_authid WHERE NOT starts_with(rolname, 'pg_') ORDER BY rolname
"""

_MEMBERSHIPS: Final = """
SELECT r.rolname, m.rolname, g.rolname, a.admin_option,
       (to_jsonb(a) ->> 'inherit_option')::boolean, (to_jsonb(a) ->> 'set_option')::boolean
FROM pg_auth_members a
JOIN pg_roles r ON r.oid = a.roleid
JOIN pg_roles m ON m.oid = a.member
LEFT JOIN pg_roles g ON g.oid = a.grantor
-- Those of Postgres's own roles among each other are the same everywhere.
WHERE NOT starts_with(m.rolname, 'pg_')
ORDER BY r.rolname, m.rolname, g.rolname
"""
"""The two options came with Postgres 16."""

_DATABASES: Final = """
SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), to_jsonb(d) ->> 'daticurules',
       datconnlimit, datistemplate, shobj_description(oid, 'pg_database'), datacl IS NULL
FROM pg_database d
-- A limit of -2 is a database whose removal was cut off.
WHERE datallowconn AND datconnlimit <> -2 AND datname NOT IN ('postgres', 'template0', 'template1')
ORDER BY datname
"""
"""The locale of ICU is `datlocale` since Postgres 17, where there are others than ICU's."""

_PRIVILEGES: Final = """
SELECT x.privilege_type, coalesce(t.rolname, ''), g.rolname, x.is_grantable
FROM pg_database d, aclexplode(d.datacl) WITH ORDINALITY x (grantor, grantee, privilege_type, is_grantable, number)
JOIN pg_roles g ON g.oid = x.grantor
LEFT JOIN pg_roles t ON t.oid = x.grantee
WHERE d.datname = %s ORDER BY x.number
"""

_SETTINGS: Final = """
SELECT coalesce(d.datname, ''), coalesce(r.rolname, ''),
       split_part(item, '=', 1), substr(item, strpos(item, '=') + 1)
FROM pg_db_role_setting s
CROSS JOIN unnest(s.setconfig) WITH ORDINALITY u (item, number)
LEFT JOIN pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_roles r ON r.oid = s.setrole
ORDER BY 1, 2, u.number
"""

_TABLES: Final = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname <> 'information_schema' AND NOT starts_with(n.nspname::text, 'pg_')"
)


async def copy_schema(
    postgres: Postgres, *, source_socket: Path, target_socket: Path, account: Account | None
) -> None:
    """Give a running server, a copy of the template that nobody used, what the source has besides rows.

    Roles come with verifiers, memberships and settings; databases with owners, privileges, locales and settings;
    both are then those of the source and no others. Left out: rows (sequences begin anew), the right to be
    superuser, subscriptions, databases that nobody can connect to. Not safe to repeat on the same target.

    Raises StorageError that names the object, Locked when a table of the source stays locked, ComputeError.
    """
    try:
        async with await connect_as_admin(source_socket, "postgres") as connection:
            source = await read_global_objects(connection)
    except psycopg.Error as error:
        raise StorageError(f"the roles and databases cannot be read: {error}") from error
    try:
        async with await connect_as_admin(target_socket, "postgres") as connection:
            await _make_roles(connection, target_socket, source)
            for database in source.databases:
                await connection.execute(create_database(database))
                await _fill(postgres, database.name, source_socket, target_socket, account)
                for statement in finish_database(database, source.settings):
                    await connection.execute(statement)
    except psycopg.Error as error:
        # Only the first words: the statement may hold a verifier.
        raise StorageError(
            f"the roles and databases cannot be made again: {error.diag.message_primary or error}"
        ) from error


async def read_global_objects(connection: psycopg.AsyncConnection) -> GlobalObjects:
    """What the server has beside what is in its databases. Raises psycopg.Error."""
    roles = await (await connection.execute(_ROLES)).fetchall()
    memberships = await (await connection.execute(_MEMBERSHIPS)).fetchall()
    databases = await (await connection.execute(_DATABASES)).fetchall()
    settings = await (await connection.execute(_SETTINGS)).fetchall()
    return GlobalObjects(
        roles=tuple(map(_role, roles)),
        memberships=tuple(
            Grant(what=what, to=to, by=by, passes_on=admin, inherit=inherit, set_role=set_role)
            for what, to, by, admin, inherit, set_role in memberships
        ),
        databases=tuple([await _database(connection, row) for row in databases]),
        settings=tuple(
            Setting(database=database, role=role, name=name, value=value)
            for database, role, name, value in settings
        ),
    )


def _role(row: tuple[Any, ...]) -> Role:
    name, inherit, create_role, create_db, can_login, replication, bypass_rls, limit, verifier, until, comment = (
        row
    )
    return Role(
        name=name,
        inherit=inherit,
        create_role=create_role,
        create_db=create_db,
        can_login=can_login,
        replication=replication,
        bypass_rls=bypass_rls,
        connection_limit=limit,
        verifier=verifier,
        valid_until=until,
        comment=comment,
    )


async def _database(connection: psycopg.AsyncConnection, row: tuple[Any, ...]) -> Database:
    name, owner, encoding, collate, ctype, provider, locale, rules, limit, is_template, comment, is_default = row
    grants: tuple[Grant, ...] | None = None
    if not is_default:
        privileges = await (await connection.execute(_PRIVILEGES, (name,))).fetchall()
        grants = tuple(Grant(what=what, to=to, by=by, passes_on=on) for what, to, by, on in privileges)
    return Database(
        name=name,
        owner=owner,
        encoding=encoding,
        collate=collate,
        ctype=ctype,
        provider=provider,
        locale=locale,
        icu_rules=rules,
        connection_limit=limit,
        is_template=is_template,
        comment=comment,
        grants=grants,
    )


async def _make_roles(connection: psycopg.AsyncConnection, socket_dir: Path, source: GlobalObjects) -> None:
    """In place of the template's, which lose their databases."""
    fresh = await read_global_objects(connection)
    for database in fresh.databases:
        await _refuse_if_used(socket_dir, database.name)
    for database in fresh.databases:
        await connection.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(database.name)))
    for statement in create_roles(source, fresh):
        await connection.execute(statement)


async def _refuse_if_used(socket_dir: Path, database: str) -> None:
    """So that two sockets taken one for the other cost nobody a database."""
    async with await connect_as_admin(socket_dir, database) as connection:
        row = await (await connection.execute(_TABLES)).fetchone()
    if row is None or row[0]:
        raise StorageError(f"the database {database!r} is in use; a schema is copied into a fresh server only")


async def _fill(
    postgres: Postgres, database: str, source_socket: Path, target_socket: Path, account: Account | None
) -> None:
    dump = await dump_schema(postgres, socket_dir=source_socket, database=database, account=account)
    async with await connect_as_admin(source_socket, database) as source:
        row = await (await source.execute("SELECT to_regnamespace('public') IS NULL")).fetchone()
    async with await connect_as_admin(target_socket, database) as target, target.transaction():
        if row is not None and row[0]:
            await target.execute("DROP SCHEMA public")
        # In the database's own encoding, byte for byte: in all of them ASCII's bytes mean ASCII's signs.
        for entry in entries(dump.decode("latin-1")):
            await _execute(target, database, entry)


async def _execute(connection: psycopg.AsyncConnection, database: str, entry: str) -> None:
    try:
        await connection.execute(entry.encode("latin-1"), prepare=False)
    except psycopg.Error as error:
        # -- Name: shelf; Type: TABLE; Schema: public; Owner: neondb_owner
        what = entry.removeprefix("--\n-- ").partition("; Schema: ")[0].partition("\n")[0]
        said = error.diag.message_primary or error
        raise StorageError(f"the schema of {database!r} cannot be made again at {what}: {said}") from error
