"""What an error while connecting means: worth another try, or not.

The message is read first, because drivers give no SQLSTATE for errors of the connection phase (psycopg
3.3 and psycopg2 alike), and because Neon's proxy flattens all of them to XX000. Servers that do send
a code of their own are understood by it. Two lists, and what is in neither is permanent: an unknown error is
shown at once rather than after a quarter of a minute.
"""

import re
from enum import Enum
from typing import Final

__all__ = ["Verdict", "while_connecting"]


class Verdict(Enum):
    """What to do about a connection that failed. Nothing has run on the server, so repeating is always safe."""

    TRANSIENT = "transient"
    """Passes by itself: a server that starts, stops or is full, a network that hiccups."""
    BRIEFLY = "briefly"
    """May pass: worth a second and a third try, no more."""
    PERMANENT = "permanent"
    """Someone must change something: password, name, rights, settings."""


# Checked first: the text of a permanent error may quote what looks transient (a host list with one dead
# host and a wrong password on the other), and repeating a wrong password locks accounts.
_PERMANENT: Final = re.compile(
    "|".join(
        (
            r"authentication failed",
            r"no password supplied",
            r"pg_hba\.conf",
            r"(?:role|database|user|file) .*does not exist",
            r"permission denied for database",
            r"is not currently accepting connections",
            r"endpoint has been disabled",
            r"endpoint is disabled",
            r"endpoint could not be found",
            r"endpoint cannot be found",
            r"endpoint id is not specified",
            r"inconsistent project name",
            r"exceeded the .*quota",
            r"check your quotas",
            r"unsupported startup parameter",
            r"channel binding",
            r"certificate",
            r"does not support ssl",
            r"ssl support is not compiled in",
            r"no encryption",
            r"connection option",
            r"ip address .* is not allowed",
            r"name or service not known",
            r"no address associated with hostname",
            r"nodename nor servname provided",
            r"invalid (?:port number|sslmode|channel_binding|target_session_attrs)",
        )
    ),
    re.IGNORECASE,
)
_TRANSIENT: Final = re.compile(
    "|".join(
        (
            r"connection refused",
            r"timed out",
            r"timeout expired",
            r"connection reset",
            r"broken pipe",
            r"closed the connection unexpectedly",
            r"closed unexpectedly",
            r"unexpected eof",
            r"eof detected",
            r"no route to host",
            r"network is unreachable",
            r"temporary failure in name resolution",
            # The socket of a server that restarts is gone for a moment.
            r"is the server running locally and accepting",
            r"starting up",
            r"shutting down",
            r"not yet accepting connections",
            r"in recovery mode",
            r"too many clients",
            r"too many connections",
            r"remaining connection slots",
            r"couldn't connect to compute node",
            r"too many database connection attempts",
            r"terminating connection",
            r"server login has been failing",
            r"server conn crashed",
            r"no more connections allowed",
            r"query_wait_timeout",
        )
    ),
    re.IGNORECASE,
)
_BRIEFLY: Final = re.compile(r"control plane request failed", re.IGNORECASE)

# manual, appendix A. 53300 and 57P03 are what a full or a starting server says.
_TRANSIENT_STATES: Final = frozenset(
    {"08000", "08001", "08003", "08004", "08006", "53300", "57P01", "57P02", "57P03", "57P05"}
)
_PERMANENT_CLASSES: Final = frozenset({"0A", "28", "3D", "42"})


def while_connecting(message: str, sqlstate: str | None = None) -> Verdict:
    """The verdict on an error that came instead of a connection."""
    if sqlstate is not None and sqlstate[:2] in _PERMANENT_CLASSES:
        return Verdict.PERMANENT
    if sqlstate in _TRANSIENT_STATES:
        return Verdict.TRANSIENT
    if _PERMANENT.search(message):
        return Verdict.PERMANENT
    if _TRANSIENT.search(message):
        return Verdict.TRANSIENT
    if _BRIEFLY.search(message):
        return Verdict.BRIEFLY
    return Verdict.PERMANENT
