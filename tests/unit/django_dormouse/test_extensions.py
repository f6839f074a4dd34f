"""Which extensions installed apps need."""

from types import SimpleNamespace

from django.contrib.postgres.operations import HStoreExtension, TrigramExtension
from django.db.migrations.operations import RunSQL

from django_dormouse import extensions


class Field:
    def __init__(self, column: str | None) -> None:
        self._column = column

    def db_type(self, connection: object) -> str | None:
        return self._column


def test_those_of_migrations_and_of_columns(monkeypatch):
    migration = SimpleNamespace(operations=[TrigramExtension(), HStoreExtension(), RunSQL("SELECT 1")])
    loader = SimpleNamespace(disk_migrations={("shop", "0001"): migration})
    monkeypatch.setattr(extensions, "MigrationLoader", lambda *_, **__: loader)
    fields = [Field("citext"), Field("geometry(POINT,4326)"), Field("varchar(5)"), Field(None)]
    model = SimpleNamespace(_meta=SimpleNamespace(local_fields=fields))
    monkeypatch.setattr(extensions, "apps", SimpleNamespace(get_models=lambda **_: [model]))

    assert extensions.needed(None) == {"pg_trgm", "hstore", "citext", "postgis"}
