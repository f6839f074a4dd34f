"""Django's operations for PostgreSQL, with compilers that read again."""

from django.db.backends.postgresql.operations import DatabaseOperations as DjangoDatabaseOperations

__all__ = ["DatabaseOperations"]


class DatabaseOperations(DjangoDatabaseOperations):
    """Django's, but for the module that compiles queries."""

    compiler_module = "django_dormouse.backend.compiler"
