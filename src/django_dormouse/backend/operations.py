"""Django's operations for PostgreSQL, with compilers that read again."""

from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations as DjangoDatabaseOperations

from django_dormouse.backend.statements import ASK_FOR_ID

__all__ = ["DatabaseOperations"]


class DatabaseOperations(DjangoDatabaseOperations):
    """Django's, but for the module that compiles queries."""

    compiler_module = "django_dormouse.backend.compiler"

    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        """Django's, without the question that went along."""
        query = super().last_executed_query(cursor, sql, params)
        return query.removeprefix(ASK_FOR_ID) if isinstance(query, str) else query
