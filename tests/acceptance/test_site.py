"""The example site on the platform: every command, and pages that are right whatever sleeps."""

import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import GuideProject
from .reader import Reader, Visitor

if TYPE_CHECKING:
    from fix_platform import Platform

pytestmark = pytest.mark.timeout(300)

SITE = Path(__file__).parents[2] / "examples" / "site"
NEW_EDITOR = """
from django.contrib.auth import get_user_model

get_user_model().objects.create_superuser("editor", password="hazel-hedge")
"""
GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "test-against-a-lagging-replica.md"
NAIVE_ROUTER = """
class Naive:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"
"""
ALIAS = re.compile(r'class="alias \w+">(\w+)<')


@pytest.fixture
def reader(tmp_path: Path, project: GuideProject) -> Reader:
    """The site in a folder of its own, over the platform that all tests share."""
    return _settled_site(tmp_path, project)


@pytest.fixture
def visitor(reader: Reader) -> Iterator[Visitor]:
    with reader.serve() as visitor:
        yield visitor


def test_every_command_works(reader: Reader) -> None:
    assert "no issues" in reader.manage("check", "--database", "default", "--database", "replica")
    assert "No changes" in reader.manage("makemigrations", "--check")
    assert 'ADD COLUMN "country"' in reader.manage("sqlmigrate", "catalog", "0002")
    assert "Added 3 authors and 7 books." in reader.manage("populate")
    assert "Added 0 authors and 0 books." in reader.manage("populate")
    assert "Found" in reader.manage("test")
    if shutil.which("psql"):
        assert "7" in reader.manage("dbshell", stdin="SELECT count(*) FROM catalog_book;\n")


def test_the_lagging_replica_of_the_guide_is_tested_here() -> None:
    [example] = re.findall(r"^class .*?(?=^```)", GUIDE.read_text(), re.DOTALL | re.MULTILINE)

    assert example in (SITE / "notes" / "tests.py").read_text()


def test_that_test_fails_with_a_router_that_reads_from_the_replica_at_once(reader: Reader) -> None:
    (reader.folder / "routers.py").write_text(NAIVE_ROUTER)
    with (reader.folder / "config" / "settings.py").open("a") as settings:
        settings.write('DATABASE_ROUTERS = ["routers.Naive"]\n')

    with pytest.raises(AssertionError, match="'Nuts</h2>'") as caught:
        reader.manage("test", "notes.tests.LaggingReplicaTests")

    assert "Couldn't find" in str(caught.value)


def test_a_new_note_is_always_on_the_page_that_follows(visitor: Visitor) -> None:
    for number in range(10):
        assert visitor.submit("/create/", title=f"Note {number}", content="Hazel.") == "/"

        assert f"Note {number}" in visitor.get("/")


def test_who_only_reads_reads_from_the_replica(visitor: Visitor) -> None:
    assert set(ALIAS.findall(visitor.get("/"))) == {"replica"}


def test_a_report_reads_from_the_replica_whoever_asks(visitor: Visitor) -> None:
    visitor.submit("/create/", title="Just now", content="Hazel.")

    visitor.get("/catalog/countries/")

    assert "replica;" in visitor.headers["Server-Timing"]


def test_the_toolbar_says_which_database_served_what(reader: Reader) -> None:
    with (reader.folder / ".env").open("a") as environment:
        environment.write("\nTOOLBAR=true\n")
    with reader.serve() as visitor:
        page = visitor.get("/")

    assert "djDebug" in page
    assert "ReplicasPanel" in page


def test_an_editor_adds_an_author_with_a_book_in_the_admin(reader: Reader) -> None:
    reader.manage("shell", "-c", NEW_EDITOR)
    book = {"books-TOTAL_FORMS": "1", "books-INITIAL_FORMS": "0", "books-0-title": "Moss and Leaves"}
    with reader.serve() as visitor:
        assert visitor.submit("/admin/login/?next=/admin/", username="editor", password="hazel-hedge") == "/admin/"

        visitor.submit("/admin/catalog/author/add/", name="A. Dormouse", country="Wales", **book)

        assert "was added successfully" in visitor.get("/admin/catalog/author/")
        (author,) = visitor.get_json("/catalog/authors/")
        assert [book["title"] for book in visitor.get_json(f"/catalog/books/{author['id']}/")] == [
            "Moss and Leaves"
        ]


def test_nobody_is_turned_away_because_the_computes_slept(visitor: Visitor, project: GuideProject) -> None:
    visitor.submit("/create/", title="Before", content="Hazel.")

    project.suspend()

    assert "Before" in visitor.get("/")
    project.suspend()
    assert visitor.submit("/create/", title="After", content="Hazel.") == "/"
    assert "After" in visitor.get("/")


def test_a_page_asked_for_while_the_platform_is_down_waits_for_it(
    tmp_path: Path, own_platform: "Platform"
) -> None:
    # On the same port after the restart, as `.env` has it.
    own_platform.environment["DORMOUSE_PG_PORT"] = str(own_platform.there["pg_port"])
    project = GuideProject(platform=own_platform, made=own_platform.create(replica=True))
    with _settled_site(tmp_path, project).serve() as visitor, ThreadPoolExecutor() as elsewhere:
        visitor.submit("/create/", title="Before", content="Hazel.")

        own_platform.kill()
        page = elsewhere.submit(visitor.get, "/")
        own_platform.up()

        assert "Before" in page.result(60)
        assert visitor.submit("/create/", title="After", content="Hazel.") == "/"
        assert "After" in visitor.get("/")


def _settled_site(folder: Path, project: GuideProject) -> Reader:
    """The site with an `.env` as its README says, migrated."""
    reader = Reader(folder, Path(sys.executable))
    reader.copy(SITE)
    reader.write_env({"DEBUG": "true", "DATABASE_URL": project.url, "DATABASE_REPLICA_URL": project.replica_url})
    reader.manage("migrate", "--verbosity=0")
    return reader
