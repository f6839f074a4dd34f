"""The SQL editor, tables and schema diff in a browser: with JavaScript and without, by keyboard, for axe."""

import os
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from fix_platform import Made, Platform, rows, wait_until
from playwright.sync_api import Page, expect

from dormouse.api.bodies import BranchCreate, ProjectUpdate

from .conftest import Enter

EVIL = """<img src=x onerror="document.title='owned'">"""
"""As the name of a table and of a column, as a value, in an error."""

SETUP = f"""
CREATE TABLE author (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(40) NOT NULL,
    born date,
    details jsonb,
    tags text[],
    portrait bytea,
    about text
);
COMMENT ON TABLE author IS 'Who writes here';
CREATE INDEX author_born ON author (born);
INSERT INTO author (name, born, details, tags, portrait, about)
SELECT
    (ARRAY['Ada Lovelace', 'Grace Hopper', 'Barbara Liskov', 'Radia Perlman'])[1 + n % 4] || ' ' || n,
    CASE WHEN n % 5 <> 0 THEN date '1900-01-01' + n * 97 END,
    jsonb_build_object('posts', n, 'sleeps', n % 2 = 0),
    CASE WHEN n % 3 <> 0 THEN ARRAY['tree', 'nest "' || n || '"'] END,
    CASE WHEN n % 2 = 0 THEN decode(md5(n::text), 'hex') END,
    CASE n % 4 WHEN 0 THEN '' WHEN 1 THEN repeat('A long winter, and a longer sleep. ', 40) ELSE 'short' END
FROM generate_series(1, 120) n;
CREATE TABLE post (
    id bigint PRIMARY KEY, author_id bigint NOT NULL REFERENCES author, title text, published timestamptz
);
CREATE VIEW young AS SELECT id, name FROM author WHERE born > '1930-01-01';
CREATE TABLE "{EVIL.replace('"', '""')}" ("{EVIL.replace('"', '""')}" text);
INSERT INTO "{EVIL.replace('"', '""')}" VALUES ($evil${EVIL}$evil$);
ANALYZE;
"""
CHANGES = """
DROP VIEW young;
ALTER TABLE author ALTER COLUMN name TYPE varchar(80);
ALTER TABLE author ADD COLUMN email text UNIQUE;
CREATE INDEX post_published ON post (published DESC);
"""
SLEEPING = """
SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'dormouse console' AND query LIKE '%sleep(299)'
"""
SCRIPTS = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])


@dataclass(frozen=True)
class Data:
    """A project with rows in it, and a branch that has another schema."""

    platform: Platform
    made: Made
    branch: str

    def path(self, page: str, **query: str) -> str:
        given = "&".join(f"{name}={value}" for name, value in query.items())
        return f"/projects/{self.made.project}/{page}?{given}"


@pytest.fixture(scope="module")
def data(platform: Platform) -> Data:
    made = platform.create()
    platform.client.update_project(made.project, ProjectUpdate(name="library"))
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute(SETUP)
    branch = platform.client.create_branch(made.project, BranchCreate(name="try-emails"))
    (primary,) = [each.id for each in branch.endpoints] or [None]
    assert primary is not None
    with psycopg.connect(made.url.replace(made.primary, primary), autocommit=True) as connection:
        connection.execute(CHANGES)
    return Data(platform, made, branch.branch.id)


def run(page: Page, statement: str, button: str = "Run") -> None:
    page.get_by_label("Statement").fill(statement)
    page.get_by_role("button", name=button, exact=True).click()


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {[node['html'][:200] for node in each['nodes'][:3]]}" for each in found]


def shoot(page: Page, name: str) -> None:
    """The pictures of the documentation: `DORMOUSE_SCREENSHOTS=docs/images make browser`."""
    folder = os.environ.get("DORMOUSE_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        # Else the sections of the project stand where the page was scrolled to.
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@SCRIPTS
def test_a_statement_is_run_by_mouse(enter: Enter, data: Data, script: bool) -> None:
    page = enter(java_script_enabled=script)
    page.goto(data.path("sql"))

    run(page, "SELECT id, name, NULL AS nothing FROM author LIMIT 3")

    shown = page.get_by_role("region", name="Rows: Now")
    expect(shown.get_by_role("row")).to_have_count(4)
    expect(shown.get_by_role("cell", name="NULL").first).to_be_visible()
    expect(page.locator(".facts-line")).to_contain_text("3 rows")
    expect(page.get_by_label("Statement")).to_have_value("SELECT id, name, NULL AS nothing FROM author LIMIT 3")
    expect(page.get_by_text("History of this session")).to_be_visible()


def test_a_statement_is_run_by_keyboard(enter: Enter, data: Data) -> None:
    page = enter()
    page.goto(data.path("sql"))

    page.get_by_label("Statement").focus()
    page.keyboard.type("SELECT 40 + 2 AS answer")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("cell", name="42")).to_be_visible()
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_statement_is_stopped_when_nobody_waits_for_it(enter: Enter, data: Data) -> None:
    page = enter()
    page.goto(data.path("sql"))
    page.get_by_label("For at most").select_option("300")

    run(page, "SELECT pg_sleep(299)")
    wait_until(lambda: rows(data.made.url, SLEEPING) == [(1,)], "the statement runs")
    page.get_by_role("button", name="Stop").click()

    wait_until(lambda: rows(data.made.url, SLEEPING) == [(0,)], "the statement is cancelled")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()
    run(page, "SELECT 'awake'")
    expect(page.get_by_role("cell", name="awake")).to_be_visible()


