"""`DATABASES` from the environment.

    DATABASES = django_dormouse.databases()

Read in this order, the first that is there:

1. `DATABASE_URL`, and beside it `DATABASE_URL_UNPOOLED` and `DATABASE_REPLICA_URL` (one or more, separated by
   spaces). Parsed by libpq itself.
2. libpq's own `PGHOST`, `PGDATABASE`, `PGUSER`, `PGPASSWORD`, …
3. `DB_NAME`, `DB_USER`, `DB_PASSWORD`, `DB_HOST`, `DB_PORT`.

Files are not read: a settings module that keeps these in `.env` loads it first (python-dotenv).
The only look at the world beside the environment is whether a `*.localhost` name resolves.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ImproperlyConfigured

from django_dormouse import alias as aliases
from django_dormouse import hosts, libpq, sources
from django_dormouse.keys import KEYS, apply, startup_options
from django_dormouse.parameters import PARAMETERS, WHERE, combination, counts
from django_dormouse.sources import Source

__all__ = ["Overrides", "databases"]

ENGINE = "django_dormouse.backend"
PRIMARY = "default"
DIRECT = "direct"
REPLICA = "replica"

_ELSEWHERE = {
    "engine": 'ENGINE is always "django_dormouse.backend"; leave it out',
    "env": 'give the environment instead: databases({"DATABASE_URL": os.environ["OTHER_URL"]})',
}
"""Arguments of dj-database-url that have no meaning here, and what has."""


class Overrides(TypedDict, total=False):
    """What `databases()` takes: Django's own keys, and libpq's keywords. Each wins over the environment."""

    default: str
    """A connection string for an environment that names no database."""
    conn_max_age: int | None
    conn_health_checks: bool
    atomic_requests: bool
    autocommit: bool
    disable_server_side_cursors: bool
    time_zone: str
    pool: bool | Mapping[str, object]
    assume_role: str
    isolation_level: int | str
    server_side_binding: bool
    prepare_threshold: int | None
    connect_deadline: float
    statement_timeout: int | str
    lock_timeout: int | str
    idle_in_transaction_session_timeout: int | str
    search_path: str
    currentSchema: str
    pooled: bool
    weight: int
    ssl_require: bool
    test_options: Mapping[str, object]
    application_name: str
    fallback_application_name: str
    client_encoding: str
    connect_timeout: int
    tcp_user_timeout: int
    keepalives: int
    keepalives_idle: int
    keepalives_interval: int
    keepalives_count: int
    options: str
    sslmode: str
    sslnegotiation: str
    sslrootcert: str
    sslcert: str
    sslkey: str
    sslpassword: str
    sslcertmode: str
    sslcrl: str
    sslcrldir: str
    sslsni: int
    ssl_min_protocol_version: str
    ssl_max_protocol_version: str
    channel_binding: str
    require_auth: str
    requirepeer: str
    gssencmode: str
    krbsrvname: str
    target_session_attrs: str
    load_balance_hosts: str
    passfile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """What the rules need to know of the machine."""

    libpq_version: int
    resolves: Callable[[str], bool]


def databases(
    environ: Mapping[str, str] | None = None, **overrides: Unpack[Overrides]
) -> dict[str, dict[str, Any]]:
    """`DATABASES`: the alias `default`, `direct` behind a pooler, `replica`, `replica2`, … where replicas are
    named.

    `environ` is `os.environ` unless another mapping is given. Raises ImproperlyConfigured, which names
    the variable and the key, and never shows a password.
    """
    environ = os.environ if environ is None else environ
    machine = _Machine(libpq_version=libpq.version(), resolves=_resolves)
    given = dict(overrides)
    default = given.pop("default", None)
    if default is not None and not isinstance(default, str):
        raise ImproperlyConfigured("databases(): default is no text, expected a connection string")
    parameters, keys = _read_overrides(given)
    # libpq reads these by itself, beside a URL too: so they are checked too.
    for name, variable in libpq.VARIABLES.items():
        if environ.get(variable):
            sources.check_parameter(variable, name, environ[variable])
    primary = sources.primary(environ, default)

    result = {PRIMARY: _settings(primary, parameters, keys, environ, machine)}
    host = primary.parameters.get("host", "")
    has_direct = bool(environ.get("DATABASE_URL_UNPOOLED")) or hosts.direct_host(host) != host
    if aliases.is_pooled(result[PRIMARY]) and has_direct:
        direct = sources.direct(primary, environ)
        only = {name: value for name, value in keys.items() if KEYS[name].on_direct}
        result[DIRECT] = _settings(direct, parameters, only, environ, machine)
        result[DIRECT]["DORMOUSE"] = result[DIRECT].get("DORMOUSE", {}) | {"DIRECT_OF": PRIMARY}
    for number, url in enumerate(environ.get("DATABASE_REPLICA_URL", "").split(), start=1):
        source = sources.from_url("DATABASE_REPLICA_URL", url)
        only = {name: value for name, value in keys.items() if KEYS[name].on_replicas}
        alias = REPLICA if number == 1 else f"{REPLICA}{number}"
        result[alias] = _settings(source, parameters, only, environ, machine)
        result[alias]["DORMOUSE"] = result[alias].get("DORMOUSE", {}) | {"REPLICA_OF": PRIMARY}
    for alias in result.keys() - {PRIMARY}:
        result[alias]["TEST"] = {"MIRROR": PRIMARY}
    return result


def _read_overrides(overrides: Mapping[str, object]) -> tuple[dict[str, str], dict[str, object]]:
    """libpq's keywords and Django's keys, apart and checked."""
    parameters: dict[str, str] = {}
    keys: dict[str, object] = {}
    for name, value in overrides.items():
        if name in KEYS:
            keys[name] = sources.read_key("databases()", KEYS[name], value)
        elif name in WHERE:
            raise ImproperlyConfigured(
                f"databases(): {name} belongs in the environment, in DATABASE_URL for example"
            )
        elif name in _ELSEWHERE:
            raise ImproperlyConfigured(f"databases(): {name} is dj-database-url's; {_ELSEWHERE[name]}")
        elif name not in PARAMETERS:
            raise ImproperlyConfigured(f"databases(): {sources.unknown(name)}")
        elif isinstance(value, bool) or not isinstance(value, str | int):
            raise ImproperlyConfigured(
                f"databases(): {name} is {type(value).__name__}, expected a text or a whole number"
            )
        else:
            sources.check_parameter("databases()", name, str(value))
            parameters[name] = str(value)
    return parameters, keys


def _settings(
    source: Source,
    parameters: Mapping[str, str],
    keys: Mapping[str, object],
    environ: Mapping[str, str],
    machine: _Machine,
) -> dict[str, Any]:
    """One entry of DATABASES."""
    all_keys = {**source.keys, **keys}
    merged = {**source.parameters, **parameters}
    host = merged.get("host", "")
    if not merged.get("dbname") and not merged.get("service"):
        raise ImproperlyConfigured(f"{source.name} names no database")
    verifies = merged.get("sslmode") in ("verify-ca", "verify-full") or merged.get("sslrootcert") == "system"
    if all_keys.get("ssl_require") and not verifies:
        merged["sslmode"] = "require"
    if not merged.get("service"):
        merged |= _connection_rules(merged, host, environ, machine)
    for wrong in (counts(merged), combination(merged, machine.libpq_version)):
        if wrong is not None:
            raise ImproperlyConfigured(f"{source.name}: {wrong}")
    # Arguments come last: of two `-c` for one setting the later wins.
    startup = " ".join(filter(None, (merged.pop("options", ""), startup_options(all_keys))))
    pooled = bool(all_keys.get("pooled", hosts.is_pooled(host)))
    # A pooler hands one server connection to many clients, so it refuses startup options (or drops them).
    dropped = startup if pooled else ""
    options = hosts.with_endpoint("" if pooled else startup, host, machine.libpq_version)
    if options:
        merged["options"] = options

    settings: dict[str, Any] = {
        "ENGINE": ENGINE,
        **{place: merged.pop(keyword, "") for keyword, place in _DJANGO_NAMES.items()},
        "OPTIONS": merged,
    }
    if pooled:
        settings["DISABLE_SERVER_SIDE_CURSORS"] = True
    if dropped:
        settings["DORMOUSE"] = {"DROPPED_OPTIONS": dropped}
    for name, value in all_keys.items():
        apply(settings, KEYS[name], value)
    return settings


_DJANGO_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def _connection_rules(
    parameters: Mapping[str, str], host: str, environ: Mapping[str, str], machine: _Machine
) -> dict[str, str]:
    """What is added to make the connection reach the right server, safely."""
    added: dict[str, str] = {}
    if "hostaddr" not in parameters:
        address = hosts.hostaddr_for(host, machine.resolves)
        if address is not None:
            added["hostaddr"] = address
        elif environ.get("PGHOSTADDR"):
            # libpq would take it from the environment, and go there instead of to `host`. An empty value
            # counts as given, and says nothing.
            added["hostaddr"] = ""
    if "sslmode" not in parameters:
        root = parameters.get("sslrootcert") or environ.get("PGSSLROOTCERT")
        if environ.get("PGSSLMODE"):
            added["sslmode"] = environ["PGSSLMODE"]
        elif root == "system":
            # libpq 16 and later then verifies in full, and refuses anything weaker.
            pass
        elif hosts.needs_tls(host or parameters.get("hostaddr", "")):
            added["sslmode"] = "require"
    return added


@cache
def _resolves(name: str) -> bool:
    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False
    return True
