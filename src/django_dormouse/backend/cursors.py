"""Cursors that notice writes.

Why here: whatever Django sends to a database passes through one of these, be it compiled by the ORM, written by
hand, or run by a migration. A router hears only of the ORM's writes, and hears of some that turn out to be
none.
"""

from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql.base import CursorDebugWrapper as DjangoCursorDebugWrapper
from django.db.backends.utils import CursorWrapper as DjangoCursorWrapper

from django_dormouse.backend.statements import may_write
from django_dormouse.replicas.context import current, note_write

if TYPE_CHECKING:
    _Base = DjangoCursorWrapper
else:
    _Base = object

__all__ = ["CursorDebugWrapper", "CursorWrapper"]


class _Noticing(_Base):
    def _execute(self, sql: Any, params: Any, *ignored_wrapper_args: Any) -> Any:
        _notice(sql)
        return super()._execute(sql, params, *ignored_wrapper_args)  # type: ignore[misc]

    def _executemany(self, sql: Any, param_list: Any, *ignored_wrapper_args: Any) -> Any:
        _notice(sql)
        return super()._executemany(sql, param_list, *ignored_wrapper_args)  # type: ignore[misc]

    def callproc(self, procname: str, params: Any = None, kparams: Any = None) -> Any:
        note_write()
        return super().callproc(procname, params, kparams)

    def __getattr__(self, attr: str) -> Any:
        # copy, copy_expert, copy_from, copy_to: the driver's own, reached through Django's wrapper.
        if attr.startswith("copy"):
            note_write()
        return super().__getattr__(attr)


class CursorWrapper(_Noticing, DjangoCursorWrapper):
    """Django's, noticing writes."""


class CursorDebugWrapper(_Noticing, DjangoCursorDebugWrapper):
    """Django's with the log of queries, noticing writes."""

    def debug_sql(self, sql: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Django's; all statements pass here, COPY among them."""
        _notice(sql)
        return super().debug_sql(sql, *args, **kwargs)


def _notice(sql: Any) -> None:
    scope = current()
    if not scope.has_written and may_write(_text(sql)):
        scope.has_written = True


def _text(sql: Any) -> str:
    if isinstance(sql, str):
        return sql
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    # psycopg.sql's objects; None where Django logs something that is no statement.
    return str(sql.as_string(None)) if hasattr(sql, "as_string") else ""
