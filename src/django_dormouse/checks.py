"""System checks. Each is explained, with what to do, in docs/reference/checks.md.

Those that look at settings alone run at every start; the one that connects runs where Django runs
database checks: `manage.py check --database default`, and before `migrate`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from django_dormouse import alias as aliases
from django_dormouse import hosts, libpq, settings

__all__ = ["check_databases", "check_routing", "check_servers", "check_settings", "register"]

TAG = "dormouse"
ENGINE = "django_dormouse.backend"
ROUTER = "django_dormouse.replicas.Router"
MIDDLEWARE = "django_dormouse.replicas.Middleware"

_SAFE_SSLMODES = frozenset({"require", "verify-ca", "verify-full"})

Databases = Mapping[str, Mapping[str, Any]]


def register() -> None:
    """Tell Django of them; called once, when the app is ready."""
    checks.register(_run_check_settings, TAG)
    checks.register(_run_check_databases, TAG)
    checks.register(_run_check_routing, TAG)
    checks.register(_run_check_unused_router, TAG, deploy=True)
    checks.register(check_servers, checks.Tags.database)


def check_settings(given: object, databases: Databases) -> Iterator[CheckMessage]:
    """E001: DORMOUSE and each alias's "DORMOUSE" can be read."""
    try:
        settings.parse(given)
    except ImproperlyConfigured as error:
        yield _error("E001", str(error), "Correct DORMOUSE in the settings.")
    for name, database in databases.items():
        try:
            aliases.of(database)
        except ImproperlyConfigured as error:
            yield _error("E001", f"DATABASES[{name!r}]: {error}", 'Correct "DORMOUSE" in that entry.')


def check_databases(databases: Databases, libpq_version: int) -> Iterator[CheckMessage]:
    """W005 to W010: what one can see in DATABASES without connecting."""
    for name, database in databases.items():
        if database.get("ENGINE") != ENGINE:
            continue
        host = database.get("HOST", "")
        options = database.get("OPTIONS", {})
        ours = database.get("DORMOUSE", {})
        if aliases.is_pooled(database):
            yield from _check_pooled(name, database, databases)
        if (
            libpq_version < hosts.SNI_SINCE
            and hosts.endpoint_of(host)
            and "endpoint=" not in str(options.get("options", ""))
        ):
            yield _warning(
                "W007",
                f"DATABASES[{name!r}]: libpq {libpq_version // 10000} does not send the server's name in TLS, "
                "so that the proxy cannot tell which endpoint is meant.",
                "Use a driver with libpq 14 or later (psycopg[binary] brings its own), or let "
                "django_dormouse.databases() write the settings: it adds options=endpoint=….",
            )
        if hosts.needs_tls(host) and not _is_encrypted(options):
            yield _warning(
                "W008",
                f"DATABASES[{name!r}]: the connection to another machine may go unencrypted.",
                'Set OPTIONS["sslmode"] to "require", or to "verify-full" with an sslrootcert.',
            )
        if ours.get("REPLICA_OF") and not database.get("TEST", {}).get("MIRROR"):
            yield _warning(
                "W010",
                f"DATABASES[{name!r}] is a replica, and tests would try to create a database on it.",
                f'Add "TEST": {{"MIRROR": {ours["REPLICA_OF"]!r}}} to that entry.',
            )


def check_routing(
    databases: Databases, routers: Sequence[object], middleware: Sequence[str]
) -> Iterator[CheckMessage]:
    """W002, W003: replicas are of use only with the router and its middleware."""
    if not aliases.replicas_of(DEFAULT_DB_ALIAS, databases):
        return
    if ROUTER not in routers:
        yield _warning(
            "W002",
            "There is a replica, and no router that sends reads to it.",
            f'Add "{ROUTER}" to DATABASE_ROUTERS.',
        )
    elif MIDDLEWARE not in middleware:
        yield _warning(
            "W003",
            "Without its middleware the router knows nothing of a request's user, and reads from the primary.",
            f'Put "{MIDDLEWARE}" first in MIDDLEWARE.',
        )


