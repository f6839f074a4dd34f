"""`manage.py pgbouncerconfig DIRECTORY`: pgbouncer.ini and userlist.txt for the project's databases."""

import os
import re
import shutil
import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, connections

from django_dormouse import alias as aliases
from django_dormouse import databases
from django_dormouse.backend.base import DatabaseWrapper
from django_dormouse.pgbouncer import (
    GET_AUTH,
    Entry,
    Options,
    Refused,
    Server,
    render_ini,
    render_userlist,
)
from django_dormouse.quoting import identifier
from django_dormouse.server_checks import LIMITS

_VARIABLE = "DATABASE_ADMIN_URL"


class Command(BaseCommand):
    """Asks the servers for their limits, and for the secret of the role; changes nothing there."""

    help = "Writes pgbouncer.ini and userlist.txt for the databases of this project, with sizes and reasons."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and how pooled."""
        parser.add_argument("directory", type=Path, help="Is made if it is not there; files are replaced.")
        parser.add_argument("--pool-mode", choices=["transaction", "session"], default="transaction")
        parser.add_argument("--listen-addr", default="127.0.0.1")
        parser.add_argument("--listen-port", type=int, default=6432)
        parser.add_argument("--instances", type=int, default=1, help="How many PgBouncers share the servers.")
        parser.add_argument("--clients", type=int, default=1000, help="At most, for all databases together.")
        parser.add_argument(
            "--admin-url", help=f"Of a superuser, who may read SCRAM secrets; or the variable {_VARIABLE}."
        )
        secrets = parser.add_mutually_exclusive_group()
        secrets.add_argument(
            "--auth-query", metavar="ROLE", help="Look secrets up in the database as ROLE, instead of a file."
        )
        secrets.add_argument("--plain-passwords", action="store_true", help="Write passwords into userlist.txt.")

    def handle(self, *_: Any, directory: Path, **given: Any) -> None:
        """Ask, render, write."""
        if given["instances"] < 1 or given["clients"] < 1 or not 0 < given["listen_port"] < 65536:
            raise CommandError("--instances and --clients are numbers from 1, --listen-port one up to 65535.")
        directory = directory.absolute()
        options = Options(
            pool_mode=given["pool_mode"],
            listen_addr=given["listen_addr"],
            listen_port=given["listen_port"],
            instances=given["instances"],
            clients=given["clients"],
            auth_user=given["auth_query"] or "",
            userlist=str(directory / "userlist.txt"),
            version=_version(),
        )
        try:
            entries = [_entry(alias, given) for alias in _targets()]
            ini, userlist = render_ini(entries, options), render_userlist(entries)
        except Refused as error:
            raise CommandError(str(error)) from None
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in (("pgbouncer.ini", ini), ("userlist.txt", userlist)):
            _write(directory / name, text)
        self.stdout.write(f"Wrote {directory / 'pgbouncer.ini'} and userlist.txt, readable by their owner alone.")
        self.stdout.write("Give both to the user that PgBouncer runs as, then start it with the first.")
        if options.auth_user:
            role = identifier(options.auth_user)
            self.stdout.write(
                f"\nAdd that role with its password to userlist.txt, and run in each database:\n"
                f"{GET_AUTH.format(role=role)}"
            )
        self.stdout.write("\nThe site then connects with (its password in place of …):")
        for entry, variable in zip(entries, _variables(entries), strict=True):
            query = "?pooled=true" if options.pool_mode == "transaction" else ""
            user, name = quote(entry.role, safe=""), quote(entry.name, safe="")
            self.stdout.write(
                f"{variable}=postgresql://{user}:…@{options.listen_addr}:{options.listen_port}/{name}{query}"
            )
        self.stdout.write("DATABASE_URL_UNPOOLED=<the URL that the site had>   # for migrate")


def _targets() -> list[str]:
    """The aliases that lead to servers, not to a pooler."""
    found = [
        alias
        for alias, settings in connections.settings.items()
        if settings["ENGINE"].startswith(("django_dormouse.", "django.db.backends.postgresql"))
        and not aliases.is_pooled(settings)
    ]
    if not found:
        raise CommandError("DATABASES names no Postgres without a pooler; set DATABASE_URL_UNPOOLED.")
    return found


def _variables(entries: list[Entry]) -> list[str]:
    return [
        "DATABASE_REPLICA_URL"
        if connections.settings[entry.alias].get("DORMOUSE", {}).get("REPLICA_OF")
        else "DATABASE_URL"
        for entry in entries
    ]


def _entry(alias: str, given: dict[str, Any]) -> Entry:
    settings = connections.settings[alias]
    if not settings["PASSWORD"]:
        raise CommandError(f"DATABASES[{alias!r}] has no PASSWORD, and PgBouncer asks its clients for one.")
    if "," in settings["HOST"]:
        raise CommandError(f"DATABASES[{alias!r}] names several hosts; PgBouncer takes one: write it by hand.")
    connection = connections[alias]
    try:
        with connection.cursor() as cursor:
            cursor.execute(LIMITS)
            max_connections, reserved = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        told = " ".join(str(error).split())
        raise CommandError(
            f"{alias} does not answer, and its max_connections is needed: {told} "
            f"Run: python manage.py dbdoctor {alias}"
        ) from None
    finally:
        connection.close()
    is_replica = bool(settings.get("DORMOUSE", {}).get("REPLICA_OF"))
    return Entry(
        # Names are unique in PgBouncer, and a replica's database has its primary's.
        name=f"{settings['NAME']}_{alias}" if is_replica else settings["NAME"],
        alias=alias,
        server=Server(
            host=settings["OPTIONS"].get("hostaddr") or settings["HOST"],
            port=str(settings["PORT"] or ""),
            max_connections=max_connections,
            reserved=reserved,
        ),
        database=settings["NAME"],
        role=settings["USER"],
        secret=_secret(alias, settings, given),
        sslmode=settings["OPTIONS"].get("sslmode", ""),
        sslrootcert=settings["OPTIONS"].get("sslrootcert", ""),
    )


def _secret(alias: str, settings: dict[str, Any], given: dict[str, Any]) -> str:
    if given["auth_query"]:
        return ""
    if given["plain_passwords"]:
        return str(settings["PASSWORD"])
    url = given["admin_url"] or os.environ.get(_VARIABLE, "")
    connection: Any = connections[alias]
    if url:
        admin = databases({"DATABASE_URL": url})["default"]
        connection = DatabaseWrapper(
            connections.configure_settings({"default": admin})["default"], "administrator"
        )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [settings["USER"]])
            found = cursor.fetchone()
    except (DatabaseError, InterfaceError):
        raise CommandError(
            f"Only a superuser may read the SCRAM secret of {settings['USER']!r}. Give one with {_VARIABLE} or "
            "--admin-url; or choose --auth-query ROLE, or --plain-passwords."
        ) from None
    finally:
        connection.close()
    if found is None or not str(found[0]).startswith("SCRAM-SHA-256$"):
        raise CommandError(
            f"The server keeps no SCRAM secret of the role {settings['USER']!r}: set its password anew with "
            "password_encryption = 'scram-sha-256', or choose --plain-passwords."
        )
    return str(found[0])


def _version() -> tuple[int, int]:
    """Of the PgBouncer on this machine; the oldest that is known to do, if there is none."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"])
    program = shutil.which("pgbouncer", path=path)
    if program is None:
        return (1, 18)
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"PgBouncer (\d+)\.(\d+)", done.stdout)
    return (1, 18) if found is None else (int(found[1]), int(found[2]))


def _write(path: Path, text: str) -> None:
    """Closed to others before there is anything in it."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
