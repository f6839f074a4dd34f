"""Where a database is written down: a URL, libpq's variables, or `DB_*`; read, and checked key by key.

No error shows a password, however badly it was written into a URL; nothing here connects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured

from django_dormouse import hosts, libpq
from django_dormouse.keys import KEYS, Key
from django_dormouse.parameters import PARAMETERS, WHERE

__all__ = ["Source", "check_parameter", "direct", "from_url", "primary", "read_key", "unknown"]

_SCHEMES = ("postgresql://", "postgres://")
_OTHER_SCHEMES = ("pgsql://", "psql://")
"""What dj-database-url and django-environ take for the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One database as it was written down."""

    name: str
    """Where it was written: the environment variable, for messages."""
    parameters: Mapping[str, str] = field(repr=False)
    """libpq's keywords; the password is among them."""
    keys: Mapping[str, object]
    """Django's own keys, read and checked."""


def primary(environ: Mapping[str, str], default: str | None = None) -> Source:
    """The main database. `default` is a URL for an environment that names none. Raises ImproperlyConfigured."""
    for variable in ("DATABASE_URL", "DATABASE_URL_UNPOOLED"):
        if environ.get(variable):
            return from_url(variable, environ[variable])
    if any(environ.get(variable) for variable in ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")):
        return _checked(Source(name="PG*", parameters=_variables(environ, libpq.VARIABLES), keys={}))
    if environ.get("DB_NAME"):
        names = {
            "dbname": "DB_NAME",
            "user": "DB_USER",
            "password": "DB_PASSWORD",
            "host": "DB_HOST",
            "port": "DB_PORT",
        }
        names |= {name: f"DB_{name.upper()}" for name in PARAMETERS}
        keys = {
            key.name: read_key(f"DB_{key.name.upper()}", key, environ[f"DB_{key.name.upper()}"])
            for key in KEYS.values()
            if key.in_urls and environ.get(f"DB_{key.name.upper()}")
        }
        return _checked(Source(name="DB_*", parameters=_variables(environ, names), keys=keys))
    if default is not None:
        return from_url("databases(default=…)", default)
    raise ImproperlyConfigured(
        "No database is configured: set DATABASE_URL, or PGHOST, PGDATABASE, PGUSER and PGPASSWORD, "
        "or DB_NAME, DB_USER, DB_PASSWORD, DB_HOST and DB_PORT."
    )


def direct(pooled: Source, environ: Mapping[str, str]) -> Source:
    """The same database past its pooler: DATABASE_URL_UNPOOLED, else without the host's `-pooler`."""
    url = environ.get("DATABASE_URL_UNPOOLED")
    if url:
        return from_url("DATABASE_URL_UNPOOLED", url)
    host = hosts.direct_host(pooled.parameters["host"])
    keys = {name: value for name, value in pooled.keys.items() if KEYS[name].on_direct}
    return Source(name=pooled.name, parameters={**pooled.parameters, "host": host}, keys=keys)


def _variables(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {keyword: environ[variable] for keyword, variable in names.items() if environ.get(variable)}


def from_url(name: str, url: str) -> Source:
    """What a connection string says; `name` is where it stood. Raises ImproperlyConfigured."""
    if url.startswith(_OTHER_SCHEMES):
        url = "postgresql" + url[url.index("://") :]
    scheme, separator, _ = url.partition("://")
    if separator and not url.startswith(_SCHEMES) and scheme.replace("+", "").isalnum():
        raise ImproperlyConfigured(f"{name}: the scheme is {scheme!r}, expected postgresql://")
    # A password with a bare `/`, `?` or space splits in odd places; what looks like a key may be a piece of it.
    is_torn = not url.startswith(_SCHEMES) or "@" in url[_query_start(url) or len(url) :]
    url, texts = _take_keys(name, url)
    try:
        parameters = libpq.parse(url)
    except libpq.UnknownKeyword as error:
        if is_torn:
            raise ImproperlyConfigured(
                f"{name} holds a key that libpq does not know, or a password that is not percent-encoded"
            ) from None
        raise ImproperlyConfigured(f"{name}: {unknown(error.keyword)}") from None
    except libpq.InvalidConnectionString as error:
        raise ImproperlyConfigured(f"{name} is not a connection string that libpq can read: {error}") from None
    keys = {key: read_key(name, KEYS[key], texts[key], shown=not is_torn) for key in texts}
    return _checked(Source(name=name, parameters=parameters, keys=keys), shown=not is_torn)


def read_key(source: str, key: Key, value: object, *, shown: bool = True) -> object:
    """The key's value as Django wants it. Raises ImproperlyConfigured."""
    try:
        return key.read(value)
    except ValueError as error:
        told = repr(value) if shown else "malformed"
        raise ImproperlyConfigured(f"{source}: {key.name} is {told}, expected {error}") from None


def check_parameter(source: str, name: str, value: str, *, shown: bool = True) -> None:
    """One of libpq's parameters. Raises ImproperlyConfigured; one that is not in the table passes."""
    parameter = PARAMETERS.get(name)
    if parameter is None:
        return
    try:
        parameter.check(value)
    except ValueError as error:
        told = repr(value) if shown and not parameter.is_secret else "malformed"
        raise ImproperlyConfigured(f"{source}: {name} is {told}, expected {error}") from None


def unknown(name: str) -> str:
    """That there is no such key, with the nearest one."""
    close = get_close_matches(name, sorted(KEYS.keys() | PARAMETERS.keys() | WHERE), n=1)
    return f"unknown key {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _checked(source: Source, *, shown: bool = True) -> Source:
    for name, value in source.parameters.items():
        check_parameter(source.name, name, value, shown=shown)
    return source


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
        if key not in KEYS or not KEYS[key].in_urls:
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
