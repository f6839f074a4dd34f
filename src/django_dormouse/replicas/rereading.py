"""Which errors of a read on a replica are the replica's, so that the read may be sent elsewhere.

Decided for plain reads in autocommit mode alone, which may run twice without anybody noticing.
"""

import re
from enum import Enum

__all__ = ["Verdict", "verdict"]


class Verdict(Enum):
    """What the error says."""

    GONE = "gone"
    """The replica cannot be used: it is left out."""
    ELSEWHERE = "elsewhere"
    """This read cannot be answered there; others may."""
    RAISE = "raise"
    """The query's own fault: it would fail anywhere."""


# manual, appendix A, and 26.4.2 Handling Query Conflicts. serialization_failure and deadlock_detected: replay had
# to remove what the query was reading. query_canceled may be the same, seen by an older client.
_CONFLICTS = frozenset({"40001", "40P01"})
_CANCELED = "57014"
# undefined_table, undefined_column, undefined_function, undefined_object: a migration that the replica has not
# replayed. Where the primary does not know them either, it says so itself.
_SCHEMA = frozenset({"42P01", "42703", "42883", "42704"})
# A timeout that the project has set is meant: the query would take as long on the primary, which has other things
# to do.
_TIMEOUT = re.compile(r"\b(?:statement|lock|transaction) timeout\b", re.IGNORECASE)


def verdict(sqlstate: str | None, message: str, *, is_lost: bool) -> Verdict:
    """What to do about a read that failed. `is_lost`: the connection has ended."""
    if is_lost:
        return Verdict.ELSEWHERE if sqlstate in _CONFLICTS else Verdict.GONE
    if sqlstate in _CONFLICTS or sqlstate in _SCHEMA:
        return Verdict.ELSEWHERE
    if sqlstate == _CANCELED and not _TIMEOUT.search(message):
        return Verdict.ELSEWHERE
    return Verdict.RAISE
