"""Cursors that notice writes, and say what a write's lost answer means.

Why here: whatever Django sends to a database passes through one of these, be it compiled by the ORM, written by
hand, or run by a migration. A router hears only of the ORM's writes, and hears of some that turn out to be
none.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django.db import InterfaceError, OperationalError
from django.db.backends.postgresql.base import CursorDebugWrapper as DjangoCursorDebugWrapper
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.db.backends.utils import CursorWrapper as DjangoCursorWrapper

from django_dormouse.backend.statements import ASK_FOR_ID, may_write
from django_dormouse.replicas.context import current
from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.seeing import recording

if TYPE_CHECKING:
    _Base = DjangoCursorWrapper
else:
    _Base = object

if is_psycopg3:
    from psycopg import ClientCursor

__all__ = ["CursorDebugWrapper", "CursorWrapper", "recording_kind"]

_CLIENT_CURSOR: Final = ClientCursor if is_psycopg3 else None


class _Noticing(_Base):
    db: Any
    """The DatabaseWrapper of this package that made it."""

    def _execute(self, sql: Any, params: Any, *ignored_wrapper_args: Any) -> Any:
        writes = self._notice(sql)
        try:
            if (
                writes
                and not self.db.autocommit
                and self.db.transaction_id is None
                and self._asks_along(sql, params)
            ):
                return self._execute_and_ask(sql, params, *ignored_wrapper_args)
            return super()._execute(sql, params, *ignored_wrapper_args)  # type: ignore[misc]
        except (OperationalError, InterfaceError) as error:
            self._raise_meaning(error, sql)

    def _executemany(self, sql: Any, param_list: Any, *ignored_wrapper_args: Any) -> Any:
        self._notice(sql)
        try:
            return super()._executemany(sql, param_list, *ignored_wrapper_args)  # type: ignore[misc]
        except (OperationalError, InterfaceError) as error:
            self._raise_meaning(error, sql)

    def _notice(self, sql: Any) -> bool:
        """Whether the statement may write; if so, it is noted."""
        writes = may_write(_text(sql))
        if writes:
            self.db.note_write()
        return writes

    def _execute_and_ask(self, sql: Any, params: Any, *ignored_wrapper_args: Any) -> Any:
        """The first write of a transaction, and in the same round trip the transaction's id.

        Only now: with COMMIT the id would be lost together with COMMIT's answer. Not in a pipeline: psycopg ends
        one with a Flush, and a server that hears a message after its ReadyForQuery stops the clock of
        idle_in_transaction_session_timeout.
        """
        result = super()._execute(ASK_FOR_ID + sql, params, *ignored_wrapper_args)  # type: ignore[misc]
        row = self.cursor.fetchone()
        # A project may have chosen rows that are mappings.
        self.db.transaction_id = str(row["id"] if isinstance(row, dict) else row[0])
        self.cursor.nextset()
        return result

    def _asks_along(self, sql: Any, params: Any) -> bool:
        # Two statements travel together where the driver puts parameters in by itself. Statements with parameters
        # are the ORM's, or like them.
        return (
            params is not None
            and _CLIENT_CURSOR is not None
            and isinstance(self.cursor, _CLIENT_CURSOR)
            and isinstance(sql, str)
        )

    def _raise_meaning(self, error: Exception, sql: Any) -> NoReturn:
        meaning = self.db.meaning_of(error, may_have_written=may_write(_text(sql)))
        if meaning is error:
            raise error
        raise meaning from error.__cause__

    def callproc(self, procname: str, params: Any = None, kparams: Any = None) -> Any:
        self.db.note_write()
        return super().callproc(procname, params, kparams)

    def __getattr__(self, attr: str) -> Any:
        # copy, copy_expert, copy_from, copy_to: the driver's own, reached through Django's wrapper.
        if attr.startswith("copy"):
            self.db.note_write()
        return super().__getattr__(attr)


class CursorWrapper(_Noticing, DjangoCursorWrapper):
    """Django's, noticing writes."""


class CursorDebugWrapper(_Noticing, DjangoCursorDebugWrapper):
    """Django's with the log of queries, noticing writes."""

    def debug_sql(self, sql: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Django's; all statements pass here, COPY among them."""
        self._notice(sql)
        return super().debug_sql(sql, *args, **kwargs)


class _Recording(_Base):
    """Writes down what is sent, where somebody wants to see it."""

    db: Any

    def _execute(self, sql: Any, *args: Any) -> Any:
        with recording(current(), self.db.alias, _text(sql), self._reason(sql)):
            return super()._execute(sql, *args)  # type: ignore[misc]

    def _executemany(self, sql: Any, *args: Any) -> Any:
        with recording(current(), self.db.alias, _text(sql), self._reason(sql)):
            return super()._executemany(sql, *args)  # type: ignore[misc]

    def _reason(self, sql: Any) -> Reason:
        reason: Reason | None = self.db.reason_of_next
        self.db.reason_of_next = None
        return reason or (Reason.WRITE if may_write(_text(sql)) else Reason.ASKED)


@cache
def recording_kind(kind: Any) -> Any:
    """A kind of cursor, recording."""
    return type(f"Recording{kind.__name__}", (_Recording, kind), {})


def _text(sql: Any) -> str:
    if isinstance(sql, str):
        return sql
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    # psycopg.sql's objects; None where Django logs something that is no statement.
    return str(sql.as_string(None)) if hasattr(sql, "as_string") else ""
