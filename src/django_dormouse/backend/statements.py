"""Whether a statement may write.

Read from its text alone, which is all that passes through a cursor, and cheaply: the first word decides. What
only reads, or only steers the session, is listed; everything else counts as a write, because a write that is
missed makes a stale page, and a read that is taken for a write only goes to the primary.

What cannot be seen here: a SELECT that calls a function that writes. `django_dormouse.replicas.wrote()` says it.
"""

import re

__all__ = ["ASK_FOR_ID", "may_write"]

ASK_FOR_ID = "SELECT pg_current_xact_id() || '@' || extract(epoch FROM now()) AS id; "
"""Sent before the first write of a transaction, in the same message: its id, and when it began by the server's
clock. A server that crashes may give the number of a transaction that it lost to another one."""

# White space, comments and opening brackets may stand before the first word. The groups are possessive and atomic,
# so that a text made of comments alone cannot be split in more ways than one.
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|(?>/\*.*?\*/))*+([A-Za-z]+)", re.DOTALL)
_HARMLESS = frozenset(
    [
        "abort",
        "begin",
        "close",
        "commit",
        "deallocate",
        "declare",
        "discard",
        "end",
        "fetch",
        "listen",
        "move",
        "release",
        "reset",
        "rollback",
        "savepoint",
        "select",
        "set",
        "show",
        "start",
        "table",
        "unlisten",
        "values",
    ]
)
_WRITES = re.compile(r"\b(?:insert|update|delete|merge|into|create|alter|drop|truncate)\b", re.IGNORECASE)
# EXPLAIN ANALYZE runs its statement; SELECT … INTO makes a table.
_LOOK_INSIDE = frozenset({"with", "explain"})
_SELECT_INTO = re.compile(r"\binto\b", re.IGNORECASE)


def may_write(statement: str) -> bool:
    """Whether `statement` may change data, as far as its words tell. Several statements are judged together."""
    # What the ORM reads with. Most statements end here, in a fifth of the time that the pattern takes.
    if statement.startswith("SELECT ") and ";" not in statement and "into" not in statement.lower():
        return False
    found = _FIRST_WORD.match(statement)
    if found is None:
        return bool(statement.strip())
    word = found[1].lower()
    if word in _LOOK_INSIDE:
        return _WRITES.search(statement) is not None
    if word not in _HARMLESS:
        return True
    if ";" in statement:
        # A second statement hides behind the first, or a text holds a semicolon: look at all the words.
        return _WRITES.search(statement) is not None
    return word == "select" and "into" in statement.lower() and _SELECT_INTO.search(statement) is not None
