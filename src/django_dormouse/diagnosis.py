"""What one database looks like from here: driver, server, encryption, role, latency. Never a password."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper

from django_dormouse import alias as aliases
from django_dormouse import hosts, libpq

__all__ = ["Diagnosis", "examine"]

_ROUND_TRIPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server that answered says."""

    version: str
    """`18.4`."""
    user: str
    in_recovery: bool
    """True on a read replica."""
    tls: bool
    """Whether the connection, as this side sees it, is encrypted."""
    connect_ms: float
    """The time until the connection was there; a compute that had to wake first is in it."""
    round_trip_ms: float
    """The median of a few `SELECT 1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One alias."""

    alias: str
    host: str
    port: str
    database: str
    pooled: bool
    replica: bool
    """Whether the settings call it one."""
    driver: str
    libpq_version: int
    """As libpq counts: 180006 is 18.6."""
    sends_server_name: bool
    """Whether this libpq says in TLS which host it wants (14 and later)."""
    server: Server | None
    error: str | None
    """Why the server did not answer; None if it did."""


def examine(connection: BaseDatabaseWrapper) -> Diagnosis:
    """Connect, ask, measure. Closes what it opened; raises nothing that a database may raise."""
    settings = connection.settings_dict
    server, error = None, None
    connection.close()
    try:
        server = _ask(connection)
    except (DatabaseError, InterfaceError) as failure:
        error = _without_password(" ".join(str(failure).split()), settings.get("PASSWORD", ""))
    finally:
        connection.close()
    return Diagnosis(
        alias=connection.alias,
        host=settings.get("HOST", ""),
        port=str(settings.get("PORT", "")),
        database=settings.get("NAME", ""),
        pooled=aliases.is_pooled(settings),
        replica=aliases.of(settings).replica_of is not None,
        driver=libpq.DRIVER,
        libpq_version=libpq.version(),
        sends_server_name=libpq.version() >= hosts.SNI_SINCE,
        server=server,
        error=error,
    )


def _ask(connection: BaseDatabaseWrapper) -> Server:
    started = time.perf_counter()
    connection.ensure_connection()
    connect_ms = (time.perf_counter() - started) * 1000
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_user, pg_is_in_recovery()")
        version, user, in_recovery = cursor.fetchone()
        trips = []
        for _ in range(_ROUND_TRIPS):
            started = time.perf_counter()
            cursor.execute("SELECT 1")
            trips.append((time.perf_counter() - started) * 1000)
    return Server(
        version=version,
        user=user,
        in_recovery=in_recovery,
        tls=_uses_tls(connection.connection),
        connect_ms=round(connect_ms, 1),
        round_trip_ms=round(statistics.median(trips), 2),
    )


def _uses_tls(connection: Any) -> bool:
    # Asked of the client's side: the server sees only its own hop, which behind a proxy is another one.
    pgconn = getattr(connection, "pgconn", None)
    return bool(connection.info.ssl_in_use if pgconn is None else pgconn.ssl_in_use)


def _without_password(text: str, password: str) -> str:
    # No message of libpq holds one; a proxy's might. A very short one would only tear words apart.
    return text.replace(password, "****") if len(password) > 3 else text
