"""The SQL editor: what is asked of the control plane, what is kept, and that all of it stays text."""

import re

import pytest

from dormouse.control.points import HEAD, AtLsn
from dormouse.control.statement_model import Access, Explain, Limits
from fix_console import Visitor

EVIL = "</textarea><script>alert(1)</script>"


@pytest.fixture
def sql(visitor: Visitor) -> str:
    """The path of a project's editor."""
    return visitor.create_project(name="shop") + "/sql"


def test_runs_a_statement_reading_only(visitor: Visitor, sql: str) -> None:
    answer = visitor.post(sql, statement="SELECT 1", do="run")

    assert answer.status == 200
    assert "1 row · 1 ms" in answer.said
    ((statement, point),) = visitor.plane.state.statements
    assert (statement.text, statement.access, statement.explain, point) == (
        "SELECT 1",
        Access.READ_ONLY,
        Explain.NO,
        HEAD,
    )
    assert (statement.database, statement.role) == ("neondb", "neondb_owner")
    assert statement.limits == Limits(seconds=10, rows=500)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"access": "read_write"}, (Access.READ_WRITE, Explain.NO)),
        ({"access": "anything"}, (Access.READ_ONLY, Explain.NO)),
        ({"do": "plan"}, (Access.READ_ONLY, Explain.PLAN)),
        ({"do": "analyze", "access": "read_only"}, (Access.READ_ONLY, Explain.ANALYZE)),
        # Pressed by Ctrl Enter, or by a browser that names no button.
        ({"do": ""}, (Access.READ_ONLY, Explain.NO)),
    ],
)
def test_writes_only_where_that_was_chosen(
    visitor: Visitor, sql: str, fields: dict[str, str], expected: tuple[Access, Explain]
) -> None:
    visitor.post(sql, statement="SELECT 1", **fields)

    ((statement, _),) = visitor.plane.state.statements
    assert (statement.access, statement.explain) == expected


def test_explaining_never_writes(visitor: Visitor, sql: str) -> None:
    visitor.post(sql, statement="DELETE FROM t", do="analyze", access="read_write")

    ((statement, _),) = visitor.plane.state.statements
    assert statement.access is Access.READ_ONLY


@pytest.mark.parametrize(
    ("seconds", "rows", "limits"),
    [("60", "100", Limits(seconds=60, rows=100)), ("86400", "1000000000", Limits()), ("-1", "x", Limits())],
)
def test_limits_are_of_a_list(visitor: Visitor, sql: str, seconds: str, rows: str, limits: Limits) -> None:
    visitor.post(sql, statement="SELECT 1", seconds=seconds, rows=rows)

    assert visitor.plane.state.statements[0][0].limits == limits


def test_opening_a_page_runs_nothing(visitor: Visitor, sql: str) -> None:
    answer = visitor.get(sql + "?statement=DROP%20TABLE%20t")

    assert "DROP TABLE t" in answer.said
    assert visitor.plane.state.statements == []


def test_without_the_sessions_token_nothing_is_run(visitor: Visitor, sql: str) -> None:
    assert visitor.post(sql, statement="SELECT 1", csrf="x").status == 403
    assert visitor.post(sql + "/forget", csrf="x").status == 403
    assert visitor.plane.state.statements == []


def test_asks_now_and_then(visitor: Visitor, sql: str) -> None:
    answer = visitor.post(sql, statement="SELECT 1", at="0/1FA22C0")

    assert {point for _, point in visitor.plane.state.statements} == {HEAD, AtLsn(0x1FA22C0)}
    assert "Now" in answer.said and "At 0/1FA22C0" in answer.said


