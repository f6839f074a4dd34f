"""What libpq says about connection strings, asked through whichever driver is installed.

psycopg 3 is asked first, as Django does; psycopg2 serves where it alone is installed. Nothing here connects,
and nothing reads the environment: libpq's parser alone (`PQconninfoParse`) does not look at `PG*`.
"""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

__all__ = [
    "DRIVER",
    "VARIABLES",
    "InvalidConnectionString",
    "UnknownKeyword",
    "driver_version",
    "parse",
    "version",
]

VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "host": "PGHOST",
        "hostaddr": "PGHOSTADDR",
        "port": "PGPORT",
        "dbname": "PGDATABASE",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "passfile": "PGPASSFILE",
        "service": "PGSERVICE",
        "options": "PGOPTIONS",
        "application_name": "PGAPPNAME",
        "connect_timeout": "PGCONNECT_TIMEOUT",
        "client_encoding": "PGCLIENTENCODING",
        "target_session_attrs": "PGTARGETSESSIONATTRS",
        "load_balance_hosts": "PGLOADBALANCEHOSTS",
        "sslmode": "PGSSLMODE",
        "sslnegotiation": "PGSSLNEGOTIATION",
        "sslrootcert": "PGSSLROOTCERT",
        "sslcert": "PGSSLCERT",
        "sslkey": "PGSSLKEY",
        "sslcertmode": "PGSSLCERTMODE",
        "sslcrl": "PGSSLCRL",
        "sslcrldir": "PGSSLCRLDIR",
        "sslsni": "PGSSLSNI",
        "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
        "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
        "channel_binding": "PGCHANNELBINDING",
        "require_auth": "PGREQUIREAUTH",
        "requirepeer": "PGREQUIREPEER",
        "gssencmode": "PGGSSENCMODE",
        "krbsrvname": "PGKRBSRVNAME",
    }
)
"""libpq's keyword → its environment variable (manual, 34.15). Keywords without one are not listed."""

_UNKNOWN = re.compile(r'invalid (?:URI query parameter|connection option):? "([^"]*)"')
_QUOTED = re.compile(r'".*"', re.DOTALL)


class InvalidConnectionString(ValueError):
    """libpq cannot read it. The text says why and quotes nothing of it, because it may hold a password."""


class UnknownKeyword(InvalidConnectionString):
    """This libpq knows no such keyword; `keyword` is its name."""

    def __init__(self, keyword: str) -> None:
        super().__init__(f"unknown key {keyword!r}")
        self.keyword = keyword


class _Driver:
    """The few things that are asked of a driver."""

    def __init__(self) -> None:
        try:
            psycopg = import_module("psycopg")
            self.name = "psycopg"
            self.parse = cast(Callable[[str], dict[str, str]], import_module("psycopg.conninfo").conninfo_to_dict)
            self.version = cast(Callable[[], int], psycopg.pq.version)
        except ImportError:
            # Also when psycopg is there without a libpq that it could load.
            psycopg = import_module("psycopg2")
            extensions = import_module("psycopg2.extensions")
            self.name = "psycopg2"
            self.parse = cast(Callable[[str], dict[str, str]], extensions.parse_dsn)
            self.version = cast(Callable[[], int], extensions.libpq_version)
        self.release = str(psycopg.__version__).split()[0]
        self.error = cast(type[Exception], psycopg.Error)


_driver = _Driver()

DRIVER: Final = _driver.name
"""`psycopg` or `psycopg2`."""


def version() -> int:
    """The version of the libpq in use, as libpq counts: 180006 is 18.6."""
    return _driver.version()


def driver_version() -> str:
    """Of the driver itself: `3.3.9`."""
    return _driver.release


def parse(text: str) -> dict[str, str]:
    """The keywords and values of a connection string, as libpq reads them: URL or `key=value` pairs.

    Raises InvalidConnectionString.
    """
    try:
        # A NUL would end the text for libpq and be an encoding error for nobody.
        if "\0" in text:
            raise InvalidConnectionString("it holds a NUL character")
        return {key: str(value) for key, value in _driver.parse(text).items()}
    except _driver.error as error:
        raise _explained(str(error)) from None
    except UnicodeError:
        raise InvalidConnectionString("it holds bytes that are not UTF-8") from None


def _explained(message: str) -> InvalidConnectionString:
    unknown = _UNKNOWN.search(message)
    if unknown:
        return UnknownKeyword(unknown[1])
    # libpq quotes what it could not read, and that may be the password: keep its sentence alone.
    return InvalidConnectionString(_QUOTED.sub("…", message.strip()))
