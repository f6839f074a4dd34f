"""The questions put to servers: can you be reached, how far have you replayed, where does your log end."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from django_dormouse.backend.wrapping import sqlstate_of
from django_dormouse.replicas.position import Position, Replayed, parse_lsn, replayed_enough, write_lsn

__all__ = [
    "end_of_log",
    "in_transaction",
    "polling",
    "position",
    "progress",
    "reach",
    "read_end_of_log",
    "replayed",
    "replayed_so_far",
    "waiting",
]

# Which life of which data a server's log belongs to: what servers of this project and Neon's say; of others the
# system identifier with the timeline. On a primary the timeline is in the name of a segment. A standby cannot be
# asked for that, and its control file may be a promotion late, which only sends readers to the primary. Any role
# may call these functions, unless somebody revoked it; then all that is left is one incarnation for ever, the
# empty one.
_BRANCH: Final = "nullif(current_setting('neon.timeline_id', true), '')"
_OF_PRIMARY: Final = (
    "coalesce(" + _BRANCH + ", (SELECT to_hex(system_identifier) FROM pg_control_system()) || '-' || "  # noqa: S608
    "lower(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)))"
)
_OF_STANDBY: Final = (
    "coalesce(" + _BRANCH + ", (SELECT to_hex(system_identifier) FROM pg_control_system()) || '-' || "  # noqa: S608
    "lpad(to_hex(greatest((SELECT timeline_id FROM pg_control_checkpoint()), "
    "(SELECT min_recovery_end_timeline FROM pg_control_recovery()))), 8, '0'))"
)
_OF_ANY: Final = f"coalesce({_BRANCH}, '')"
_MAY_NOT: Final = frozenset({"42501", "42883"})
"""insufficient_privilege, undefined_function."""

_may_not_read_control: set[str] = set()
"""Aliases where the control file's functions are forbidden."""

_cannot_wait: set[str] = set()
"""Aliases whose server is new enough for WAIT FOR LSN, and refused it."""

_WAIT_FOR_SINCE: Final = 190000
_PAUSE_S: Final = 0.001


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


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether Django has a transaction open there, or would begin one with the next statement."""
    return connection.in_atomic_block or (connection.connection is not None and not connection.autocommit)


def replayed_so_far(connection: BaseDatabaseWrapper) -> Replayed | None:
    """How far the replica had come when this session last asked: it has come at least so far. None: never asked.

    Known of the session, not of the alias: a standby that crashed may, after its restart, answer with less than
    before (it is consistent before it is current), and one alias may lead to several servers.
    """
    found: Replayed | None = _facts(connection).get("replayed")
    return found


def replayed(connection: BaseDatabaseWrapper, needed: Position | None = None, wait_ms: int = 0) -> Replayed:
    """How far a replica has come: one round trip. It waits there up to `wait_ms` until it has come to `needed`."""
    waited_for = needed if needed is not None and needed.lsn is not None and wait_ms > 0 else None
    if waited_for is not None and _waits_by_itself(connection):
        try:
            return _keep(connection, _row(connection, waiting(connection.alias, waited_for, wait_ms), number=1))
        except DatabaseError:
            if connection.connection is None or not connection.is_usable():
                raise
            _cannot_wait.add(connection.alias)
    try:
        row = _row(connection, polling(connection.alias, waited_for, wait_ms))
    except DatabaseError as error:
        if not _learn_to_do_without(connection.alias, error):
            raise
        row = _row(connection, polling(connection.alias, waited_for, wait_ms))
    return _keep(connection, row)


def progress(connection: BaseDatabaseWrapper) -> tuple[Replayed, int | None]:
    """How far a replica has come, and how far it has received: one round trip. None: it receives nothing, or is no
    standby."""

    def ask() -> Any:
        of = _OF_ANY if connection.alias in _may_not_read_control else _OF_STANDBY
        return _row(
            connection,
            f"SELECT pg_last_wal_replay_lsn()::text, {of}, pg_last_wal_receive_lsn()::text",
        )

    try:
        lsn, incarnation, received = ask()
    except DatabaseError as error:
        if not _learn_to_do_without(connection.alias, error):
            raise
        lsn, incarnation, received = ask()
    return Replayed(incarnation=incarnation, lsn=parse_lsn(lsn)), parse_lsn(received)


def polling(alias: str, needed: Position | None, wait_ms: int) -> str:
    """The question, with the waiting done by the server, a look each millisecond: so it is one round trip."""
    of = _OF_ANY if alias in _may_not_read_control else _OF_STANDBY
    if needed is None or needed.lsn is None:
        return f"SELECT pg_last_wal_replay_lsn()::text, {of}"
    enough = write_lsn(replayed_enough(needed.lsn))
    return (
        "WITH RECURSIVE look(n, lsn) AS (SELECT 0, pg_last_wal_replay_lsn() UNION ALL "  # noqa: S608
        "SELECT n + 1, pg_last_wal_replay_lsn() FROM look, "
        f"LATERAL (SELECT pg_sleep({_PAUSE_S}) WHERE n >= 0) AS pause "
        f"WHERE lsn < '{enough}'::pg_lsn AND n < {wait_ms}) "
        f"SELECT lsn::text, {of} FROM look ORDER BY n DESC LIMIT 1"
    )


def waiting(alias: str, needed: Position, wait_ms: int) -> str:
    """The same for a server that can wait by itself, from Postgres 19 on: two statements in one message.

    It must stand first, and outside of a transaction: waiting with a snapshot could hold up the very replay that
    is waited for (manual, WAIT FOR).
    """
    assert needed.lsn is not None
    enough = write_lsn(replayed_enough(needed.lsn))
    return f"WAIT FOR LSN '{enough}' WITH (TIMEOUT '{wait_ms}ms', NO_THROW); {polling(alias, None, 0)}"


def position(connection: BaseDatabaseWrapper) -> Position:
    """Where the primary's log stands now, after all that this connection has committed: one round trip."""
    try:
        row = _row(connection, _with_mode(connection))
    except DatabaseError as error:
        if not _learn_to_do_without(connection.alias, error):
            raise
        row = _row(connection, _with_mode(connection))
    synchronous, *rest = row
    return read_end_of_log(connection, synchronous, rest)


