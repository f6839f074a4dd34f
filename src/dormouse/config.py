"""The platform's settings: declared once, read once, then a frozen object that is handed on.

Nothing below `assembly` and `cli` reads the environment.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

import platformdirs

from dormouse.errors import UserError
from dormouse.names import DEFAULT_HOST_SUFFIX

__all__ = ["LIMIT_PREFIX", "Settings"]

LIMIT_PREFIX: Final = "DORMOUSE_LIMIT_"
"""Of the variables that hold a limit of the proxy each."""

_PORT: Final = re.compile(r"[0-9]{1,5}")

ErrorProfile = Literal["postgres", "neon"]
PoolerProfile = Literal["auto", "required"]
OperationsProfile = Literal["immediate", "timed", "manual"]
StorageWord = Literal["auto", "reflink", "copy"]

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user may choose about one platform."""

    home: Path
    """Everything that must survive. `DORMOUSE_HOME`."""

    bind: str = "127.0.0.1"
    """The address both ports listen on. `DORMOUSE_BIND`."""

    pg_port: int = 55432
    """The Postgres proxy; 0 for any free one. `DORMOUSE_PG_PORT`."""

    http_port: int = 55433
    """API and console; 0 for any free one. `DORMOUSE_HTTP_PORT`."""

    host_suffix: str = DEFAULT_HOST_SUFFIX
    """What follows the endpoint id in a host name. `DORMOUSE_HOST_SUFFIX`."""

    pg_bin: Path | None = None
    """The `bin` folder of the one Postgres to use; None looks for all. `DORMOUSE_PG_BIN`."""

    storage: StorageWord = "auto"
    """How data directories are cloned: `reflink` shares their data until it is changed, `copy` copies it, and
    `auto` takes the first of them that works in the home. `DORMOUSE_STORAGE`."""

    errors: ErrorProfile = "postgres"
    """`neon` flattens the proxy's SQLSTATEs to XX000, as Neon does. `DORMOUSE_ERRORS`."""

    operations: OperationsProfile = "immediate"
    """When an operation is said to have ended: at once, after a second (`timed`, as at Neon, with 423 for other
    changes meanwhile), or when told to (`manual`). `DORMOUSE_OPERATIONS`."""

    max_projects: int = 1000
    """How many projects there may be. `DORMOUSE_MAX_PROJECTS`."""

    max_branches: int = 5000
    """How many branches a project may have. `DORMOUSE_MAX_BRANCHES`."""

    max_endpoints: int = 5000
    """How many computes a project may have. `DORMOUSE_MAX_ENDPOINTS`."""

    pooler: PoolerProfile = "auto"
    """What becomes of -pooler hosts where there is no PgBouncer: direct connections with a NOTICE, or, if it is
    `required`, a refusal. `DORMOUSE_POOLER`."""

    pgbouncer: Path | None = None
    """The PgBouncer for -pooler hosts; None looks for one. `DORMOUSE_PGBOUNCER`."""

    limits: Mapping[str, str] = field(default_factory=dict)
    """What a client may ask of the proxy, by the name of the limit, as it was given; see `proxy.limits`.
    `DORMOUSE_LIMIT_…`."""

    history_bytes: int = 10 << 30
    """How much disk the past of one branch may take: the oldest goes first. `DORMOUSE_HISTORY_BYTES`."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read `DORMOUSE_*`; an empty variable counts as unset.

        Raises UserError naming the variable, what it holds and what was expected.
        """
        given = {key: value for key, value in environ.items() if key.startswith("DORMOUSE_") and value}
        return cls(
            home=_folder(given, "DORMOUSE_HOME") or default_home().absolute(),
            bind=given.get("DORMOUSE_BIND", "127.0.0.1"),
            pg_port=_port(given, "DORMOUSE_PG_PORT", 55432),
            http_port=_port(given, "DORMOUSE_HTTP_PORT", 55433),
            host_suffix=given.get("DORMOUSE_HOST_SUFFIX", DEFAULT_HOST_SUFFIX),
            pg_bin=_folder(given, "DORMOUSE_PG_BIN"),
            storage=_one_of(given, "DORMOUSE_STORAGE", get_args(StorageWord)),
            errors=_one_of(given, "DORMOUSE_ERRORS", get_args(ErrorProfile)),
            operations=_one_of(given, "DORMOUSE_OPERATIONS", get_args(OperationsProfile)),
            max_projects=_count(given, "DORMOUSE_MAX_PROJECTS", 1000),
            max_branches=_count(given, "DORMOUSE_MAX_BRANCHES", 5000),
            max_endpoints=_count(given, "DORMOUSE_MAX_ENDPOINTS", 5000),
            pooler=_one_of(given, "DORMOUSE_POOLER", get_args(PoolerProfile)),
            pgbouncer=_folder(given, "DORMOUSE_PGBOUNCER"),
            limits={
                key.removeprefix(LIMIT_PREFIX): value
                for key, value in given.items()
                if key.startswith(LIMIT_PREFIX)
            },
            history_bytes=_count(given, "DORMOUSE_HISTORY_BYTES", 10 << 30, of="bytes"),
        )


def default_home() -> Path:
    """The user's data folder; as root `/var/lib/dormouse`, which Postgres's own user can enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/dormouse")
    return Path(platformdirs.user_data_dir("dormouse", appauthor=False))


def _folder(given: Mapping[str, str], name: str) -> Path | None:
    """Absolute, since the platform's process works in another folder than the user."""
    text = given.get(name)
    if text is None:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(f"{name} is {text!r}; expected a folder, and there is no such user") from error


def _one_of(given: Mapping[str, str], name: str, words: tuple[Word, ...]) -> Word:
    """One of the words; the first is the default."""
    text = given.get(name, words[0])
    for word in words:
        if word == text:
            return word
    expected = f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
    raise UserError(f"{name} is {text!r}; expected {expected}")


def _count(given: Mapping[str, str], name: str, default: int, *, of: str = "them") -> int:
    text = given.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise UserError(f"{name} is {text!r}; expected a number of {of}, in digits")
    return int(text)


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise UserError(f"{name} is {text!r}; expected a port, 1 to 65535, or 0 for any free one")
    return int(text)