@SCRIPTS
def test_reading_is_the_rule_and_writing_a_choice(enter: Enter, data: Data, script: bool) -> None:
    page = enter(java_script_enabled=script)
    page.goto(data.path("sql"))

    run(page, "INSERT INTO post VALUES (1, 1, 'A post') ON CONFLICT DO NOTHING")
    expect(page.get_by_role("alert")).to_contain_text("cannot execute INSERT in a read-only transaction")

    page.get_by_label("Read and write").check()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".facts-line")).to_contain_text("INSERT 0")


@SCRIPTS
def test_enter_in_a_field_runs_the_statement(enter: Enter, data: Data, script: bool) -> None:
    page = enter(java_script_enabled=script)
    page.goto(data.path("sql"))

    page.get_by_label("Statement").fill("SELECT 'entered'")
    page.get_by_label("Beside it, as of").press("Enter")

    expect(page.get_by_role("cell", name="entered")).to_be_visible()


def test_an_error_shows_its_place_and_hint(enter: Enter, data: Data) -> None:
    page = enter()
    page.goto(data.path("sql"))

    run(page, "SELECT id,\n       nmae\nFROM author")

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text('column "nmae" does not exist')
    expect(alert).to_contain_text("42703")
    expect(alert.locator("mark")).to_have_text("n")
    expect(alert).to_contain_text('Perhaps you meant to reference the column "author.name".')


def test_the_plan_is_a_text(enter: Enter, data: Data) -> None:
    page = enter()
    page.goto(data.path("sql"))

    run(page, "SELECT * FROM author WHERE born > '1920-01-01'", "Explain analyze")

    expect(page.get_by_role("region", name="Plan: Now")).to_contain_text("Execution Time")


