"""Tables and views of a real Postgres, as its owner sees them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from fix_servers import Servers
from fix_servers import ask as ask_as

from dormouse.compute.binaries import Postgres
from dormouse.control.asking import ask
from dormouse.control.points import Point
from dormouse.control.relation_model import (
    BROWSED_CHARACTERS,
    Browse,
    Filter,
    Operator,
    RelationColumn,
    RelationConstraint,
    RelationDetail,
    RelationKind,
    Scope,
    Sort,
)
from dormouse.control.relations import Relations
from dormouse.control.statement_model import Answer, Complaint, Rows, Statement
from dormouse.errors import NotFound, RuleViolation
from dormouse.names import BranchId, ProjectId

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNER = "neondb_owner"
EVIL = """<img src=x onerror=alert(1)>"; DROP TABLE author; --'"""
SETUP = f"""
CREATE SCHEMA app;
CREATE TABLE app.author (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(20) NOT NULL DEFAULT 'nobody',
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    born date,
    details jsonb,
    UNIQUE (born, name)
);
COMMENT ON TABLE app.author IS 'Who writes.';
COMMENT ON COLUMN app.author.born IS 'As said.';
CREATE INDEX author_name ON app.author (lower(name));
INSERT INTO app.author (name, born, details) VALUES
    ('Ada', '1815-12-10', '{{"a": 1}}'), ('Grace', NULL, NULL), ('100%', '2000-01-01', NULL);
ANALYZE app.author;
CREATE TABLE app.event (at date, author_id bigint REFERENCES app.author, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE app.event_rest PARTITION OF app.event DEFAULT;
CREATE TABLE bare ();
INSERT INTO bare DEFAULT VALUES;
CREATE TABLE wide (id int PRIMARY KEY, long text, raw bytea, many text[], letter char(1));
INSERT INTO wide SELECT n, repeat('ä', 5000000), decode('00ff', 'hex'), ARRAY['a', NULL, 'b"'], 'x'
FROM generate_series(1, 3) n;
CREATE VIEW seen AS SELECT name FROM app.author;
CREATE TABLE {'"' + EVIL.replace('"', '""') + '"'} ({'"' + EVIL.replace('"', '""') + '"'} text PRIMARY KEY);
INSERT INTO {'"' + EVIL.replace('"', '""') + '"'} VALUES ('b'), ('a');
"""


class Looker:
    """Looks at one server."""

    def __init__(self, socket_dir: Path) -> None:
        self.socket_dir = socket_dir
        self.relations = Relations(self._run)
        self.scope = Scope(project=ProjectId("any"), branch=BranchId("any"), database="neondb", role=OWNER)

    async def _run(self, _: ProjectId, __: BranchId, statement: Statement, ___: Point) -> Answer:
        return await ask(self.socket_dir, statement)

    async def get(self, schema: str, name: str) -> RelationDetail:
        return await self.relations.get(self.scope, schema, name)

    async def rows(self, schema: str, name: str, browse: Browse | None = None) -> list[list[str | None]]:
        answer = await self.relations.rows(self.scope, await self.get(schema, name), browse or Browse())
        assert isinstance(answer.result, Rows), answer.result
        return [[None if cell is None else cell.text for cell in row] for row in answer.result.rows]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(servers: Servers, a_postgres: Postgres) -> AsyncIterator[Looker]:
    async with servers.fresh(a_postgres) as socket_dir:
        await ask_as(socket_dir, SETUP, role=OWNER)
        yield Looker(socket_dir)


async def test_lists_tables_with_kind_rows_and_size(there: Looker) -> None:
    found = {(each.schema, each.name): each for each in await there.relations.all(there.scope)}

    assert {key: each.kind for key, each in found.items()} == {
        ("app", "author"): RelationKind.TABLE,
        ("app", "event"): RelationKind.PARTITIONED_TABLE,
        ("app", "event_rest"): RelationKind.TABLE,
        ("public", EVIL): RelationKind.TABLE,
        ("public", "bare"): RelationKind.TABLE,
        ("public", "seen"): RelationKind.VIEW,
        ("public", "wide"): RelationKind.TABLE,
    }
    author = found["app", "author"]
    assert (author.estimated_rows, author.comment) == (3, "Who writes.")
    assert author.size_bytes is not None and author.size_bytes >= 8192
    assert (found["public", "seen"].size_bytes, found["public", "seen"].estimated_rows) == (None, None)


async def test_lists_are_sorted_by_schema_and_name(there: Looker) -> None:
    found = [(each.schema, each.name) for each in await there.relations.all(there.scope)]

    assert found == sorted(found)


