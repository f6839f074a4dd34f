"""The questions put to servers: can you be reached, how far have you replayed, where does your log stand."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from django_dormouse.replicas.position import Position, Replayed, parse_lsn

__all__ = ["position", "reach", "replayed"]

# The setting is unknown to a plain Postgres (and then NULL). The insert position is never too low, also where
# synchronous_commit is off; the flush position would be.
_POSITION = "SELECT pg_current_wal_insert_lsn()::text, coalesce(current_setting('neon.timeline_id', true), '')"
_REPLAYED = "SELECT pg_last_wal_replay_lsn()::text, coalesce(current_setting('neon.timeline_id', true), '')"


def reach(connection: BaseDatabaseWrapper) -> None:
    """Have an open connection that is not known to be dead. No round trip if there is one already.

    Raises OperationalError.
    """
    if connection.connection is None:
        connection.ensure_connection()
        return
    # An alias with another ENGINE has no such look; its query then fails as it would without us.
    reopen_if_dead = getattr(connection, "reopen_if_dead", None)
    if reopen_if_dead is not None:
        reopen_if_dead()


def replayed(connection: BaseDatabaseWrapper) -> Replayed:
    """How far a replica has come: one round trip."""
    lsn, incarnation = _row(connection, _REPLAYED)
    return Replayed(incarnation=incarnation, lsn=parse_lsn(lsn))


def position(connection: BaseDatabaseWrapper) -> Position:
    """Where the primary's log stands now, after all that this connection has committed: one round trip."""
    lsn, incarnation = _row(connection, _POSITION)
    return Position(incarnation=incarnation, lsn=parse_lsn(lsn))


def _row(connection: BaseDatabaseWrapper, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()
