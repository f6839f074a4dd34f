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
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any, TypedDict, Unpack
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured

from django_dormouse import hosts, libpq
from django_dormouse.keys import KEYS, Key, apply

__all__ = ["Overrides", "databases"]

ENGINE = "django_dormouse.backend"
PRIMARY = "default"
DIRECT = "direct"
REPLICA = "replica"

_SCHEMES = ("postgresql://", "postgres://")

# Which server, which database, as whom: said in one place only, the environment.
_WHERE = frozenset({"host", "hostaddr", "port", "dbname", "user", "password", "service"})


class Overrides(TypedDict, total=False):
    """What `databases()` takes: Django's own keys, and libpq's keywords. Each wins over the environment."""

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
    sslcrl: str
    channel_binding: str
    require_auth: str
    gssencmode: str
    target_session_attrs: str
    load_balance_hosts: str
    passfile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """One database as it was written down."""

    name: str
    """Where it was written: the environment variable, for messages."""
    parameters: Mapping[str, str] = field(repr=False)
    """libpq's keywords; the password is among them."""
    keys: Mapping[str, object]
    """Django's own keys, read and checked."""


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
    parameters, keys = _read_overrides(dict(overrides))
    primary = _primary(environ)

    result = {PRIMARY: _settings(primary, parameters, keys, environ, machine)}
    pooled = hosts.is_pooled(primary.parameters.get("host", ""))
    if pooled:
        direct = _direct(primary, environ)
        only = {name: value for name, value in keys.items() if KEYS[name].on_direct}
        result[DIRECT] = _settings(direct, parameters, only, environ, machine)
        result[DIRECT]["DORMOUSE"] = result[DIRECT].get("DORMOUSE", {}) | {"DIRECT_OF": PRIMARY}
    for number, url in enumerate(environ.get("DATABASE_REPLICA_URL", "").split(), start=1):
        source = _from_url("DATABASE_REPLICA_URL", url)
        only = {name: value for name, value in keys.items() if KEYS[name].on_replicas}
        alias = REPLICA if number == 1 else f"{REPLICA}{number}"
        result[alias] = _settings(source, parameters, only, environ, machine)
        result[alias]["DORMOUSE"] = result[alias].get("DORMOUSE", {}) | {"REPLICA_OF": PRIMARY}
    for alias in result.keys() - {PRIMARY}:
        result[alias]["TEST"] = {"MIRROR": PRIMARY}
    return result