async def test_tells_columns_indexes_and_constraints(there: Looker) -> None:
    author = await there.get("app", "author")

    assert author.columns == (
        RelationColumn(name="id", type="bigint", nullable=False, made="identity"),
        RelationColumn(
            name="name",
            type="character varying(20)",
            nullable=False,
            default="'nobody'::character varying",
            is_wide=True,
        ),
        RelationColumn(
            name="upper_name",
            type="text",
            nullable=True,
            default="upper((name)::text)",
            made="generated",
            is_wide=True,
        ),
        RelationColumn(name="born", type="date", nullable=True, comment="As said."),
        RelationColumn(name="details", type="jsonb", nullable=True, is_wide=True),
    )
    assert author.key == ("id",)
    assert [each.name for each in author.indexes] == ["author_pkey", "author_born_name_key", "author_name"]
    assert "lower((name)::text)" in author.indexes[2].definition and author.indexes[2].is_valid
    assert author.constraints == (
        RelationConstraint(name="author_pkey", definition="PRIMARY KEY (id)"),
        RelationConstraint(name="author_born_name_key", definition="UNIQUE (born, name)"),
    )


async def test_tells_the_query_of_a_view(there: Looker) -> None:
    assert "app.author" in (await there.get("public", "seen")).view


@pytest.mark.parametrize(
    ("schema", "name"), [("app", "nothing"), ("nowhere", "author"), ("pg_catalog", "pg_class")]
)
async def test_what_is_not_there_is_not_found(there: Looker, schema: str, name: str) -> None:
    with pytest.raises(NotFound, match=f"no table {schema}.{name}"):
        await there.get(schema, name)


async def test_a_database_that_is_not_there_is_told_in_postgres_words(there: Looker) -> None:
    scope = Scope(project=ProjectId("any"), branch=BranchId("any"), database="nowhere", role=OWNER)

    with pytest.raises(RuleViolation, match='database "nowhere" does not exist'):
        await there.relations.all(scope)


async def test_shows_rows_by_the_key_page_by_page(there: Looker) -> None:
    assert [row[1] for row in await there.rows("app", "author", Browse(limit=2))] == ["Ada", "Grace"]
    assert [row[1] for row in await there.rows("app", "author", Browse(limit=2, offset=2))] == ["100%"]


@pytest.mark.parametrize(
    ("column", "operator", "value", "names"),
    [
        ("name", Operator.EQUAL, "Ada", ["Ada"]),
        ("born", Operator.UNEQUAL, "1815-12-10", ["Grace", "100%"]),
        ("born", Operator.LESS, "1900-01-01", ["Ada"]),
        ("id", Operator.AT_LEAST, "2", ["Grace", "100%"]),
        ("name", Operator.CONTAINS, "%", ["100%"]),
        ("name", Operator.STARTS_WITH, "gr", ["Grace"]),
        ("born", Operator.IS_NULL, "", ["Grace"]),
        ("details", Operator.IS_NOT_NULL, "", ["Ada"]),
        ("name", Operator.EQUAL, "' OR true --", []),
    ],
)
async def test_filters(there: Looker, column: str, operator: Operator, value: str, names: list[str]) -> None:
    browse = Browse(filters=(Filter(column=column, operator=operator, value=value),))

    assert [row[1] for row in await there.rows("app", "author", browse)] == names


async def test_sorts_with_nulls_last(there: Looker) -> None:
    browse = Browse(sort=Sort(column="born", descending=True))

    assert [row[1] for row in await there.rows("app", "author", browse)] == ["100%", "Ada", "Grace"]


async def test_a_value_that_does_not_fit_is_told_in_postgres_words(there: Looker) -> None:
    browse = Browse(filters=(Filter(column="born", operator=Operator.EQUAL, value="soon"),))

    answer = await there.relations.rows(there.scope, await there.get("app", "author"), browse)

    assert isinstance(answer.result, Complaint)
    assert answer.result.message == 'invalid input syntax for type date: "soon"'


async def test_wide_values_are_shortened_by_the_server(there: Looker) -> None:
    answer = await there.relations.rows(there.scope, await there.get("public", "wide"), Browse())
    first, *_ = await there.rows("public", "wide")

    assert isinstance(answer.result, Rows)
    assert [each.type for each in answer.result.columns] == ["integer", "text", "bytea", "text[]", "character(1)"]
    assert first == ["1", "ä" * (BROWSED_CHARACTERS + 1), "\\x00ff", '{a,NULL,"b\\""}', "x"]


async def test_a_table_without_columns_is_shown(there: Looker) -> None:
    assert await there.rows("public", "bare") == [[]]


async def test_names_that_try_to_break_out_are_names(there: Looker) -> None:
    browse = Browse(filters=(Filter(column=EVIL, operator=Operator.UNEQUAL, value=EVIL),), sort=Sort(column=EVIL))

    assert await there.rows("public", EVIL, browse) == [["a"], ["b"]]
    assert await there.get("app", "author")


async def test_what_the_role_may_not_read_is_told(there: Looker) -> None:
    await ask_as(there.socket_dir, "CREATE ROLE stranger LOGIN")
    stranger = Scope(project=ProjectId("any"), branch=BranchId("any"), database="neondb", role="stranger")

    answer = await there.relations.rows(stranger, await there.get("app", "author"), Browse())

    assert isinstance(answer.result, Complaint) and answer.result.sqlstate == "42501"
