"""`manage.py createdatabase [alias]`: role, database and rights, which Django does not make.

The role, its password and the database are those of `DATABASES`; who makes them comes from `--admin-url`, or from
`DATABASE_ADMIN_URL`, which keeps it out of the list of processes.
"""

import os
import re
import secrets
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from django_dormouse import databases, hosts
from django_dormouse.backend.base import DatabaseWrapper
from django_dormouse.provisioning import Found, Refused, Statement, Wanted, plan
from dormouse.wire.scram import build_verifier

_VARIABLE = "DATABASE_ADMIN_URL"

# What holds for every role that a site has: a lock that is waited for stops the whole site behind it, and a
# transaction that somebody forgot keeps VACUUM from its work. No statement_timeout, unless asked for: a long
# CREATE INDEX of a migration is right.
_DEFAULTS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "5min"}
_TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
_STARTUP = re.compile(r"-c\s*([a-z_]+)=(\S+)")


class Command(BaseCommand):
    """Idempotent: a second run finds nothing to do. Exit 1 with a sentence where something is in the way."""

    help = "Creates the role and the database of DATABASES, with their rights, and proves it by connecting."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which alias, by whom, with which timeouts."""
        parser.add_argument("alias", nargs="?", default=DEFAULT_DB_ALIAS, help="Of DATABASES; default: default.")
        parser.add_argument("--admin-url", help=f"Of a role that may create roles and databases; or {_VARIABLE}.")
        parser.add_argument("--dry-run", action="store_true", help="Print the statements, change nothing.")
        parser.add_argument("--set-password", action="store_true", help="Also change the password of a role.")
        parser.add_argument(
            "--plain-password",
            action="store_true",
            help="Send the password itself, not what the server keeps of it; for Neon, which wants it so.",
        )
        parser.add_argument("--for-tests", action="store_true", help="Let the role create test databases.")
        for name in _TIMEOUTS:
            default = _DEFAULTS.get(name, "none")
            parser.add_argument(
                f"--{name.replace('_', '-')}", help=f"Of the role, or none; default: DATABASES, else {default}."
            )

    def handle(self, *_: Any, alias: str, admin_url: str | None, dry_run: bool, **options: Any) -> None:
        """Look, plan, run, prove."""
        if alias not in connections.settings:
            raise CommandError(
                f"There is no database {alias!r} in DATABASES; there is: {', '.join(connections.settings)}."
            )
        settings = connections.settings[alias]
        wanted = _wanted(settings, options)
        admin = _administrator(admin_url or os.environ.get(_VARIABLE, ""))
        try:
            with _connected(admin, admin["NAME"]) as connection:
                found = _look(connection, wanted, lambda: _lets_in(admin, settings))
                statements = plan(wanted, found)
                if dry_run:
                    self._show(statements, wanted)
                    return
                for statement in statements:
                    self._run(connection, admin, wanted, statement)
            if not statements:
                self.stdout.write("Nothing to do: role, database and rights are as wanted.")
            self._prove(alias, wanted)
        except (Refused, ValueError) as error:
            raise CommandError(str(error)) from None
        except (DatabaseError, InterfaceError) as error:
            told = " ".join(str(error).split())
            for secret in (settings["PASSWORD"], admin["PASSWORD"], wanted.secret):
                told = told.replace(secret, "****") if len(secret) > 3 else told
            raise CommandError(told) from None

    def _show(self, statements: tuple[Statement, ...], wanted: Wanted) -> None:
        inside = False
        for statement in statements:
            if statement.in_database and not inside:
                self.stdout.write(f"-- in the database {wanted.database}:")
                inside = True
            self.stdout.write(f"{statement.shown};")
        if not statements:
            self.stdout.write("-- nothing to do")

    def _run(self, admin: Any, admin_settings: dict[str, Any], wanted: Wanted, statement: Statement) -> None:
        self.stdout.write(f"{statement.shown};")
        if not statement.in_database:
            with admin.cursor() as cursor:
                cursor.execute(statement.sql)
            return
        with _connected(admin_settings, wanted.database) as inside, inside.cursor() as cursor:
            cursor.execute(statement.sql)

    def _prove(self, alias: str, wanted: Wanted) -> None:
        """As the role, by the project's own way: it may create, and says UTF-8."""
        connection = connections[alias]
        connection.close()
        try:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("CREATE TABLE public.createdatabase_proof (n int)")
                cursor.execute("ROLLBACK")
                cursor.execute(
                    "SELECT current_user, current_database(), current_setting('server_encoding'), "
                    "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
                )
                role, database, encoding, is_superuser = cursor.fetchone()
        finally:
            connection.close()
        if (role, database, encoding, is_superuser) != (wanted.role, wanted.database, "UTF8", False):
            raise CommandError(
                f"Connected as {role!r} to {database!r} ({encoding}), expected {wanted.role!r} and "
                f"{wanted.database!r} (UTF8) and no superuser: is another server behind DATABASES[{alias!r}]?"
            )
        self.stdout.write(f"Connected as {role} to {database}: it may create tables in schema public.")


