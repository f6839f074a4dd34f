"""What one database looks like from here, and what to do about it. Reads only, and never shows a password."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_dormouse import alias as aliases
from django_dormouse import checks, extensions, hosts, libpq, server_checks
from django_dormouse.advice import advice
from django_dormouse.replicas import asking
from django_dormouse.replicas.position import has_replayed

__all__ = ["Diagnosis", "Finding", "Server", "examine"]

_ROUND_TRIPS = 5
_LAGS_BYTES = 16 * 1024 * 1024
"""A segment of the log: behind by that much is more than a moment's delay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to know, or to do."""

    id: str
    """Of the system check that says the same, `dormouse.W005`; empty for what only this command sees."""
    text: str
    hint: str
    """What to do; empty if nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server that answered says."""

    version: str
    """`18.4`."""
    user: str
    rights: tuple[str, ...]
    """What the role may: `superuser`, `create databases`, `create roles`, `create tables`, …"""
    in_recovery: bool
    """True on a read replica."""
    lag_bytes: int | None
    """Of a replica: how much of the log it received and has not replayed. None of a primary."""
    behind_bytes: int | None
    """Of a replica: how much of its primary's log it has not replayed; None if the two cannot be compared."""
    follows_primary: bool | None
    """Of a replica: whether it has the same life of the data as its primary; None if that does not answer."""
    lag_s: float | None
    """Of a replica that lags: the age of the last transaction that it replayed."""
    tls: bool
    """Whether the connection, as this side sees it, is encrypted."""
    connect_ms: float
    """The time until the connection was there; a compute that had to wake first is in it."""
    reconnect_ms: float
    """The same a second time, when the server was awake for sure."""
    round_trip_ms: float
    """The median of a few `SELECT 1`."""
    backend_is_hidden: bool
    """Whether the process that answers is another one than the handshake named: a proxy or a pooler is between."""
    max_connections: int
    reserved: int
    """Of them, for superusers and operators."""
    wanted_connections: int | None
    """How many the project may open; None through a pooler."""
    missing_extensions: tuple[str, ...]
    """That installed apps need and the database does not have."""


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
    driver_version: str
    libpq_version: int
    """As libpq counts: 180006 is 18.6."""
    sends_server_name: bool
    """Whether this libpq says in TLS which host it wants (14 and later)."""
    verified: str
    """Who verified what, if the connection is encrypted."""
    server: Server | None
    error: str | None
    """Why the server did not answer; None if it did."""
    findings: tuple[Finding, ...]


def examine(connection: BaseDatabaseWrapper) -> Diagnosis:
    """Connect, ask, measure. Closes what it opened; raises nothing that a database may raise."""
    settings = connection.settings_dict
    password = str(settings.get("PASSWORD", ""))
    server, error = None, None
    found = [_finding(message) for message in _configured(connection.alias)]
    try:
        connection.close()
        server, told = _ask(connection)
        found += [_finding(message) for message in told] + list(_seen(connection, server))
    # ValueError and ImproperlyConfigured: Django's own words about OPTIONS, said when it first connects.
    except (DatabaseError, InterfaceError, ImproperlyConfigured, ValueError) as failure:
        error = _without_password(" ".join(str(failure).split()) or type(failure).__name__, password)
        found.append(Finding(id="", text=error, hint=advice(error) or ""))
    finally:
        connection.close()
    options = settings.get("OPTIONS", {})
    return Diagnosis(
        alias=connection.alias,
        host=settings.get("HOST", ""),
        port=str(settings.get("PORT", "")),
        database=settings.get("NAME", ""),
        pooled=aliases.is_pooled(settings),
        replica=bool(settings.get("DORMOUSE", {}).get("REPLICA_OF")),
        driver=libpq.DRIVER,
        driver_version=libpq.driver_version(),
        libpq_version=libpq.version(),
        sends_server_name=libpq.version() >= hosts.SNI_SINCE and str(options.get("sslsni", "1")) != "0",
        verified=_verified(options),
        server=server,
        error=error,
        findings=tuple(found),
    )


def _ask(connection: BaseDatabaseWrapper) -> tuple[Server, list[CheckMessage]]:
    alias = connection.alias
    connect_ms = _connect(connection)
    connection.close()
    reconnect_ms = _connect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_user, pg_is_in_recovery(), pg_backend_pid(), "
            "rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, "
            "coalesce(has_schema_privilege(to_regnamespace('public')::oid, 'CREATE'), false) "
            "FROM pg_roles WHERE rolname = current_user"
        )
        version, user, in_recovery, pid, *rights = cursor.fetchone()
        names = ("superuser", "create databases", "create roles", "bypass row security", "create tables")
        lag_bytes, lag_s = None, None
        if in_recovery:
            cursor.execute(
                "SELECT greatest(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0)::bigint, "
                "extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8"
            )
            lag_bytes, age = cursor.fetchone()
            # With nothing to replay the age says how long the primary has been idle.
            lag_s = age if lag_bytes else None
        behind_bytes, follows_primary = _behind(connection) if in_recovery else (None, None)
        needed = extensions.needed(connection)
        cursor.execute("SELECT extname FROM pg_extension")
        missing = needed - {name for (name,) in cursor.fetchall()}
        trips = []
        for _ in range(_ROUND_TRIPS):
            started = time.perf_counter()
            cursor.execute("SELECT 1")
            trips.append((time.perf_counter() - started) * 1000)
    answer, wanted = server_checks.ask(alias), server_checks.demand_of(alias)
    server = Server(
        version=version,
        user=user,
        rights=tuple(name for name, has in zip(names, rights, strict=True) if has),
        in_recovery=in_recovery,
        lag_bytes=lag_bytes,
        behind_bytes=behind_bytes,
        follows_primary=follows_primary,
        lag_s=lag_s,
        tls=_uses_tls(connection.connection),
        connect_ms=round(connect_ms, 1),
        reconnect_ms=round(reconnect_ms, 1),
        round_trip_ms=round(statistics.median(trips), 2),
        backend_is_hidden=_backend_pid(connection.connection) != pid,
        max_connections=answer.max_connections,
        reserved=answer.reserved,
        wanted_connections=None if wanted is None else wanted.total,
        missing_extensions=tuple(sorted(missing)),
    )
    zone = getattr(connection, "timezone_name", None)
    return server, list(server_checks.check_answer(alias, answer, zone, wanted))