def test_the_same_statement_now_and_then(enter: Enter, data: Data) -> None:
    with psycopg.connect(data.made.url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_wal_insert_lsn()::text, clock_timestamp()").fetchone()
        assert row is not None
        connection.execute("UPDATE author SET name = 'Ada Byron' WHERE id = 4")
    page = enter(viewport={"width": 1180, "height": 760})
    page.goto(data.path("sql"))

    page.get_by_label("Beside it, as of").fill(row[0])
    run(page, "SELECT id, name, born FROM author WHERE id BETWEEN 3 AND 6 ORDER BY id")

    expect(page.get_by_role("region", name="Rows: Now")).to_contain_text("Ada Byron", timeout=60_000)
    then = page.get_by_role("region", name="Rows: At")
    expect(then).to_contain_text("Ada Lovelace 4")
    expect(then.locator("caption")).to_have_text("One row is only here")
    shoot(page, "console-sql")
    assert violations(page) == []


@SCRIPTS
def test_a_statement_stays_when_the_branch_changes(enter: Enter, data: Data, script: bool) -> None:
    page = enter(java_script_enabled=script)
    page.goto(data.path("sql"))

    page.get_by_label("Statement").fill("SELECT count(email) FROM author")
    page.get_by_label("Branch").select_option(label="try-emails")
    if not script:
        page.get_by_role("button", name="Choose").click()
    page.get_by_role("button", name="Run", exact=True).click()

    expect(page.get_by_role("cell", name="0", exact=True)).to_be_visible()
    expect(page.get_by_label("Branch")).to_have_value(data.branch)


@SCRIPTS
def test_what_was_asked_comes_back_from_the_history(enter: Enter, data: Data, script: bool) -> None:
    page = enter(java_script_enabled=script)
    page.goto(data.path("sql"))
    run(page, "SELECT 'the first'")
    expect(page.get_by_role("cell", name="the first")).to_be_visible()
    run(page, "SELECT 'the second'")
    expect(page.get_by_role("cell", name="the second")).to_be_visible()

    page.get_by_text("History of this session").click()
    page.get_by_role("link", name="SELECT 'the first'").click()

    expect(page.get_by_label("Statement")).to_have_value("SELECT 'the first'")


@SCRIPTS
def test_tables_are_browsed_filtered_and_sorted(enter: Enter, data: Data, script: bool) -> None:
    page = enter(java_script_enabled=script, viewport={"width": 1180, "height": 760})
    page.goto(data.path("tables"))
    expect(page.get_by_role("row", name="author")).to_contain_text("120")
    page.get_by_role("link", name="author").click()

    shown = page.get_by_role("region", name="Rows of author")
    expect(shown.get_by_role("row")).to_have_count(51)
    expect(page.get_by_text("Rows 1 to 50")).to_be_visible()
    shoot(page, "console-tables")

    page.get_by_role("link", name="Next").click()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Rows 101 to 120")).to_be_visible()
    expect(page.get_by_role("link", name="Next")).to_have_count(0)

    shown.get_by_role("link", name="born").click()
    shown.get_by_role("link", name="born").click()
    expect(shown.get_by_role("columnheader", name="born")).to_have_attribute("aria-sort", "descending")

    page.get_by_label("Rows whose").select_option("name")
    page.get_by_label("compares as").select_option("starts with")
    page.get_by_label("with", exact=True).fill("grace hopper 1")
    page.get_by_role("button", name="Filter").click()
    expect(shown.get_by_role("row")).to_have_count(9)

    page.get_by_role("link", name="Structure").click()
    expect(page.get_by_role("region", name="Indexes of author")).to_contain_text("author_born")


def test_a_value_that_does_not_fit_is_told(enter: Enter, data: Data) -> None:
    page = enter()
    page.goto(data.path("tables/rows", schema="public", table="author", column="born", operator="=", value="soon"))

    expect(page.get_by_role("alert")).to_contain_text('invalid input syntax for type date: "soon"')


@SCRIPTS
def test_two_schemas_side_by_side(enter: Enter, data: Data, script: bool) -> None:
    page = enter(java_script_enabled=script, viewport={"width": 1180, "height": 760})
    page.goto(data.path("schema-diff"))

    diff = page.get_by_role("region", name="Schema of")
    expect(diff.get_by_role("deletion").filter(has_text="character varying(40)")).to_be_visible()
    expect(diff.get_by_role("insertion").filter(has_text="character varying(80)")).to_be_visible()
    expect(diff.get_by_role("insertion").filter(has_text="CREATE INDEX post_published")).to_be_visible()
    shoot(page, "console-schema-diff")


def test_a_schema_beside_itself_does_not_differ(enter: Enter, data: Data) -> None:
    page = enter()
    page.goto(data.path("schema-diff", base=data.made.branch, branch=data.made.branch))

    expect(page.get_by_role("heading", name="No difference")).to_be_visible()


def test_names_values_and_errors_are_texts(enter: Enter, data: Data) -> None:
    page = enter()
    quoted = EVIL.replace('"', '""')

    page.goto(data.path("tables"))
    page.get_by_role("link", name=EVIL).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(EVIL)
    expect(page.get_by_role("cell", name=EVIL)).to_be_visible()
    page.get_by_role("link", name="Structure").click()
    page.get_by_role("link", name="Rows", exact=True).click()
    page.get_by_role("link", name="Open in the SQL editor").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("columnheader", name=EVIL)).to_be_visible()
    run(page, f'SELECT "{quoted}nothing" FROM author')
    expect(page.get_by_role("alert")).to_contain_text(EVIL)
    run(page, f"DO $do$ BEGIN RAISE NOTICE '%', $evil${EVIL}$evil$; END $do$")
    expect(page.locator(".notice")).to_contain_text(EVIL)
    page.goto(data.path("schema-diff"))

    assert page.locator("img[src='x']").count() == 0
    assert "owned" not in page.title()
    assert page.complaints == []  # type: ignore[attr-defined]


PAGES = [
    "sql",
    "tables",
    "tables/rows?schema=public&table=author",
    "tables/structure?schema=public&table=author",
    "schema-diff",
]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(enter: Enter, data: Data, scheme: str, width: int) -> None:
    page = enter(color_scheme=scheme, viewport={"width": width, "height": 800})
    for name in PAGES:
        path = f"/projects/{data.made.project}/{name}"
        page.goto(path)
        if name == "sql":
            run(page, "SELECT id, name, born, details, tags, portrait, about FROM author ORDER BY id LIMIT 12")
            expect(page.locator(".facts-line")).to_contain_text("12 rows")

        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{path} is wider than the window"
        )
    assert page.complaints == []  # type: ignore[attr-defined]
