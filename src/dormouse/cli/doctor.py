"""What this machine has, what it lacks, and what to do about it."""

import os
import shutil
import socket
from collections.abc import Iterator, Mapping

import psycopg

from dormouse.cli import background
from dormouse.cli.examining_storage import examine_storage
from dormouse.cli.findings import Finding
from dormouse.compute.account import can_enter, server_account
from dormouse.compute.binaries import default_of, find_installed
from dormouse.compute.pooler import INSTALL_HINT, find_pgbouncer
from dormouse.config import Settings
from dormouse.errors import UserError
from dormouse.storage.layout import Layout

__all__ = ["examine"]


def examine(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Every finding, in the order of a start."""
    return [
        *_home(settings),
        *_postgres(settings, environ),
        *examine_storage(settings),
        *_pooler(settings, environ),
        *_network(settings),
        *_clients(environ),
    ]


def _home(settings: Settings) -> Iterator[Finding]:
    layout = Layout(settings.home)
    nearest = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield Finding(
            "problem", "home", f"{settings.home} cannot be written", "set DORMOUSE_HOME to another folder"
        )
        return
    running = background.is_running(layout)
    yield Finding("fine", "home", f"{settings.home}, the platform is {'up' if running else 'down'}")
    account = server_account()
    if account is not None:
        yield Finding("note", "user", f"you are root, so Postgres runs as {account.name!r}")
        if not can_enter(account, nearest):
            yield Finding(
                "problem",
                "user",
                f"{account.name!r} cannot enter {nearest}",
                "set DORMOUSE_HOME to a folder that others may pass through, such as /var/lib/dormouse",
            )


def _postgres(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    try:
        installed = find_installed(settings.pg_bin, environ, server_account())
        default = default_of(installed)
    except UserError as error:
        yield Finding("problem", "postgres", error.message, error.hint)
        return
    for postgres in installed:
        why = " (default: the newest with contrib, or else the newest)" if postgres is default else ""
        lacks = "" if postgres.has_contrib else ", no contrib"
        yield Finding(
            "fine",
            "postgres",
            f"{postgres.version} from {postgres.source}, {len(postgres.extensions)} extensions{lacks}{why}",
        )
    if not default.has_contrib:
        yield Finding(
            "note",
            "postgres",
            "without contrib there is no pg_trgm, hstore or citext",
            "install one: apt install postgresql, or brew install postgresql@17",
        )


def _pooler(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    found = find_pgbouncer(environ, settings.pgbouncer)
    if found is not None:
        prepares = "" if found.prepares else "; it knows no prepared statements of the protocol, 1.21 does"
        version = ".".join(map(str, found.version))
        yield Finding("fine", "pooler", f"PgBouncer {version} in {found.path} serves -pooler hosts{prepares}")
    elif settings.pooler == "required":
        yield Finding("problem", "pooler", "there is no PgBouncer, and -pooler hosts are refused", INSTALL_HINT)
    else:
        yield Finding("note", "pooler", "there is no PgBouncer: -pooler hosts are served directly", INSTALL_HINT)


def _network(settings: Settings) -> Iterator[Finding]:
    if settings.bind not in ("127.0.0.1", "::1", "localhost"):
        yield Finding(
            "note",
            "bind",
            f"{settings.bind}: other machines can reach both ports",
            "unset DORMOUSE_BIND to close them",
        )
    name = f"ep-name-to-try.{settings.host_suffix}"
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        yield Finding(
            "note",
            "names",
            f"{name} does not resolve here, so connection strings carry hostaddr=127.0.0.1",
            "drivers without hostaddr: `dormouse env --format other`",
        )
    else:
        yield Finding("fine", "names", f"{name} resolves")


def _clients(environ: Mapping[str, str]) -> Iterator[Finding]:
    libpq = psycopg.pq.version()
    yield Finding(
        "fine" if libpq >= 140000 else "note", "libpq", f"{libpq // 10000} in psycopg {psycopg.__version__}"
    )
    found = shutil.which("psql", path=environ.get("PATH"))
    if found:
        yield Finding("fine", "psql", found)
    else:
        purpose = "`dormouse psql` and `manage.py dbshell`"
        yield Finding("note", "psql", f"not on the PATH ({purpose})", "apt install postgresql-client")
    leaks = sorted(name for name in environ if name.startswith("PG"))
    if leaks:
        yield Finding(
            "note",
            "environment",
            f"{', '.join(leaks)} set: libpq's clients obey them",
            "the platform itself ignores them",
        )