def _behind(connection: BaseDatabaseWrapper) -> tuple[int | None, bool | None]:
    """How far a replica is behind its primary, and whether it follows it at all."""
    primary = connection.settings_dict.get("DORMOUSE", {}).get("REPLICA_OF")
    if primary not in connections.settings:
        return None, None
    try:
        # The primary first: what the replica replays between the two questions only brings it closer.
        written = asking.position(connections[primary])
    except (DatabaseError, InterfaceError, ImproperlyConfigured):
        return None, None
    replayed, _ = asking.progress(connection)
    if replayed.incarnation != written.incarnation or replayed.lsn is None or written.lsn is None:
        return None, False
    return (0 if has_replayed(replayed, written) else written.lsn - replayed.lsn), True


def _connect(connection: BaseDatabaseWrapper) -> float:
    started = time.perf_counter()
    connection.ensure_connection()
    return (time.perf_counter() - started) * 1000


def _configured(alias: str) -> list[CheckMessage]:
    """What the system checks say of that alias, the ones for deployment too."""
    databases = connections.settings
    messages = [*checks.check_databases(databases, libpq.version()), *checks.check_deployment(databases)]
    return [message for message in messages if f"DATABASES[{alias!r}]" in message.msg]


def _seen(connection: BaseDatabaseWrapper, server: Server) -> list[Finding]:
    """What can be told from the server's answers."""
    found = []
    settings = connection.settings_dict
    is_replica = bool(settings.get("DORMOUSE", {}).get("REPLICA_OF"))
    if "superuser" in server.rights:
        found.append(
            Finding(
                id="",
                text=f"The role {server.user} is a superuser: whoever gets into the site has the whole server.",
                hint="Give the site a role of its own: manage.py createdatabase.",
            )
        )
    elif "create tables" not in server.rights and not is_replica:
        found.append(
            Finding(
                id="",
                text=f"The role {server.user} may create nothing in schema public, so `migrate` will fail.",
                hint="manage.py createdatabase gives the right, or: GRANT USAGE, CREATE ON SCHEMA public TO ….",
            )
        )
    if server.follows_primary is False:
        found.append(
            Finding(
                id="",
                text="The replica has another life of the data than its primary: one of another branch, or from "
                "before a restore or a promotion.",
                hint="Do both URLs lead to the same branch? After a promotion a replica may take until its next "
                "restartpoint to say so; one that does not follow any more has to be made anew.",
            )
        )
    lacking = server.lag_bytes if server.behind_bytes is None else server.behind_bytes
    if lacking is not None and lacking > _LAGS_BYTES:
        found.append(
            Finding(
                id="",
                text=f"The replica has {lacking // 2**20} MB of the log still to replay.",
                hint="Is replay paused, is its machine too small, does a long query hold it up?",
            )
        )
    host = str(settings.get("HOST", ""))
    if server.backend_is_hidden and not aliases.is_pooled(settings) and hosts.endpoint_of(host) is None:
        found.append(
            Finding(
                id="",
                text="Another process answers than the handshake named: a pooler or a proxy stands between.",
                hint="If it is a pooler in transaction mode, put pooled=true into the URL.",
            )
        )
    found += [
        Finding(
            id="",
            text=f"Installed apps need the extension {name}, and this database does not have it.",
            hint=f"`migrate` creates it if the role may; else an administrator: CREATE EXTENSION {name};",
        )
        for name in (() if is_replica else server.missing_extensions)
    ]
    return found


def _verified(options: dict[str, Any]) -> str:
    mode, root = str(options.get("sslmode", "prefer")), options.get("sslrootcert")
    by = {None: "the default root.crt", "system": "this machine's authorities"}.get(
        root, f"the authority in {root}"
    )
    if mode == "verify-full" or root == "system":
        return f"certificate and name, by {by}"
    # libpq keeps a promise to old setups: with a root file `require` verifies the chain.
    if mode == "verify-ca" or (mode == "require" and root):
        return f"the certificate, not the name, by {by}"
    return "nobody verified the server"


def _finding(message: CheckMessage) -> Finding:
    return Finding(id=str(message.id or ""), text=message.msg, hint=message.hint or "")


def _uses_tls(connection: Any) -> bool:
    # Asked of the client's side: the server sees only its own hop, which behind a proxy is another one.
    pgconn = getattr(connection, "pgconn", None)
    return bool(connection.info.ssl_in_use if pgconn is None else pgconn.ssl_in_use)


def _backend_pid(connection: Any) -> int:
    return int(connection.info.backend_pid)


def _without_password(text: str, password: str) -> str:
    # No message of libpq holds one; a proxy's might. A very short one would only tear words apart.
    return text.replace(password, "****") if len(password) > 3 else text
