"""The five guides as they stand: stock parts, typed by hand, on the platform.

`guides/` holds what a reader types, one folder per guide, over a fresh `startproject`. Nothing in there
knows of Dormouse: what works here works because the platform is what the guides take it to be.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import GuideProject
from .reader import Reader

WHO_AM_I = """
from django.db import connection

connection.ensure_connection()
with connection.cursor() as cursor:
    cursor.execute("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user")
    print(cursor.fetchone())
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_connect_by_variables(tmp_path: Path, psycopg2_python: Path, project: GuideProject) -> None:
    reader = Reader(tmp_path, psycopg2_python)
    reader.start_project("first")
    reader.type("connect_by_variables")
    reader.write_env(project.variables)

    reader.manage("check", "--database", "default")
    with reader.serve() as visitor:
        assert visitor.get("/").startswith("PostgreSQL ")


def test_connect_by_url_and_meet_a_compute_that_fell_asleep(
    tmp_path: Path, psycopg2_python: Path, project
) -> None:
    reader = Reader(tmp_path, psycopg2_python)
    reader.start_project("first")
    reader.type("connect_by_url")
    reader.write_env({"DATABASE_URL": project.url})

    with reader.serve() as visitor:
        assert visitor.get("/").startswith("PostgreSQL ")
        project.suspend()
        # The kept connection is dead by now: Django's health check finds out, and the next one wakes the compute.
        assert visitor.get("/").startswith("PostgreSQL ")


def test_migrate_a_catalog(tmp_path: Path, psycopg2_python: Path, project: GuideProject) -> None:
    reader = Reader(tmp_path, psycopg2_python)
    reader.start_project("library")
    reader.manage("startapp", "catalog")
    reader.type("catalog")
    reader.write_env({"DATABASE_URL": project.url})

    reader.manage("makemigrations", "catalog")
    reader.manage("migrate")
    reader.manage("populate")
    with reader.serve() as visitor:
        authors = visitor.get_json("/catalog/authors/")
        assert [author["name"] for author in authors] == ["J.R.R. Tolkien", "George R.R. Martin", "J.K. Rowling"]
        books = [visitor.get_json(f"/catalog/books/{author['id']}/") for author in authors]
        assert [len(titles) for titles in books] == [3, 2, 2]

    reader.type("catalog_country")
    reader.manage("makemigrations", "catalog", "--name", "author_country")
    assert "ADD COLUMN" in reader.manage("sqlmigrate", "catalog", "0002")
    reader.manage("migrate")
    with reader.serve() as visitor:
        assert {author["country"] for author in visitor.get_json("/catalog/authors/")} == {""}


def test_from_scratch_with_a_role_of_its_own(tmp_path: Path, psycopg3_python: Path, project: GuideProject) -> None:
    reader = Reader(tmp_path, psycopg3_python)
    reader.start_project("config")
    reader.type("from_scratch")
    project.run_sql((tmp_path / "database.sql").read_text())
    reader.write_env(project.variables_of(database="scratch", role="scratch", password="not-for-production"))

    assert "no issues" in reader.manage("check", "--database", "default")
    reader.manage("migrate")
    assert "CREATE TABLE" in reader.manage("sqlmigrate", "auth", "0001")
    assert reader.manage("shell", "-c", WHO_AM_I).endswith("('scratch', False)\n")
    assert "Found 1 test" in reader.manage("test")
    if shutil.which("psql"):
        assert "scratch" in reader.manage("dbshell", stdin="SELECT current_user;\n")


def test_scale_with_a_read_replica(tmp_path: Path, psycopg2_python: Path, project: GuideProject) -> None:
    reader = Reader(tmp_path, psycopg2_python)
    reader.start_project("journal")
    reader.manage("startapp", "notes")
    reader.type("notes")
    reader.write_env({"DATABASE_URL": project.url, "READ_REPLICA_URL": project.replica_url})

    reader.manage("makemigrations", "notes")
    reader.manage("migrate")
    with reader.serve() as visitor:
        assert visitor.submit("/create/", title="Nuts", content="Hazel.") == "/"
        page = _until(lambda: "Nuts" in (page := visitor.get("/")) and page, "the note on the replica")
        number = page.partition("/delete/")[2].partition("/")[0]
        assert visitor.submit(f"/delete/{number}/") == "/"
        _until(lambda: "Nuts" not in visitor.get("/"), "the note gone from the replica")


def _until(happened: Callable[[], object], what: str) -> object:
    """The guide's router reads from the replica at once, so its pages may be a moment behind."""
    deadline = time.monotonic() + 20
    while not (answer := happened()):
        assert time.monotonic() < deadline, f"waited 20 s for {what}"
        time.sleep(0.05)
    return answer