def _wanted(settings: dict[str, Any], options: dict[str, Any]) -> Wanted:
    if not settings["USER"] or not settings["NAME"]:
        raise CommandError("DATABASES names no USER or no NAME; createdatabase makes what is named there.")
    password = settings["PASSWORD"]
    in_settings = dict(
        _STARTUP.findall(
            f"{settings.get('DORMOUSE', {}).get('DROPPED_OPTIONS', '')} {settings['OPTIONS'].get('options', '')}"
        )
    )
    chosen = {}
    for name in _TIMEOUTS:
        value = options[name] or in_settings.get(name) or _DEFAULTS.get(name, "none")
        if not re.fullmatch(r"none|[0-9]+(ms|s|min|h|d)?", value):
            raise CommandError(f"{name} is {value!r}, expected milliseconds, or 30s, 5min, …, or none")
        if value != "none":
            chosen[name] = value
    # Not the password itself, which the server would write into its log if it logs statements.
    secret = (
        password
        if options["plain_password"] or not password
        else build_verifier(password, secrets.token_bytes(16))
    )
    return Wanted(
        role=settings["USER"],
        secret=secret,
        database=settings["NAME"],
        # Django sets the zone of each new connection, one round trip, unless the server has it so already.
        settings={"timezone": settings.get("TIME_ZONE") or "UTC", **chosen},
        may_create_databases=options["for_tests"],
        set_password=options["set_password"],
    )


def _administrator(url: str) -> dict[str, Any]:
    if not url:
        raise CommandError(
            f"Who is to create it? Set {_VARIABLE}, or give --admin-url: the connection string of a role that may "
            "create roles and databases, postgresql://postgres@127.0.0.1/postgres for example."
        )
    try:
        settings = databases({_VARIABLE: url, "DATABASE_URL": url})["default"]
    except ImproperlyConfigured as error:
        raise CommandError(str(error).replace("DATABASE_URL", _VARIABLE)) from None
    if hosts.is_pooled(settings["HOST"]):
        raise CommandError("The administrator's URL leads through a pooler; give the direct host.")
    return dict(connections.configure_settings({"default": settings})["default"])


@contextmanager
def _connected(settings: dict[str, Any], database: str, **other: Any) -> Iterator[Any]:
    connection = DatabaseWrapper({**settings, "NAME": database, **other}, "administrator")
    try:
        connection.ensure_connection()
        yield connection
    finally:
        connection.close()


def _lets_in(admin: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Whether the role is let in at the administrator's server, with the project's password, anywhere."""
    for database in (settings["NAME"], admin["NAME"]):
        with (
            suppress(DatabaseError, InterfaceError),
            _connected(admin, database, USER=settings["USER"], PASSWORD=settings["PASSWORD"]),
        ):
            return True
    return False


def _look(connection: Any, wanted: Wanted, lets_in: Callable[[], bool]) -> Found:
    """What is there. Reads only."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version_num')::int, "
            "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        )
        version, is_superuser = cursor.fetchone()
        cursor.execute(
            "SELECT oid, rolsuper, rolcanlogin, rolcreatedb FROM pg_roles WHERE rolname = %s", [wanted.role]
        )
        role = cursor.fetchone()
        settings: dict[str, str] = {}
        may_act = False
        if role is not None:
            cursor.execute(
                "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = %s AND setdatabase = 0",
                [role[0]],
            )
            for (line,) in cursor.fetchall():
                name, _, value = line.partition("=")
                settings[name.lower()] = value
            word = "SET" if version >= 160000 else "MEMBER"
            cursor.execute("SELECT pg_has_role(current_user, %s::oid, %s)", [role[0], word])
            [may_act] = cursor.fetchone()
        cursor.execute(
            "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s",
            [wanted.database],
        )
        database = cursor.fetchone()
    has_public, may_create = True, False
    if database is not None:
        with _connected(connection.settings_dict, wanted.database) as inside, inside.cursor() as cursor:
            cursor.execute("SELECT to_regnamespace('public') IS NOT NULL")
            [has_public] = cursor.fetchone()
            if has_public and role is not None:
                cursor.execute(
                    "SELECT has_schema_privilege(%s::oid, 'public', 'CREATE') "
                    "AND has_schema_privilege(%s::oid, 'public', 'USAGE')",
                    [role[0], role[0]],
                )
                [may_create] = cursor.fetchone()
    return Found(
        server_version=version,
        is_superuser=is_superuser,
        role_exists=role is not None,
        role_is_superuser=role is not None and role[1],
        role_can_login=role is not None and role[2],
        role_can_create_databases=role is not None and role[3],
        role_settings=settings,
        password_works=role is not None and lets_in(),
        may_act_as_role=may_act,
        database_exists=database is not None,
        owner="" if database is None else database[0],
        encoding="" if database is None else database[1],
        has_public=has_public,
        may_create_in_public=may_create,
    )