def check_servers(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """E011, E012, W013: the servers answer, and are what the settings say. Connects."""
    messages: list[CheckMessage] = []
    for name in databases or ():
        if connections.settings[name].get("ENGINE") != ENGINE:
            continue
        is_replica = bool(connections.settings[name].get("DORMOUSE", {}).get("REPLICA_OF"))
        try:
            with connections[name].cursor() as cursor:
                cursor.execute("SELECT pg_is_in_recovery()")
                in_recovery = cursor.fetchone()[0]
        except (DatabaseError, InterfaceError) as error:
            messages.append(
                _error(
                    "E011",
                    f"The database {name!r} cannot be reached: {_one_line(error)}",
                    f"Run: python manage.py dbdoctor {name}",
                )
            )
            continue
        if in_recovery and not is_replica:
            messages.append(
                _error(
                    "E012",
                    f"The database {name!r} is a standby and takes no writes.",
                    "Name the primary there.",
                )
            )
        if is_replica and not in_recovery:
            messages.append(
                _warning(
                    "W013",
                    f"The database {name!r} is meant as a replica, and is none.",
                    "Name a replica there, or leave the alias out.",
                )
            )
    return messages


def _check_pooled(name: str, database: Mapping[str, Any], databases: Databases) -> Iterator[CheckMessage]:
    if not database.get("DISABLE_SERVER_SIDE_CURSORS"):
        yield _warning(
            "W005",
            f"DATABASES[{name!r}] goes through a pooler, where .iterator() loses its server-side cursor.",
            'Add "DISABLE_SERVER_SIDE_CURSORS": True to that entry.',
        )
    dropped = database.get("DORMOUSE", {}).get("DROPPED_OPTIONS")
    if dropped or database.get("OPTIONS", {}).get("options"):
        yield _warning(
            "W006",
            f"DATABASES[{name!r}] goes through a pooler, which does not pass startup options on.",
            "Set them on the role or the database: ALTER ROLE … SET statement_timeout = '30s'.",
        )
    is_replica = database.get("DORMOUSE", {}).get("REPLICA_OF")
    if not is_replica and not any(
        other.get("DORMOUSE", {}).get("DIRECT_OF") == name for other in databases.values()
    ):
        yield _warning(
            "W009",
            f"DATABASES[{name!r}] goes through a pooler, and `migrate` knows no way past it.",
            f'Add an alias for the direct host with "DORMOUSE": {{"DIRECT_OF": {name!r}}}, '
            "or let django_dormouse.databases() write the settings.",
        )


def _is_encrypted(options: Mapping[str, Any]) -> bool:
    # A service file may say what is needed; with the system's certificates libpq verifies in full.
    mode_is_left_open = bool(options.get("service")) or options.get("sslrootcert") == "system"
    return options.get("sslmode") in _SAFE_SSLMODES or (mode_is_left_open and "sslmode" not in options)


def _run_check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    return list(check_settings(getattr(django_settings, "DORMOUSE", {}), connections.settings))


def _run_check_databases(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    return list(check_databases(connections.settings, libpq.version()))


def _run_check_routing(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    return list(check_routing(connections.settings, django_settings.DATABASE_ROUTERS, django_settings.MIDDLEWARE))


def _run_check_unused_router(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    replicas = aliases.replicas_of(DEFAULT_DB_ALIAS, connections.settings)
    if replicas or ROUTER not in django_settings.DATABASE_ROUTERS:
        return []
    return [
        checks.Info(
            "The router is configured and there is no replica: all reads go to the primary.",
            hint="Set DATABASE_REPLICA_URL, if there is one.",
            id="dormouse.I004",
        )
    ]


def _error(number: str, message: str, hint: str) -> CheckMessage:
    return checks.Error(message, hint=hint, id=f"dormouse.{number}")


def _warning(number: str, message: str, hint: str) -> CheckMessage:
    return checks.Warning(message, hint=hint, id=f"dormouse.{number}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