def end_of_log(connection: BaseDatabaseWrapper) -> str:
    """The question where a primary's log ends, to be sent along with COMMIT."""
    return f"SELECT {_end(connection)}"


def read_end_of_log(connection: BaseDatabaseWrapper, synchronous_commit: str, row: Sequence[Any]) -> Position:
    """What the answer to `end_of_log` means for a commit that was made in that mode.

    What was flushed covers a commit that waited for the flush, and is all that a standby can have. With
    `synchronous_commit=off` it would be too low.
    """
    flushed, inserted, said = row
    facts = _facts(connection)
    incarnation = facts.get("incarnation") if said is None else said
    facts["incarnation"] = incarnation
    return Position(
        incarnation=str(incarnation), lsn=parse_lsn(inserted if synchronous_commit == "off" else flushed)
    )


def _end(connection: BaseDatabaseWrapper) -> str:
    if "incarnation" in _facts(connection):
        # A session on a primary ends before the primary's log becomes another one.
        of = "NULL"
    else:
        of = _OF_ANY if connection.alias in _may_not_read_control else _OF_PRIMARY
    return f"pg_current_wal_flush_lsn()::text, pg_current_wal_insert_lsn()::text, {of}"


def _with_mode(connection: BaseDatabaseWrapper) -> str:
    return f"SELECT current_setting('synchronous_commit'), {_end(connection)}"


def _waits_by_itself(connection: Any) -> bool:
    return connection.alias not in _cannot_wait and getattr(connection, "pg_version", 0) >= _WAIT_FOR_SINCE


def _learn_to_do_without(alias: str, error: DatabaseError) -> bool:
    """Whether the statement is worth sending once more, without what the role may not do."""
    if alias in _may_not_read_control or sqlstate_of(error) not in _MAY_NOT:
        return False
    _may_not_read_control.add(alias)
    return True


def _keep(connection: BaseDatabaseWrapper, row: Sequence[Any]) -> Replayed:
    found = Replayed(incarnation=row[1], lsn=parse_lsn(row[0]))
    _facts(connection)["replayed"] = found
    return found


def _facts(connection: Any) -> dict[str, Any]:
    facts: dict[str, Any] | None = getattr(connection, "facts", None)
    return {} if facts is None else facts


def _row(connection: Any, question: str, number: int = 0) -> Any:
    # An alias with another ENGINE has no shorter way.
    if getattr(connection, "asks_directly", False):
        return connection.ask(question)
    with connection.cursor() as cursor:
        cursor.execute(question)
        for _ in range(number):
            cursor.nextset()
        return cursor.fetchone()