def test_what_cannot_be_had_on_one_side_leaves_the_other(visitor: Visitor, sql: str) -> None:
    answer = visitor.post(sql, statement="SELECT 1", at="0/1")

    assert answer.status == 200
    assert "1 row" in answer.said and "the earliest LSN that can be restored is 0/1000000" in answer.said


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"statement": "  \n "}, "there is no statement to run"),
        ({"statement": "SELECT 1", "at": "soon"}, "is no point; expected -10m"),
        ({"statement": "SELECT 1", "at": "2999-01-01T00:00:00Z"}, "is still to come"),
    ],
)
def test_says_what_is_wrong_and_keeps_what_was_typed(
    visitor: Visitor, sql: str, fields: dict[str, str], complaint: str
) -> None:
    answer = visitor.post(sql, **fields)

    assert answer.status == 400
    assert complaint in answer.said
    assert fields["statement"].strip() in answer.text
    assert visitor.plane.state.statements == []


@pytest.mark.parametrize("field", ["database", "role"])
def test_never_takes_another_role_or_database_than_the_chosen_one(visitor: Visitor, sql: str, field: str) -> None:
    answer = visitor.post(sql, statement="DELETE FROM t", access="read_write", **{field: "gone"})

    assert answer.status == 404
    assert f"{field} gone is not on branch main" in answer.said
    assert visitor.plane.state.statements == []


def test_tells_htmx_of_what_is_wrong_as_of_any_answer(visitor: Visitor, sql: str) -> None:
    assert visitor.post(sql, statement="", headers={"hx-request": "true"}).status == 200


def test_choosing_another_branch_runs_nothing_and_keeps_the_statement(visitor: Visitor, sql: str) -> None:
    answer = visitor.post(sql, statement="SELECT 1", do="choose", access="read_write", rows="100")

    assert visitor.plane.state.statements == []
    assert "SELECT 1" in answer.text
    assert re.search(r'value="read_write" checked', answer.text)
    assert re.search(r'<option value="100" selected', answer.text)


def test_shows_where_an_error_is(visitor: Visitor, sql: str) -> None:
    answer = visitor.post(sql, statement="fail x")

    assert answer.status == 200
    assert "ERROR 42601 syntax error" in answer.said and "Hint: Mend it." in answer.said
    assert "<mark>x</mark>" in answer.text


@pytest.mark.parametrize("statement", [EVIL, f"fail {EVIL}"])
def test_statements_and_answers_stay_text(visitor: Visitor, sql: str, statement: str) -> None:
    answer = visitor.post(sql, statement=statement)

    assert "<script>" not in answer.text
    assert answer.text.count("</textarea>") == 1


def test_a_statement_comes_back_from_the_history(visitor: Visitor, sql: str) -> None:
    visitor.post(sql, statement="SELECT 'the first'")
    page = visitor.post(sql, statement="SELECT 'the second'")

    path = re.search(r'href="([^"]*recall=1&[^"]*)"', page.text)
    assert path is not None
    assert "SELECT &#39;the first&#39;</textarea>" in visitor.get(path[1].replace("&amp;", "&")).text


def test_the_history_is_of_one_session_alone(visitor: Visitor, sql: str) -> None:
    visitor.post(sql, statement="ALTER ROLE r PASSWORD 'secret'")
    other = Visitor(plane=visitor.plane)
    other.app = visitor.app
    other.enter()

    assert "secret" in visitor.get(sql).text
    assert "secret" not in other.get(sql).text


def test_the_history_has_an_end_and_no_doubles(visitor: Visitor, sql: str) -> None:
    for number in range(40):
        visitor.post(sql, statement=f"SELECT {number}")
    visitor.post(sql, statement="SELECT 39")

    page = visitor.get(sql).text
    assert len(re.findall(r"recall=\d+", page)) == 30
    assert page.count("SELECT 39") == 1


def test_the_history_is_forgotten(visitor: Visitor, sql: str) -> None:
    visitor.post(sql, statement="SELECT 'gone'")

    assert visitor.post(sql + "/forget").status == 303
    assert "gone" not in visitor.get(sql).text


def test_teaches_the_ways_elsewhere(visitor: Visitor, sql: str) -> None:
    said = visitor.post(sql, statement="SELECT 'a'").said

    for way in ("dormouse psql --project", "connection_uri", "neonctl psql main", "manage.py dbshell"):
        assert way in said
