"""What an error while connecting means: worth another try, or not.

The message is read first, because drivers give no SQLSTATE for errors of the connection phase (psycopg
3.3 and psycopg2 alike), and because Neon's proxy flattens all of them to XX000. Servers that do send
a code of their own are understood by it. Two lists, and what is in neither is permanent: an unknown error is
shown at once rather than after a quarter of a minute.
"""

import re
from enum import Enum
from typing import Final

__all__ = ["Verdict", "hint_on", "while_connecting"]


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


_HINTS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (
            r"authentication failed|no password supplied",
            "compare user and password with the server's; characters like @ : / # % in a URL must be escaped.",
        ),
        (
            r"database .*does not exist",
            "create the database, or correct the name behind the host in the URL.",
        ),
        (r"role .*does not exist", "create the role, or correct the user in the URL."),
        (
            r"endpoint id is not specified",
            "libpq 14 and later name the endpoint in TLS; with an older one add options=endpoint=ep-….",
        ),
        (r"endpoint .*(?:could not be|cannot be) found", "the host's first label is no endpoint there."),
        (r"endpoint (?:has been|is) disabled", "enable the endpoint in the project's settings."),
        (r"quota", "the project's plan is used up until it is raised or renewed."),
        (r"unsupported startup parameter", "a pooler takes no startup options: set them on the role."),
        (r"certificate", "sslrootcert names the authority that signed the server's certificate."),
        (r"channel binding", "channel_binding=require needs TLS and SCRAM; PgBouncer has no channel binding."),
        (r"does not support ssl", "sslmode asks for TLS, which this server does not offer."),
        (r"pg_hba\.conf", "no line of the server's pg_hba.conf lets this host, user and database in."),
        (
            r"not known|no address associated|nodename nor servname",
            "the host's name does not resolve: look for a typo.",
        ),
    )
)


def hint_on(message: str) -> str | None:
    """What to do about an error that came instead of a connection; None where the message says all there is."""
    return next((hint for pattern, hint in _HINTS if pattern.search(message)), None)
