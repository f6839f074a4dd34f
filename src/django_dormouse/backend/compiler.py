"""Compilers of the ORM's queries; a plain SELECT is sent once more where that helps.

To a new connection, if its own died. To another replica or the primary, if the router had sent it to a replica
that failed, was busy replaying, or did not have the one object that was asked for.

Plain: made of Django's own expressions alone, locking nothing, in autocommit mode. A function that the project
names itself may write, so a query with one is not repeated.
"""

from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, ProgrammingError, connections
from django.db.backends.postgresql import compiler as postgresql
from django.db.models.expressions import Func, RawSQL
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI
from django.db.models.sql.where import ExtraWhere

from django_dormouse import settings
from django_dormouse.replicas import picking
from django_dormouse.replicas.context import current
from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.keys import asks_by_key
from django_dormouse.replicas.routed import Routed

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
    using: Any

    def execute_sql(
        self,
        result_type: Any = MULTI,
        chunked_fetch: bool = False,
        chunk_size: int = GET_ITERATOR_CHUNK_SIZE,
    ) -> Any:
        asked = (result_type, chunked_fetch, chunk_size)
        if not isinstance(self.using, Routed):
            return self._execute_again_if_lost(*asked)
        reason = self.using.reason
        self.using.tally.add_one()
        connection = self.connection
        connection.reason_of_next = reason
        try:
            if reason is Reason.REPLICA or reason is Reason.REPLICA_BLOCK:
                return self._execute_on_replica(asked)
            return self._execute_again_if_lost(*asked)
        finally:
            # Not every query is sent: of some it is known that they find nothing.
            connection.reason_of_next = None

    def _execute_on_replica(self, asked: tuple[Any, ...]) -> Any:
        try:
            found = super().execute_sql(*asked)
        except (OperationalError, InterfaceError, ProgrammingError) as error:
            instead = picking.elsewhere(str(self.using), error) if is_plain(self.query) else None
            if instead is None:
                raise
            return self._execute_at(instead, asked)
        unit = current()
        unit.served_by.add(self.using)
        is_worth_a_look = (
            not found
            and self.using.reason is Reason.REPLICA
            and settings.current().look_again
            and asks_by_key(self.query)
            and is_plain(self.query)
        )
        return self._look_again(unit, asked) if is_worth_a_look else found

    def _execute_again_if_lost(self, *asked: Any) -> Any:
        try:
            return super().execute_sql(*asked)
        except (OperationalError, InterfaceError) as error:
            if not is_plain(self.query) or not self.connection.replace_lost_for_reading(error):
                raise
        return super().execute_sql(*asked)

    def _execute_at(self, alias: Routed, asked: tuple[Any, ...]) -> Any:
        self.connection, self.using = connections[alias], alias
        return self.execute_sql(*asked)

    def _look_again(self, unit: Any, asked: tuple[Any, ...]) -> Any:
        """The same on the primary: a row that is not there may be too new for the replica."""
        try:
            found = self._execute_at(picking.primary(Reason.MISSING), asked)
        except (OperationalError, InterfaceError):
            # The primary is away; then the replica is all that anybody knows.
            return [] if asked[0] == MULTI else None
        if found:
            # What belongs to that row may be as new.
            picking.note_newer(unit)
        return found


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
