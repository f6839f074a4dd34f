"""Which of Postgres's parameters a user may set for a compute, and why not the others. Pure.

What there is, a Postgres says itself: `postgres --describe-config`. Whether a value fits is asked of it as well
(`parameters`), since units, the words of enumerations and the checks of single parameters are not in that list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dormouse.compute.conf import FIXED

__all__ = ["Parameter", "acceptable", "fatal_of", "parse_description", "refusal"]

_COLUMNS: Final = 9
"""Name, context, group, type, default, least, most, what it is for, more about it (help_config.c)."""

_OWN: Final = frozenset(
    {
        # Where it listens, who is let in, and how it is known: the proxy's and the supervisor's.
        "listen_addresses", "port", "bonjour", "bonjour_name", "cluster_name", "external_pid_file", "event_source",
        "data_directory", "config_file", "hba_file", "ident_file", "password_encryption",
        "superuser_reserved_connections",
        # Its log, which is read when a start fails.
        "log_destination", "logging_collector",
        # The past of a branch and its replicas are made of its WAL.
        "wal_level", "wal_recycle", "wal_init_zero", "fsync", "full_page_writes", "synchronous_standby_names",
        "promote_trigger_file", "max_replication_slots", "restart_after_crash",
        # What makes a server load code, or run it.
        "dynamic_library_path", "extension_control_path", "local_preload_libraries", "session_preload_libraries",
        "jit_provider",
    }
)  # fmt: skip
_OWN_FAMILIES: Final = (
    "unix_socket_", "archive_", "restore_command", "primary_", "hot_standby", "recovery_", "ssl", "krb_", "oauth_",
    "neon.", "dormouse.",
)  # fmt: skip
_PRELOADED: Final = "shared_preload_libraries"
_LIBRARIES: Final[Mapping[str, str]] = {
    "auto_explain": "pg_trgm",
    "pg_stat_statements": "pg_stat_statements",
    "pg_prewarm": "pg_prewarm",
}
"""What may be preloaded, with the extension whose presence says that the library is there. auto_explain has none
of its own, and comes with the rest of contrib."""

_CUSTOM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+")
_FATAL: Final = re.compile(r"FATAL:\s+(.*)")
_MORE: Final = re.compile(r"(?:HINT|DETAIL):\s+(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One of Postgres's parameters."""

    name: str
    context: str
    """When it may be changed: `postmaster`, `sighup`, `superuser`, `user`, … (manual, 54.24)."""


def parse_description(text: str) -> dict[str, Parameter]:
    """What `postgres --describe-config` prints, by name in lower case. Lines of another form are passed over."""
    rows = (line.split("\t") for line in text.splitlines())
    return {
        row[0].lower(): Parameter(name=row[0], context=row[1]) for row in rows if len(row) >= _COLUMNS and row[0]
    }


def refusal(name: str, value: str, known: Mapping[str, Parameter], extensions: tuple[str, ...] = ()) -> str | None:
    """Why a parameter may not be set, as a sentence that names it; None if it may.

    `extensions` are those that the Postgres can make.
    """
    plain = name.lower()
    if plain in FIXED:
        return f'the parameter "{name}" cannot be set: a branch and its replicas share it for their life'
    if plain in _OWN or plain.startswith(_OWN_FAMILIES):
        return f'the parameter "{name}" cannot be set: the platform sets it'
    if plain == _PRELOADED:
        return _refused_library(name, value, extensions)
    if "." in plain:
        # Of an extension, or of an application: Postgres keeps any (manual, 20.16).
        return None if _CUSTOM.fullmatch(name) else f'unrecognized configuration parameter "{name}"'
    found = known.get(plain)
    if found is None:
        return f'unrecognized configuration parameter "{name}"'
    if found.context == "internal":
        return f'the parameter "{name}" cannot be changed'
    return None


def acceptable(
    settings: Mapping[str, str], known: Mapping[str, Parameter], extensions: tuple[str, ...] = ()
) -> dict[str, str]:
    """Those that may be set, by their names in lower case, so that each takes the place of ours."""
    return {
        name.lower(): value for name, value in settings.items() if refusal(name, value, known, extensions) is None
    }


def fatal_of(output: str) -> str:
    """Postgres's own words about a value that it does not take; empty if there are none.

    invalid value for parameter "wal_compression": "x" (Available values: pglz, lz4, zstd, on, off.)
    """
    found = _FATAL.search(output)
    if found is None:
        return ""
    more = _MORE.search(output, found.end())
    return found[1] + (f" ({more[1]})" if more else "")


def _refused_library(name: str, value: str, extensions: tuple[str, ...]) -> str | None:
    wanted = [library.strip().strip('"') for library in value.split(",") if library.strip()]
    there = [library for library, extension in _LIBRARIES.items() if extension in extensions]
    for library in wanted:
        if library not in there:
            offered = ", ".join(there) or "none: this Postgres comes without contrib"
            return f'the parameter "{name}" cannot load "{library}"; what can be loaded: {offered}'
    return None
