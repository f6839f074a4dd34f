"""Compilers of the ORM's queries; a plain SELECT whose connection died is sent once more.

Plain: made of Django's own expressions alone, locking nothing, in autocommit mode. A function that the project
names itself may write, so a query with one is not repeated.
"""

from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError
from django.db.backends.postgresql import compiler as postgresql
from django.db.models.expressions import Func, RawSQL
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI
from django.db.models.sql.where import ExtraWhere

if TYPE_CHECKING:
    from django.db.models.sql.compiler import SQLCompiler as _Base
else:
    _Base = object

__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
    "is_plain",
]


class _ReadingAgain(_Base):
    connection: Any

    def execute_sql(
        self,
        result_type: Any = MULTI,
        chunked_fetch: bool = False,
        chunk_size: int = GET_ITERATOR_CHUNK_SIZE,
    ) -> Any:
        try:
            return super().execute_sql(result_type, chunked_fetch, chunk_size)
        except (OperationalError, InterfaceError) as error:
            if not is_plain(self.query) or not self.connection.replace_lost_for_reading(error):
                raise
        return super().execute_sql(result_type, chunked_fetch, chunk_size)


class SQLCompiler(_ReadingAgain, postgresql.SQLCompiler):
    """Django's, reading again."""


class SQLAggregateCompiler(_ReadingAgain, postgresql.SQLAggregateCompiler):
    """Django's, reading again."""


SQLDeleteCompiler = postgresql.SQLDeleteCompiler
SQLInsertCompiler = postgresql.SQLInsertCompiler
SQLUpdateCompiler = postgresql.SQLUpdateCompiler


def is_plain(query: Any) -> bool:
    """Whether a query only reads, as far as it is made of parts that are known to."""
    if query.select_for_update or query.extra:
        return False
    inner = getattr(query, "inner_query", None)
    return (
        (inner is None or is_plain(inner))
        and all(map(_only_reads, query.annotations.values()))
        and all(_only_reads(key) for key in query.order_by)
        and _only_reads(query.where)
        and all(map(is_plain, query.combined_queries))
    )


def _only_reads(node: Any) -> bool:
    if hasattr(node, "select_for_update"):
        return is_plain(node)
    kind = type(node)
    if not kind.__module__.startswith("django.") or kind in {Func, RawSQL, ExtraWhere}:
        # A column's name, a number and other values are of builtin types.
        return not hasattr(node, "as_sql")
    if not {"function", "template"}.isdisjoint(getattr(node, "extra", None) or ()):
        return False
    if (inner := getattr(node, "query", None)) is not None and not is_plain(inner):
        return False
    parts = [*getattr(node, "children", ())]
    if hasattr(node, "get_source_expressions"):
        parts += node.get_source_expressions()
    return all(map(_only_reads, parts))
