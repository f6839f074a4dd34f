"""Which extensions the installed apps need: those that their migrations create, and those of column types."""

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

__all__ = ["needed"]

_OF_TYPES = {
    "hstore": "hstore",
    "citext": "citext",
    "geometry": "postgis",
    "geography": "postgis",
    "vector": "vector",
}


def needed(connection: BaseDatabaseWrapper) -> set[str]:
    """Their names. Reads migrations and models, and asks no database."""
    found: set[str] = set()
    for migration in MigrationLoader(None, ignore_no_migrations=True).disk_migrations.values():
        for operation in migration.operations:
            # CreateExtension and its kin, told by their class: django.contrib.postgres may not be installed.
            if any(kind.__name__ == "CreateExtension" for kind in type(operation).__mro__):
                found.add(str(getattr(operation, "name", "")))
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            column = (field.db_type(connection) or "").partition("(")[0]
            if column in _OF_TYPES:
                found.add(_OF_TYPES[column])
    return found - {""}
