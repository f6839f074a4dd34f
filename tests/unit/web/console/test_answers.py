import pytest

from dormouse.control.statement_model import Answer, Cell, Complaint, ResultColumn, Rows, Stopped
from dormouse.web.console.answers import (
    SHORT,
    Excerpt,
    Kind,
    ShownAnswer,
    ShownCell,
    shown_answer,
    shown_cell,
    unlike,
)


def column(type_name: str) -> ResultColumn:
    return ResultColumn(name="x", type=type_name)


def cell(text: str) -> Cell:
    return Cell(text, len(text.encode()))


def shown(result: Rows | Complaint, text: str = "") -> ShownAnswer:
    return shown_answer(Answer(result=result, seconds=0.0125), text)


def error(sqlstate: str, message: str = "no", position: int | None = None) -> Complaint:
    return Complaint(severity="ERROR", sqlstate=sqlstate, message=message, position=position)


@pytest.mark.parametrize(
    ("type_name", "kind"),
    [
        ("integer", Kind.NUMBER),
        ("numeric(9,2)", Kind.NUMBER),
        ("double precision", Kind.NUMBER),
        ("boolean", Kind.BOOLEAN),
        ("jsonb", Kind.JSON),
        ("json", Kind.JSON),
        ("bytea", Kind.BINARY),
        ("integer[]", Kind.ARRAY),
        ("numeric(9,2)[]", Kind.ARRAY),
        ("character varying(20)", Kind.TEXT),
        ("timestamp with time zone", Kind.TEXT),
        ("", Kind.TEXT),
    ],
)
def test_values_are_shown_by_their_type(type_name: str, kind: Kind) -> None:
    assert shown_cell(cell("1"), column(type_name)) == ShownCell(kind=kind, text="1")


def test_null_and_nothing_are_told_apart() -> None:
    assert shown_cell(None, column("text")).kind is Kind.NULL
    assert shown_cell(cell(""), column("text")).kind is Kind.EMPTY
    assert shown_cell(cell("NULL"), column("text")).kind is Kind.TEXT


def test_a_long_value_unfolds() -> None:
    found = shown_cell(cell("x" * (SHORT + 1)), column("text"))

    assert (len(found.text), len(found.whole), found.note) == (SHORT, SHORT + 1, "")


def test_a_value_that_was_cut_tells_how_long_it_is() -> None:
    found = shown_cell(Cell("ä" * 200, 1_000_000, is_cut=True), column("text"))

    assert found.note == "400 of 1,000,000 bytes"


@pytest.mark.parametrize(
    ("result", "summary"),
    [
        (Rows(tag="INSERT 0 1"), "INSERT 0 1"),
        (Rows(columns=(column("int"),), rows=((cell("1"),),), tag="SELECT 1"), "1 row"),
        (Rows(columns=(column("int"),), rows=(), tag="SELECT 0"), "0 rows"),
        (Rows(columns=(column("int"),), rows=((None,),) * 2, stopped=Stopped.ROWS), "the first 2 rows"),
        (
            Rows(columns=(column("int"),), rows=((None,),) * 2, tag="INSERT 0 9", stopped=Stopped.ROWS),
            "the first 2 rows of INSERT 0 9",
        ),
    ],
)
def test_tells_how_much_there_is(result: Rows, summary: str) -> None:
    assert shown(result).summary == summary


def test_rows_that_the_other_answer_has_not_are_told() -> None:
    columns = (column("int"),)
    now = shown(Rows(columns=columns, rows=((cell("1"),), (cell("2"),), (None,))))
    then = shown(Rows(columns=columns, rows=((None,), (cell("1"),))))

    assert (unlike(now, then), unlike(then, now)) == ({1}, set())


def test_answers_of_other_columns_or_without_an_end_are_not_compared() -> None:
    one = shown(Rows(columns=(column("int"),), rows=((cell("1"),),)))
    other = shown(Rows(columns=(column("text"),), rows=((cell("2"),),)))

    cut = shown(Rows(columns=(column("int"),), rows=((cell("2"),),), stopped=Stopped.ROWS))

    assert unlike(one, cut) == unlike(cut, one) == set()
    assert unlike(one, other) == unlike(one, shown(error("42P01"))) == unlike(one, None) == set()


def test_a_plan_is_a_text() -> None:
    lines = ((cell("Seq Scan on kept"),), (cell("  Filter: true"),))
    found = shown(Rows(columns=(ResultColumn(name="QUERY PLAN", type="text"),), rows=lines, tag="EXPLAIN"))

    assert found.plan == "Seq Scan on kept\n  Filter: true"
    assert found.columns == () and found.rows == ()


@pytest.mark.parametrize(
    ("result", "warning"),
    [
        (Rows(stopped=Stopped.ROWS), "more rows than were asked for"),
        (Rows(stopped=Stopped.BYTES), "cut off here"),
        (Rows(left_open=True), "rolled back"),
    ],
)
def test_warns(result: Rows, warning: str) -> None:
    assert warning in shown(result).warnings[0]


def test_an_error_shows_its_place() -> None:
    found = shown(error("42703", position=10), "SELECT\n  x\nFROM t")

    assert found.error is not None
    assert found.error.excerpt == Excerpt(line=2, before="  ", at="x", after="")


def test_of_a_long_line_the_neighbourhood_is_shown() -> None:
    found = shown(error("42703", position=101), "a" * 100 + "x" + "b" * 100)

    assert found.error is not None
    assert found.error.excerpt == Excerpt(line=1, before="…" + "a" * 40, at="x", after="b" * 40 + "…")


def test_an_error_behind_the_end_has_a_place_to_stand() -> None:
    found = shown(error("42601", position=7), "SELECT")

    assert found.error is not None and found.error.excerpt is not None
    assert found.error.excerpt.at == " "


@pytest.mark.parametrize(
    ("complaint", "advice"),
    [
        (error("25006"), "Read and write"),
        (error("42601", "cannot insert multiple commands into a prepared statement"), "one statement at a time"),
        (error("57014", "canceling statement due to statement timeout"), "time limit"),
        (error("42601", "syntax error"), ""),
        (error("57014", "canceling statement due to user request"), ""),
    ],
)
def test_advises_where_the_page_has_the_remedy(complaint: Complaint, advice: str) -> None:
    found = shown(complaint)

    assert found.error is not None
    assert advice in found.error.advice and bool(found.error.advice) is bool(advice)
