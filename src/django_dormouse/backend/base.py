"""The connection: Django's own for PostgreSQL, able to wait for a server that wakes and to outlive one that slept.

What is added to Django's, and where:

- `get_new_connection`: tries again inside one deadline, when the error is of a kind that passes;
- `_cursor`: looks at the socket, and reopens a connection that died while nothing had begun on the server;
- `_commit`: says which of three things a lost answer means, and brings along where the log stands;
- `pool`: one that looks at its connections' sockets, and knows in which process it is;
- `prepare_database`: schema work behind a pooler goes past it;
- `become_mirror`, under test only: a mirror uses its primary's connection.
"""

import logging
import math
import random
import time
from contextlib import suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql.base import CursorDebugWrapper as DjangoCursorDebugWrapper
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper as DjangoCursorWrapper
from django.db.backends.utils import debug_transaction
from django.utils.functional import cached_property

from django_dormouse import alias as aliases
from django_dormouse.backend import forking
from django_dormouse.backend.addresses import resolve, spread_out
from django_dormouse.backend.client import DatabaseClient
from django_dormouse.backend.creation import DatabaseCreation
from django_dormouse.backend.cursors import CursorDebugWrapper, CursorWrapper, recording_kind
from django_dormouse.backend.errors import Verdict, hint_on, while_connecting
from django_dormouse.backend.liveness import Link, Psycopg2Link, PsycopgLink, Transaction, is_alive, may_reopen
from django_dormouse.backend.operations import DatabaseOperations
from django_dormouse.backend.retrying import Failure, Retrying
from django_dormouse.backend.wrapping import DatabaseErrorWrapper, sqlstate_of
from django_dormouse.errors import CommitOutcomeUnknown, TransactionLost, WriteInReplicaBlock
from django_dormouse.replicas import asking
from django_dormouse.replicas.context import block, current
from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.health import health
from django_dormouse.replicas.stuck import waits

if is_psycopg3:
    from django_dormouse.backend import committing

__all__ = ["DatabaseWrapper"]

logger = logging.getLogger("django_dormouse.backend")

# libpq's own minimum: it takes anything shorter for two seconds (manual, 34.1.2, connect_timeout).
_SHORTEST_CONNECT_TIMEOUT_S = 2

# manual, appendix A: the server says that it ends this session.
_LAST_WORDS = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})

