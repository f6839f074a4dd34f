"""psql for `manage.py dbshell`."""

from django.db.backends.postgresql.client import DatabaseClient as DjangoDatabaseClient

__all__ = ["DatabaseClient"]


class DatabaseClient(DjangoDatabaseClient):
    """psql."""