def _primary(environ: Mapping[str, str]) -> _Source:
    for variable in ("DATABASE_URL", "DATABASE_URL_UNPOOLED"):
        if environ.get(variable):
            return _from_url(variable, environ[variable])
    if any(environ.get(variable) for variable in ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")):
        return _Source(name="PG*", parameters=_variables(environ, libpq.VARIABLES), keys={})
    if environ.get("DB_NAME"):
        names = {
            "dbname": "DB_NAME",
            "user": "DB_USER",
            "password": "DB_PASSWORD",
            "host": "DB_HOST",
            "port": "DB_PORT",
        }
        return _Source(name="DB_*", parameters=_variables(environ, names), keys={})
    raise ImproperlyConfigured(
        "No database is configured: set DATABASE_URL, or PGHOST, PGDATABASE, PGUSER and PGPASSWORD, "
        "or DB_NAME, DB_USER, DB_PASSWORD, DB_HOST and DB_PORT."
    )


def _direct(primary: _Source, environ: Mapping[str, str]) -> _Source:
    """The same database past its pooler: DATABASE_URL_UNPOOLED, else without the host's `-pooler`."""
    url = environ.get("DATABASE_URL_UNPOOLED")
    if url:
        return _from_url("DATABASE_URL_UNPOOLED", url)
    host = hosts.direct_host(primary.parameters["host"])
    keys = {name: value for name, value in primary.keys.items() if KEYS[name].on_direct}
    return _Source(name=primary.name, parameters={**primary.parameters, "host": host}, keys=keys)


def _variables(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {keyword: environ[variable] for keyword, variable in names.items() if environ.get(variable)}


def _from_url(name: str, url: str) -> _Source:
    scheme, separator, _ = url.partition("://")
    if separator and not url.startswith(_SCHEMES) and scheme.replace("+", "").isalnum():
        raise ImproperlyConfigured(f"{name}: the scheme is {scheme!r}, expected postgresql://")
    url, texts = _take_keys(name, url)
    try:
        parameters = libpq.parse(url)
    except libpq.UnknownKeyword as error:
        if not url.startswith(_SCHEMES) or "@" in url[_query_start(url) or 0 :]:
            # A password with a bare `/`, `?` or space splits in odd places; what looks like a key may be a
            # piece of it.
            raise ImproperlyConfigured(
                f"{name} holds a key that libpq does not know, or a password that is not percent-encoded"
            ) from None
        raise ImproperlyConfigured(f"{name}: {_unknown(error.keyword)}") from None
    except libpq.InvalidConnectionString as error:
        raise ImproperlyConfigured(f"{name} is not a connection string that libpq can read: {error}") from None
    return _Source(
        name=name, parameters=parameters, keys={key: _read(name, KEYS[key], texts[key]) for key in texts}
    )


def _take_keys(name: str, url: str) -> tuple[str, dict[str, str]]:
    """The URL without Django's own keys, and these. libpq sees the rest exactly as it was written."""
    if not url.startswith(_SCHEMES):
        return url, {}
    start = _query_start(url)
    if start is None:
        return url, {}
    kept: list[str] = []
    taken: dict[str, str] = {}
    for part in url[start + 1 :].split("&"):
        written, equals, value = part.partition("=")
        key = unquote(written)
        if key not in KEYS:
            kept.append(part)
        elif not equals or key in taken:
            raise ImproperlyConfigured(f"{name}: {key} {'is given twice' if equals else 'has no value'}")
        else:
            taken[key] = unquote(value)
    return url[:start] + ("?" + "&".join(kept) if kept else ""), taken


def _query_start(url: str) -> int | None:
    """The index of the `?` that begins the query.

    A `?` may stand unescaped in a password: libpq first looks for the `@` that ends it, up to the next `/`
    (conninfo_uri_parse_options, fe-connect.c), and so must we.
    """
    start = url.index("://") + 3
    for index in range(start, len(url)):
        if url[index] == "@":
            start = index
            break
        if url[index] == "/":
            break
    found = url.find("?", start)
    return None if found < 0 else found


def _read_overrides(overrides: Mapping[str, object]) -> tuple[dict[str, str], dict[str, object]]:
    """libpq's keywords and Django's keys, apart and checked."""
    parameters: dict[str, str] = {}
    keys: dict[str, object] = {}
    for name, value in overrides.items():
        if name in KEYS:
            keys[name] = _read("databases()", KEYS[name], value)
        elif name in _WHERE:
            raise ImproperlyConfigured(
                f"databases(): {name} belongs in the environment, in DATABASE_URL for example"
            )
        elif name not in Overrides.__annotations__:
            raise ImproperlyConfigured(f"databases(): {_unknown(name)}")
        elif isinstance(value, bool) or not isinstance(value, str | int):
            raise ImproperlyConfigured(
                f"databases(): {name} is {type(value).__name__}, expected a text or a whole number"
            )
        else:
            parameters[name] = str(value)
    return parameters, keys


def _read(source: str, key: Key, value: object) -> object:
    try:
        return key.read(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{source}: {key.name} is {value!r}, expected {error}") from None


def _unknown(name: str) -> str:
    close = get_close_matches(name, sorted(KEYS.keys() | Overrides.__annotations__.keys() | _WHERE), n=1)
    return f"unknown key {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _settings(
    source: _Source,
    parameters: Mapping[str, str],
    keys: Mapping[str, object],
    environ: Mapping[str, str],
    machine: _Machine,
) -> dict[str, Any]:
    """One entry of DATABASES."""
    merged = {**source.parameters, **parameters}
    host = merged.get("host", "")
    if not merged.get("dbname") and not merged.get("service"):
        raise ImproperlyConfigured(f"{source.name} names no database")
    if not merged.get("service"):
        merged |= _connection_rules(merged, host, environ, machine)
    pooled = hosts.is_pooled(host)
    dropped = merged.get("options", "") if pooled else ""
    if dropped:
        # A pooler hands one server connection to many clients, so it refuses startup options (or drops them).
        del merged["options"]
    options = hosts.with_endpoint(merged.pop("options", ""), host, machine.libpq_version)
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
    for name, value in {**source.keys, **keys}.items():
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
