"""System checks. Each is explained, with what to do, in docs/reference/checks.md.

Those that look at settings alone run at every start; the one that connects runs where Django runs
database checks: `manage.py check --database default`, and before `migrate`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from django_dormouse import alias as aliases
from django_dormouse import hosts, libpq, server_checks, settings
from django_dormouse.parameters import PARAMETERS, combination, counts
from django_dormouse.quoting import identifier, literal

__all__ = ["check_databases", "check_deployment", "check_routing", "check_settings", "register"]

TAG = "dormouse"
ENGINE = "django_dormouse.backend"
ROUTER = "django_dormouse.replicas.Router"
MIDDLEWARE = "django_dormouse.replicas.Middleware"

_READING_MIDDLEWARE = frozenset(
    {
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
        "django.contrib.redirects.middleware.RedirectFallbackMiddleware",
        "django.contrib.sites.middleware.CurrentSiteMiddleware",
    }
)

_SAFE_SSLMODES = frozenset({"require", "verify-ca", "verify-full"})

Databases = Mapping[str, Mapping[str, Any]]


def register() -> None:
    """Tell Django of them; called once, when the app is ready."""
    checks.register(_run_check_settings, TAG)
    checks.register(_run_check_databases, TAG)
    checks.register(_run_check_routing, TAG)
    checks.register(_run_check_unused_router, TAG, deploy=True)
    checks.register(_run_check_deployment, TAG, deploy=True)
    checks.register(server_checks.check_servers, checks.Tags.database)


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
    """W005 to W010, E014, E017, E020: what one can see in DATABASES without connecting."""
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
        yield from _check_values(name, database, libpq_version)
        yield from _check_pool(name, database)
        yield from _check_test(name, database, databases)
        if ours.get("REPLICA_OF") and not database.get("TEST", {}).get("MIRROR"):
            yield _warning(
                "W010",
                f"DATABASES[{name!r}] is a replica, and tests would try to create a database on it.",
                f'Add "TEST": {{"MIRROR": {ours["REPLICA_OF"]!r}}} to that entry.',
            )


def check_routing(
    databases: Databases, routers: Sequence[object], middleware: Sequence[str]
) -> Iterator[CheckMessage]:
    """W002, W003, E021, W022: replicas are of use only with the router and its middleware."""
    for name, database in databases.items():
        primary = (database.get("DORMOUSE") or {}).get("REPLICA_OF")
        if primary is not None and (
            primary not in databases or databases[primary].get("DORMOUSE", {}).get("REPLICA_OF")
        ):
            yield _error(
                "E021",
                f"DATABASES[{name!r}] is a replica of {primary!r}, which is no primary in DATABASES.",
                'Name the alias of its primary in "REPLICA_OF".',
            )
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
    else:
        before = [name for name in middleware[: middleware.index(MIDDLEWARE)] if name in _READING_MIDDLEWARE]
        if before:
            yield _warning(
                "W022",
                f"{before[0]} stands before the router's middleware, so that what it reads and writes belongs to "
                "no request, and a position does not cover it.",
                f'Put "{MIDDLEWARE}" first in MIDDLEWARE.',
            )


def check_deployment(databases: Databases) -> Iterator[CheckMessage]:
    """W015: the server is verified; I023: connections to replicas are kept (`--deploy` only)."""
    for name, database in databases.items():
        if (
            (database.get("DORMOUSE") or {}).get("REPLICA_OF")
            and database.get("CONN_MAX_AGE", 0) == 0
            and not database.get("OPTIONS", {}).get("pool")
        ):
            yield checks.Info(
                f"DATABASES[{name!r}]: connections to this replica are not kept, so each request of a user who "
                "has written asks it once how far it is.",
                hint="Give databases() a conn_max_age, or a pool under ASGI.",
                id="dormouse.I023",
            )
        if database.get("ENGINE") != ENGINE or not hosts.needs_tls(database.get("HOST", "")):
            continue
        options = database.get("OPTIONS", {})
        if options.get("service") or options.get("sslrootcert") == "system":
            continue
        mode = options.get("sslmode")
        if mode in _SAFE_SSLMODES and mode != "verify-full":
            yield _warning(
                "W015",
                f"DATABASES[{name!r}]: with sslmode={mode} nobody checks who answers under that name.",
                "Set sslmode=verify-full with sslrootcert=system (libpq 16), or with the file of the authority.",
            )


def _check_pooled(name: str, database: Mapping[str, Any], databases: Databases) -> Iterator[CheckMessage]:
    if not database.get("DISABLE_SERVER_SIDE_CURSORS"):
        yield _warning(
            "W005",
            f"DATABASES[{name!r}] goes through a pooler, where .iterator() loses its server-side cursor.",
            'Add "DISABLE_SERVER_SIDE_CURSORS": True to that entry.',
        )
    dropped = " ".join(
        filter(
            None,
            (
                database.get("DORMOUSE", {}).get("DROPPED_OPTIONS", ""),
                # The endpoint's name is for the proxy before the pooler.
                re.sub(r"^endpoint=\S+ ?", "", str(database.get("OPTIONS", {}).get("options", ""))),
            ),
        )
    )
    if dropped:
        yield _warning(
            "W006",
            f"DATABASES[{name!r}] goes through a pooler, which does not pass startup options on.",
            f"Set them on the role, past the pooler: {_role_settings(str(database.get('USER', '')), dropped)} "
            "Then silence this check.",
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


def _role_settings(role: str, options: str) -> str:
    """The statements that say the same for every session of the role."""
    found = re.findall(r"-c\s*([A-Za-z_.]+)=((?:\\.|\S)*)|--([A-Za-z_-]+)=((?:\\.|\S)*)", options)
    who = identifier(role or "app")
    statements = []
    for name, value, long, other in found:
        plain = re.sub(r"\\(.)", r"\1", value or other)
        statements.append(f"ALTER ROLE {who} SET {name or long.replace('-', '_')} = {literal(plain)};")
    return " ".join(statements) or f"ALTER ROLE {who} SET statement_timeout = '30s';"


def _check_values(name: str, database: Mapping[str, Any], libpq_version: int) -> Iterator[CheckMessage]:
    options = database.get("OPTIONS", {})
    given = {key: str(value) for key, value in options.items() if key in PARAMETERS or key == "hostaddr"}
    wrong = []
    for key, value in given.items():
        try:
            if key in PARAMETERS:
                PARAMETERS[key].check(value)
        except ValueError as error:
            wrong.append(f"{key}: expected {error}")
    where = {"host": str(database.get("HOST", "")), "port": str(database.get("PORT", ""))}
    wrong += filter(None, (counts({**given, **where}), combination(given, libpq_version)))
    for sentence in wrong:
        yield _error("E020", f"DATABASES[{name!r}]: {sentence}.", "Correct it; libpq would refuse to connect.")


def _check_pool(name: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if database.get("OPTIONS", {}).get("pool") and database.get("CONN_MAX_AGE", 0) != 0:
        yield _error(
            "E014",
            f"DATABASES[{name!r}] has a pool and a CONN_MAX_AGE, and Django refuses to connect with both.",
            "Leave CONN_MAX_AGE out: the pool keeps connections by itself.",
        )


def _check_test(name: str, database: Mapping[str, Any], databases: Databases) -> Iterator[CheckMessage]:
    test = database.get("TEST", {})
    mirror = test.get("MIRROR")
    if mirror is not None and mirror not in databases:
        yield _error(
            "E017",
            f"DATABASES[{name!r}]: under test it mirrors {mirror!r}, which is not in DATABASES.",
            'Name an alias that is there in TEST["MIRROR"].',
        )
    if not mirror and test.get("NAME") and test["NAME"] == database.get("NAME"):
        yield _error(
            "E017",
            f"DATABASES[{name!r}]: tests would create, and then destroy, the database that the site uses.",
            'Give TEST["NAME"] another name, or leave it out.',
        )


def _is_encrypted(options: Mapping[str, Any]) -> bool:
    # A service file may say what is needed; with the system's certificates libpq verifies in full.
    mode_is_left_open = bool(options.get("service")) or options.get("sslrootcert") == "system"
    return options.get("sslmode") in _SAFE_SSLMODES or (mode_is_left_open and "sslmode" not in options)


def _run_check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    return list(check_settings(getattr(django_settings, "DORMOUSE", {}), connections.settings))


def _run_check_databases(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    return list(check_databases(connections.settings, libpq.version()))


def _run_check_deployment(app_configs: Any, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    return list(check_deployment(connections.settings))


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