# How a direct connection differs from a pooled one. The name is not among them: under test it is another.
_WAY = ("HOST", "PORT", "USER", "PASSWORD", "OPTIONS", "DISABLE_SERVER_SIDE_CURSORS", "CONN_MAX_AGE")


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """One thread's connection to one alias."""

    client_class = DatabaseClient
    creation_class = DatabaseCreation
    ops_class = DatabaseOperations

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(settings_dict, alias)
        self._link: Link | None = None
        self._generation = forking.generation()
        self.reason_of_next: Reason | None = None
        """Why the statement that the compiler is about to send comes here, for those who want to see it."""
        self.is_looked_at = False
        """Whether the router has just seen that this connection lives: the compiler's statement need not look."""
        self.transaction_id: str | None = None
        """Of the transaction that is open on the server, once its first write has told it."""
        # Settings are checked here, once per thread, so that a mistake is told before the first query.
        ours = aliases.of(settings_dict)
        self._is_replica = ours.replica_of is not None
        self._has_routed_reads = alias == DEFAULT_DB_ALIAS or ours.direct_of == DEFAULT_DB_ALIAS
        """Whether what is written here is read through the router."""
        self._is_direct = False
        self._is_pooled = False
        """Whether the connection that is open goes through a pooler."""
        if self._shared() is not None:
            self.become_mirror()

    # Connecting

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection, or the error of the last try."""
        ours = aliases.of(self.settings_dict)
        retrying = Retrying(
            deadline_s=ours.connect_deadline_s,
            clock=time.monotonic,
            sleep=time.sleep,
            chance=random.random,
        )

        def connect(left_s: float) -> Any:
            # Anew for each try: a failover may be told by the name alone. A pool connects by itself.
            params, addresses = (conn_params, 1) if self.pool else spread_out(conn_params, resolve)
            return super(DatabaseWrapper, self).get_new_connection(_within(params, left_s / addresses))

        try:
            connection = retrying.run(
                connect,
                catch=self.Database.OperationalError,
                judge=_do_not_wait if ours.replica_of is not None else _judge,
                on_retry=self._log_retry,
            )
        except self.Database.OperationalError as error:
            hint = hint_on(str(error))
            if hint is not None and error.args:
                error.args = (f"{str(error).strip()}\nHint: {hint}", *error.args[1:])
            raise
        self._link = self._link_to(connection)
        self._is_pooled = aliases.is_pooled(self.settings_dict)
        self._generation = forking.generation()
        self.transaction_id = None
        return connection

    def _log_retry(self, failure: Failure, delay_s: float, error: Exception) -> None:
        logger.info(
            "Connecting failed and is tried again",
            extra={
                "action": "connect_retry",
                "alias": self.alias,
                "tries": failure.tries,
                "elapsed_s": round(failure.elapsed_s, 3),
                "delay_s": round(delay_s, 3),
                "reason": str(error).strip(),
            },
        )

    def _link_to(self, connection: Any) -> Link:
        if not is_psycopg3:
            return Psycopg2Link(connection, self.Database.Error)
        link = PsycopgLink.of(connection, self.Database.Error)
        if self._is_replica:
            waits.note(self.alias, link)
        return link

    @property
    def pool(self) -> Any:
        """The pool of this alias in this process; None where none is asked for. Raises ImproperlyConfigured."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        try:
            from django_dormouse.backend.pooling import Pool, pool_of
        except ImportError as error:
            raise ImproperlyConfigured(
                f"DATABASES[{self.alias!r}] asks for a pool, and psycopg_pool is not installed: "
                "pip install 'django-dormouse[pool]'."
            ) from error

        def make() -> Pool:
            if self.settings_dict.get("CONN_MAX_AGE", 0) != 0:
                raise ImproperlyConfigured(
                    "Pooling doesn't support persistent connections. "
                    f"DATABASES[{self.alias!r}]: a pool keeps connections itself, so CONN_MAX_AGE must be 0 "
                    "beside it."
                )
            deadline_s = aliases.of(self.settings_dict).connect_deadline_s
            # Django's would ask the server; ours, asked for or not, looks at the socket.
            check = Pool.check_connection if self.settings_dict["CONN_HEALTH_CHECKS"] else None
            return Pool(
                kwargs={**self.get_connection_params(), "autocommit": True},
                configure=self._configure_connection,  # type: ignore[attr-defined]
                options={"timeout": deadline_s, "check": check, **({} if options is True else options)},
            )

        return pool_of(self.alias, self._connection_pools, make)  # type: ignore[attr-defined]

    def _forget_parents_connection(self) -> None:
        # In a forked child: the socket is the parent's, and so is the transaction that may be open there.
        forking.set_aside(self.connection)
        self.connection = None
        self._link = None
        self._generation = forking.generation()
        self.in_atomic_block = False
        self.closed_in_transaction = self.needs_rollback = False
        self.savepoint_ids = []
        self.atomic_blocks = []
        self.run_on_commit = []

    # Reopening

    def _cursor(self, name: str | None = None) -> Any:
        if self._link is not None:
            if self._generation != forking.generation():
                self._forget_parents_connection()
            if not (self.is_looked_at and self.reason_of_next is not None):
                self.reopen_if_dead()
            self.is_looked_at = False
        return super()._cursor(name)  # type: ignore[misc]

    @property
    def link(self) -> PsycopgLink | None:
        """The driver's connection, for those who watch over it from another thread; None where they cannot."""
        return self._link if isinstance(self._link, PsycopgLink) else None

    def is_open(self) -> bool:
        """Whether there is a connection that is not known to be dead."""
        link = self._link
        return link is not None and self.connection is not None and (link.is_quiet() or is_alive(link))

    def reopen_if_dead(self) -> None:
        """Replace a connection that died, if nothing had begun on it; no round trip while it lives.

        Inside `atomic()` too, as long as no statement was sent: drivers send BEGIN with the first one, so
        there is nothing on the server that could be lost, and hooks registered with `on_commit` stay. Where a
        transaction had begun nothing is done: the next statement fails, and says so.

        Raises OperationalError if no new connection could be made.
        """
        link = self._link
        if self.connection is None or link is None or self.closed_in_transaction or self.needs_rollback:
            return
        if link.is_quiet():
            self.transaction_id = None
            return
        transaction = link.transaction()
        if transaction is Transaction.BEGUN:
            return
        self.transaction_id = None
        if is_alive(link):
            return
        if may_reopen(transaction, autocommit=self.autocommit and not self.in_atomic_block):
            self._reopen()

    def set_autocommit(
        self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        """Django's; a connection that broke in the statement before does not fail `atomic()` at its door."""
        if not autocommit and self._link is not None and self._link.transaction() is Transaction.UNKNOWN:
            self.reopen_if_dead()
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def _reopen(self) -> None:
        self.validate_thread_sharing()
        autocommit = self.autocommit
        started = time.monotonic()
        # First away with the dead one: a pool may be waiting for it.
        dead = self.connection
        with suppress(self.Database.Error):
            if self.pool:
                dead._pool.give_up(dead)
            else:
                dead.close()
        try:
            with self.wrap_database_errors:
                self.connection = self.get_new_connection(self.get_connection_params())
                # As in connect(): session state is set outside of any transaction, so that a rollback cannot
                # undo it.
                self._set_autocommit(True)  # type: ignore[attr-defined]
                self.autocommit = True
                self.init_connection_state()
                connection_created.send(sender=self.__class__, connection=self)
                self._set_autocommit(autocommit)  # type: ignore[attr-defined]
        except BaseException:
            if self.in_atomic_block:
                # Django's words for it: the block can only be left, and then connects anew.
                self.closed_in_transaction = True
                self.needs_rollback = True
            else:
                self.connection = None
            raise
        finally:
            self.autocommit = autocommit
        max_age = self.settings_dict["CONN_MAX_AGE"]
        self.close_at = None if max_age is None else time.monotonic() + max_age
        self.errors_occurred = False
        self.health_check_done = True
        logger.info(
            "A connection that died while idle was reopened",
            extra={
                "action": "reopened",
                "alias": self.alias,
                "in_atomic_block": self.in_atomic_block,
                "elapsed_s": round(time.monotonic() - started, 3),
            },
        )

    # What a lost connection means

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        """Django's context, which turns the driver's errors into Django's and ours."""
        return DatabaseErrorWrapper(self)

    def is_lost(self, error: BaseException) -> bool:
        """Whether `error`, just raised by this connection, was its end."""
        if self._link is None:
            return False
        state = sqlstate_of(error)
        return state in _LAST_WORDS or (state or "").startswith("08") or not is_alive(self._link)

    def replace_lost_for_reading(self, error: BaseException) -> bool:
        """Whether the statement that failed with `error` may be sent once more; the connection then is a new one.

        To be asked for statements that only read. Raises OperationalError if no new connection could be made.
        """
        if not self.autocommit or self.in_atomic_block or self.connection is None or not self.is_lost(error):
            return False
        self._reopen()
        logger.info(
            "A read whose connection died is sent once more", extra={"action": "reread", "alias": self.alias}
        )
        return True

    def meaning_of(self, error: Exception, *, may_have_written: bool) -> Exception:
        """What a statement's error says about the data: `error` itself, or a clearer one."""
        if isinstance(error, (TransactionLost, CommitOutcomeUnknown)) or not self.is_lost(error):
            return error
        if not self.autocommit:
            return _transaction_lost(error)
        return CommitOutcomeUnknown.of("a write", None, error) if may_have_written else error

    def _commit(self) -> None:
        link = self._link
        begun = link is not None and link.transaction() is not Transaction.NONE
        # What is sent to a connection that is known to be dead cannot run, and what was open on it is undone.
        died_before = link is not None and begun and not is_alive(link)
        transaction_id, self.transaction_id = self.transaction_id, None
        try:
            if begun and self._owes_position():
                self._commit_and_ask()
            else:
                super()._commit()  # type: ignore[misc]
        except (OperationalError, InterfaceError) as error:
            if not begun or isinstance(error, TransactionLost):
                raise
            if died_before:
                raise _transaction_lost(error) from error.__cause__
            if self.is_lost(error):
                raise CommitOutcomeUnknown.of("COMMIT", transaction_id, error) from error.__cause__
            raise

    def _owes_position(self) -> bool:
        """Whether somebody's next read depends on what is committed now, or was read here."""
        unit = current()
        return (
            (id(self) in unit.uncovered or (self._has_routed_reads and unit.has_seen_primary))
            and bool(aliases.replicas_of(DEFAULT_DB_ALIAS, connections.settings))
            and is_psycopg3
            and committing.can_ask_along(self.connection)
        )

    def _commit_and_ask(self) -> None:
        with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
            committed = committing.commit_and_ask(self.connection, asking.end_of_log(self))
        if committed.row is not None:
            position = asking.read_end_of_log(self, committed.synchronous_commit, committed.row)
            health.ledger.note(position, time.monotonic(), from_primary=True)
            current().cover(position, id(self))

    def _rollback(self) -> None:
        self.transaction_id = None
        super()._rollback()  # type: ignore[misc]

    @property
    def asks_directly(self) -> bool:
        """Whether `ask` may be used: with psycopg 3, where nobody looks at the statements that cursors send."""
        return (
            is_psycopg3 and not self.queries_logged and not self.execute_wrappers and current().statements is None
        )

    def ask(self, question: str) -> tuple[str | None, ...]:
        """The row that the last statement of a question of ours gives, as texts. It does not write.

        Past the cursors of Django and of the driver, which take longer than the server does. Raises what they
        would.
        """
        self.ensure_connection()
        self.validate_thread_sharing()
        self.reopen_if_dead()
        with self.wrap_database_errors:
            return committing.ask(self.connection, question)

    # Noticing writes

    @property
    def facts(self) -> dict[str, Any] | None:
        """What was learnt of the server, and holds until this session ends; None where the server may change."""
        return None if self._link is None or self._is_pooled else self._link.facts

    def note_write(self) -> None:
        """Called before each statement that may write. Raises WriteInReplicaBlock inside `using_replica()`."""
        if not self._has_routed_reads:
            return
        if block().from_replica:
            raise WriteInReplicaBlock.of(self.alias)
        current().note_write(id(self))

    def make_cursor(self, cursor: Any) -> Any:
        """Django's cursor; on a primary, one that notices writes."""
        return self._wrapped(cursor, DjangoCursorWrapper if self._is_replica else CursorWrapper)

    def make_debug_cursor(self, cursor: Any) -> Any:
        """Django's logging cursor; on a primary, one that notices writes."""
        return self._wrapped(cursor, DjangoCursorDebugWrapper if self._is_replica else CursorDebugWrapper)

    def _wrapped(self, cursor: Any, kind: Any) -> Any:
        return (kind if current().statements is None else recording_kind(kind))(cursor, self)

    # Past the pooler

    def prepare_database(self) -> None:
        """Called by `migrate` before it begins: from here on this connection goes past the pooler.

        Raises CommandError for a replica.
        """
        primary = aliases.of(self.settings_dict).replica_of
        if primary is not None and self._shared() is None:
            raise CommandError(
                f"{self.alias!r} is a replica of {primary!r} and gets its schema from there: migrate that one."
            )
        super().prepare_database()
        self.use_direct()

    def use_direct(self) -> None:
        """Go past the pooler from now on, if there is one and a way past it. Closes a connection that is open.

        This connection itself changes its way, rather than `migrate` another alias: code in a migration that
        names no alias then runs in the same transaction as the schema change, and not beside it, waiting for
        its locks.
        """
        direct = None if self.alias == NO_DB_ALIAS or self._is_direct else _direct_of(self.alias)
        if direct is None or self.in_atomic_block:
            return
        self.close()
        way = {key: direct[key] for key in _WAY if key in direct}
        self.settings_dict = {**self.settings_dict, "DISABLE_SERVER_SIDE_CURSORS": False, **way}
        self._is_direct = True

    # Under test

    def become_mirror(self) -> None:
        """From now on take the primary's connection, as it is at each moment.

        Of this object alone: Django's tests, and tools like them, put something else in the place of the class's
        `ensure_connection`, and expect it to be reached.
        """
        self.ensure_connection = self._ensure_shared_connection  # type: ignore[method-assign]

    def _ensure_shared_connection(self) -> None:
        primary = self._shared()
        if primary is None:
            # `testing.lagging()` lets it be a replica of its own for a while.
            super().ensure_connection()
            return
        primary.ensure_connection()
        self.connection = primary.connection
        self.autocommit = primary.autocommit

    def _close(self) -> None:
        # A mirror only lets go of what belongs to its primary.
        if self._shared() is not None:
            return
        if self.connection is not None and self._link is not None and self.pool and not is_alive(self._link):
            self.connection._pool.give_up(self.connection)
            self.connection = None
        super()._close()  # type: ignore[misc]

    def _shared(self) -> Any:
        mirror = self.settings_dict.get("DORMOUSE", {}).get("SHARES_CONNECTION_OF")
        return connections[mirror] if mirror and self.alias != NO_DB_ALIAS else None


def _within(conn_params: dict[str, Any], left_s: float) -> dict[str, Any]:
    """The parameters with a timeout that ends with the deadline, or with the user's if that is shorter."""
    left = max(_SHORTEST_CONNECT_TIMEOUT_S, math.ceil(left_s))
    asked = int(conn_params.get("connect_timeout") or 0)
    return {**conn_params, "connect_timeout": min(asked, left) if asked > 0 else left}


def _judge(error: Exception) -> Verdict:
    sqlstate = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return while_connecting(str(error), sqlstate)


def _transaction_lost(error: Exception) -> TransactionLost:
    return TransactionLost(
        "The connection was lost inside a transaction, and nothing of the transaction was kept. Repeat the "
        "outermost atomic block as a whole; django_dormouse.transactions.retry_transaction does. "
        f"Reason: {str(error).strip()}"
    )


def _do_not_wait(_: Exception) -> Verdict:
    # The primary can answer instead.
    return Verdict.PERMANENT


def _direct_of(alias: str) -> dict[str, Any] | None:
    for settings in connections.settings.values():
        if settings.get("DORMOUSE", {}).get("DIRECT_OF") == alias:
            found: dict[str, Any] = settings
            return found
    return None
