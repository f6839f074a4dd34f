"""Replicas that really lag, for as long as a block lasts.

    with lagging("replica"):
        ...  # what is committed from here on, the replica does not have

Nothing is simulated: the replica's own replay waits, for a lock. The steps:

1. on the primary, a table is made, and the replica is waited for until it has it;
2. on the replica, a transaction takes the weakest lock there is on that table, and stays open;
3. on the primary, the table is dropped. Replay comes to that drop, waits for the transaction of step 2 to end,
   and with it waits all that was committed later.

Any role that may create a table can do that, also where `pg_wal_replay_pause()` is denied to it, as it is to the
roles of Neon and of the local platform. And nothing has to be put right afterwards: when the session ends, be it
because its process was killed, the replica goes on, and the table is gone already.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from uuid import uuid4

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from django_dormouse import alias as aliases

__all__ = ["LagEnded", "lagging"]

_DEADLINE_S = 30.0
"""For a replica to have what it was sent. A busy machine may take seconds; more is a replica that stands still."""

_LOOK_AGAIN_S = 0.005

# Postgres ends an idle transaction after a while, where it is told to. Both names are not known to every version.
_STAY = (
    "SELECT set_config(name, '0', true) FROM pg_settings "
    "WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout', 'statement_timeout')"
)


class LagEnded(AssertionError):
    """The replica went on before the block had ended, so that what was tested was no lag."""


@contextmanager
def lagging(*replicas: str, by: float | None = None) -> Iterator[None]:
    """Let replicas lag behind their primary while the block runs; all of them if none is named.

    Without `by`, nothing that is committed inside the block reaches them before it ends. With `by`, a number of
    seconds, they catch up each time so many have passed, and stand still again. At the end they go on, and are
    waited for until they have what the primary has.

    Under test, where replicas use their primary's connection, they are themselves for as long as the block lasts.
    What a TestCase writes is never committed, so no replica could ever have it: use TransactionTestCase, with the
    aliases in its `databases`.

    A replica waits no longer than its server's `max_standby_streaming_delay`, 30 seconds unless it was
    changed; then it goes on, and the end of the block raises LagEnded.

    Raises ImproperlyConfigured for what is no replica, TransactionManagementError inside a transaction, and
    TimeoutError if a replica does not get what its primary writes.
    """
    pairs = _pairs(replicas)
    for primary in set(pairs.values()):
        if connections[primary].in_atomic_block:
            raise TransactionManagementError(
                f"A transaction is open on {primary!r}, and no replica sees what it writes. "
                "In a test: use TransactionTestCase instead of TestCase."
            )
    with ExitStack() as stack:
        for alias, primary in pairs.items():
            stack.enter_context(_being_itself(alias))
            stack.enter_context(_standing_still(alias, primary) if by is None else _limping(alias, primary, by))
        yield


def _pairs(replicas: tuple[str, ...]) -> dict[str, str]:
    """Replica → primary."""
    found = {
        alias: primary
        for alias, settings in connections.settings.items()
        if (primary := aliases.of(settings).replica_of) is not None
    }
    for alias in replicas:
        if alias not in found:
            raise ImproperlyConfigured(f"{alias!r} is no replica; there are: {', '.join(found) or 'none'}")
    if not found:
        raise ImproperlyConfigured("DATABASES has no replica (DATABASE_REPLICA_URL)")
    return {alias: found[alias] for alias in replicas} or found


@contextmanager
def _being_itself(alias: str) -> Iterator[None]:
    """A test's mirror is a replica of its own while the block runs."""
    ours = connections.settings[alias].get("DORMOUSE", {})
    mirror = ours.get("SHARES_CONNECTION_OF")
    if mirror is None:
        yield
        return
    # The mapping of all threads' connections; each lets go of the other server's connection by itself.
    connections[alias].close()
    del ours["SHARES_CONNECTION_OF"]
    try:
        yield
    finally:
        connections[alias].close()
        ours["SHARES_CONNECTION_OF"] = mirror


@contextmanager
def _standing_still(alias: str, primary: str) -> Iterator[None]:
    holder = _hold(alias, primary)
    try:
        yield
        _check(holder, alias)
    finally:
        holder.close()
        _wait_for_replay(alias, primary)


@contextmanager
def _limping(alias: str, primary: str, by: float) -> Iterator[None]:
    """A thread lets the replica go on and stand still in turn."""
    over = threading.Event()
    failures: list[Exception] = []

    def limp(holder: BaseDatabaseWrapper) -> None:
        try:
            while True:
                ended = over.wait(by)
                try:
                    _check(holder, alias)
                finally:
                    holder.close()
                _wait_for_replay(alias, primary)
                if ended:
                    return
                holder = _hold(alias, primary)
        except Exception as failure:
            failures.append(failure)

    # The first time here, so that the block begins with a lag.
    thread = threading.Thread(target=limp, args=[_hold(alias, primary)], name=f"lagging {alias}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]


def _hold(alias: str, primary: str) -> BaseDatabaseWrapper:
    """The open connection that the replica's replay waits for."""
    table = connections[primary].ops.quote_name(f"dormouse_lag_{uuid4().hex}")
    with closing(_connection_like(primary)) as writer, ExitStack() as on_failure:
        _execute(writer, f"CREATE TABLE {table} ()")
        try:
            _wait_for_replay(alias, primary)
            holder = on_failure.enter_context(closing(_connection_like(alias)))
            holder.set_autocommit(False)
            _execute(holder, _STAY)
            _execute(holder, f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        finally:
            _execute(writer, f"DROP TABLE {table}")
        on_failure.pop_all()
    return holder


def _check(holder: BaseDatabaseWrapper, alias: str) -> None:
    try:
        _execute(holder, "SELECT 1")
    except DatabaseError as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise LagEnded(
            f"{alias!r} went on before the block had ended: {reason}. A replica waits no longer than its "
            "max_standby_streaming_delay; make the block shorter, or that setting longer."
        ) from error


def _wait_for_replay(alias: str, primary: str) -> None:
    """Return when the replica has what was committed on the primary before."""
    with closing(_connection_like(primary)) as writer:
        [[position]] = _execute(writer, "SELECT pg_current_wal_flush_lsn()::text")
    deadline = time.monotonic() + _DEADLINE_S
    with closing(_connection_to_late_database(alias, deadline)) as reader:
        while _execute(reader, "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position) != [(True,)]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{alias!r} did not replay in {_DEADLINE_S:g} s what its primary wrote")
            time.sleep(_LOOK_AGAIN_S)


def _connection_to_late_database(alias: str, deadline: float) -> BaseDatabaseWrapper:
    # A test's database was made just now, and has to arrive on the replica too.
    while True:
        try:
            return _connection_like(alias)
        except OperationalError as error:
            if "does not exist" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_AGAIN_S)


def _connection_like(alias: str) -> BaseDatabaseWrapper:
    """An open connection to the same server, beside the project's own, and not from a pool that those may fill."""
    connection = connections.create_connection(alias)
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "pool"}
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
    # Made in the thread of the test, closed in that which limps.
    connection.inc_thread_sharing()
    connection.ensure_connection()
    return connection


def _execute(connection: BaseDatabaseWrapper, statement: str, *values: object) -> list[Any]:
    # By the driver's cursor: through Django's it would be a query, and a write, of the test.
    with connection.wrap_database_errors, closing(connection.connection.cursor()) as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []
