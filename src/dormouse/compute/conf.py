"""The settings of a server, as text. Pure.

`postgresql.conf` is ours and includes `dormouse.conf`, which is written anew at every start. A standby's
`primary_conninfo` stands in it too, because a file can be reloaded and a command line cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dormouse.names import EndpointId, Incarnation
from dormouse.storage.archive import ARCHIVE_COMMAND, REPLICA_RESTORE_COMMAND

__all__ = [
    "ADMIN_ROLE",
    "FIXED",
    "HBA",
    "NEON_SUPERUSER",
    "POSTGRESQL_CONF",
    "SOCKET_NAME",
    "WAL_SEGMENT_BYTES",
    "Identity",
    "memory_settings",
    "primary_settings",
    "render",
    "replica_settings",
    "role_attributes",
    "template_settings",
]

ADMIN_ROLE: Final = "cloud_admin"
"""The bootstrap superuser, which no client can log in as."""

NEON_SUPERUSER: Final = "neon_superuser"
"""Of whom every role that Neon makes is a member: what a real superuser is elsewhere, and no superuser."""

SOCKET_NAME: Final = ".s.PGSQL.5432"

WAL_SEGMENT_BYTES: Final = 1 << 20
"""Set by initdb, for life. A clean stop archives a whole segment, so a small one keeps sleep cheap."""

POSTGRESQL_CONF: Final = "include 'dormouse.conf'\n"

HBA: Final = (
    "# The socket lies in a folder that only the platform can enter; passwords are checked by its proxy.\n"
    "local all         all trust\n"
    "local replication all trust\n"
)

FIXED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "max_connections": "200",
        "max_worker_processes": "8",
        "max_wal_senders": "10",
        "max_prepared_transactions": "0",
        "max_locks_per_transaction": "64",
    }
)
"""Fixed for a project's life: a standby with less than its primary had *in the WAL* pauses replay and serves
stale rows for ever (manual, 26.4.3), and a branch from the past does not even start."""

_COMMON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "wal_level": "replica",
        "max_replication_slots": "10",
        "hot_standby": "on",
        "hot_standby_feedback": "on",
        # Archived segments are hard links, so a finished one must never be written again.
        "wal_recycle": "off",
        "wal_init_zero": "off",
        "min_wal_size": "2MB",
        "max_wal_size": "256MB",
        # 32 x 200 connections is as much as Postgres's own 64 x 100, and takes 1.5 MB less.
        "max_pred_locks_per_transaction": "32",
        "jit": "off",
        # The exact name that Django asks for, which spares it a round trip at each connect.
        "timezone": "UTC",
        "log_timezone": "UTC",
        "password_encryption": "scram-sha-256",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "logging_collector": "off",
        "idle_in_transaction_session_timeout": "5min",
    }
)


_SINCE_18: Final[Mapping[str, str]] = MappingProxyType(
    {
        # It would start three I/O workers for each server.
        "io_method": "sync",
        # Beyond the three that run at most, room for one; each of sixteen would take memory as a connection does.
        "autovacuum_worker_slots": "4",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which server it is, and where it listens."""

    endpoint: EndpointId
    incarnation: Incarnation
    socket_dir: Path
    compute_units: float = 0.25
    pg_settings: Mapping[str, str] = field(default_factory=dict)
    """What the user asked for, by name in lower case: over the sizes and what is usual. See `guc`."""


def template_settings(socket_dir: Path, major: int) -> dict[str, str]:
    """For the moment in which a template is made: nothing is kept but its last state, so nothing is synced."""
    return {
        **_common(major),
        "unix_socket_directories": _directory(socket_dir),
        "archive_mode": "off",
        "fsync": "off",
    }


def memory_settings(compute_units: float) -> dict[str, str]:
    """What a size means: memory, and nothing that a standby must share with its primary.

    A quarter unit has 16 MB of buffers, since here the system's page cache does most of the caching; each
    whole unit 64 MB, up to 4 GB.
    """
    return {
        "shared_buffers": f"{min(round(64 * compute_units), 4096)}MB",
        "effective_cache_size": f"{round(1024 * compute_units)}MB",
        "work_mem": f"{max(4, min(round(4 * compute_units), 64))}MB",
        "maintenance_work_mem": f"{max(32, min(round(64 * compute_units), 1024))}MB",
    }


def primary_settings(identity: Identity, major: int) -> dict[str, str]:
    """For a read-write compute."""
    return {
        **_common(major),
        **_identity(identity),
        **identity.pg_settings,
        "archive_mode": "on",
        "archive_command": ARCHIVE_COMMAND,
    }


def replica_settings(identity: Identity, major: int, *, primary_socket_dir: Path) -> dict[str, str]:
    """For a read-only compute: fed by its primary, and from the archive while that sleeps."""
    return {
        **_common(major),
        **_identity(identity),
        **identity.pg_settings,
        "archive_mode": "off",
        "primary_conninfo": (
            f"host={_conninfo_value(str(primary_socket_dir))} port=5432 user={ADMIN_ROLE} "
            f"application_name={identity.endpoint}"
        ),
        "restore_command": REPLICA_RESTORE_COMMAND,
        "recovery_target_timeline": "latest",
    }


def role_attributes(major: int) -> str:
    """What the roles of the API may do.

    Before 16 nobody but a superuser may alter a role with REPLICATION, so that it could not even change its
    own password; there it does without.
    """
    return "INHERIT CREATEDB CREATEROLE BYPASSRLS" + (" REPLICATION" if major >= 16 else "")


def render(settings: Mapping[str, str]) -> str:
    """The lines of a configuration file (manual, 20.1.2): values quoted, quotes and backslashes doubled.

    A line break within quotes is a syntax error there, and `\\n` stands for it (guc-file.l).
    """
    lines = ["# Written by Dormouse at every start; changes here are lost."]
    for name, value in settings.items():
        escaped = value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")
        lines.append(f"{name} = '{escaped}'")
    return "\n".join(lines) + "\n"


def _common(major: int) -> dict[str, str]:
    return {**_COMMON, **FIXED, **(_SINCE_18 if major >= 18 else {})}


def _identity(identity: Identity) -> dict[str, str]:
    return {
        "unix_socket_directories": _directory(identity.socket_dir),
        **memory_settings(identity.compute_units),
        "cluster_name": identity.endpoint,
        # Readable by every role: what a position in the WAL must be bound to, since timelines repeat.
        "neon.timeline_id": identity.incarnation,
    }


def _directory(path: Path) -> str:
    """One entry of a list of directories: in double quotes, so that commas and spaces are part of it."""
    return '"' + str(path).replace('"', '""') + '"'


def _conninfo_value(text: str) -> str:
    """A value in a connection string (manual, 34.1.1.1)."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
