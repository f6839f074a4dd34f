import pytest

from dormouse.control.statement_model import (
    Access,
    Complaint,
    Explain,
    Mark,
    Statement,
    complaint_of,
    mark_of,
    sent_text,
    without_prefix,
)


@pytest.mark.parametrize(
    ("explain", "sent"),
    [
        (Explain.NO, "SELECT 1"),
        (Explain.PLAN, "EXPLAIN SELECT 1"),
        (Explain.ANALYZE, "EXPLAIN (ANALYZE, BUFFERS) SELECT 1"),
    ],
)
def test_asks_for_the_plan_in_the_statements_stead(explain: Explain, sent: str) -> None:
    assert sent_text(Statement(text="SELECT 1", database="d", role="r", explain=explain)) == sent


def test_a_statement_reads_only_unless_it_is_said() -> None:
    assert Statement(text="SELECT 1", database="d", role="r").access is Access.READ_ONLY


def test_a_statement_keeps_its_text_out_of_logs() -> None:
    statement = Statement(text="ALTER ROLE r PASSWORD 'pw'", database="d", role="r", parameters=("secret",))

    assert "pw" not in repr(statement) and "secret" not in repr(statement)


def test_reads_a_complaint() -> None:
    fields = {
        "S": "FEHLER",
        "V": "ERROR",
        "C": "42703",
        "M": "no",
        "D": "d",
        "H": "h",
        "W": "w",
        "P": "8",
        "F": "x.c",
    }

    assert complaint_of(fields) == Complaint(
        severity="ERROR", sqlstate="42703", message="no", detail="d", hint="h", where="w", position=8
    )


@pytest.mark.parametrize("position", ["", "x", "-3", "²"])
def test_a_complaint_may_have_no_place(position: str) -> None:
    assert complaint_of({"P": position}).position is None


@pytest.mark.parametrize(
    ("position", "explain", "expected"),
    [(8, Explain.NO, 8), (16, Explain.PLAN, 8), (3, Explain.PLAN, None), (None, Explain.PLAN, None)],
)
def test_the_prefix_is_not_counted(position: int | None, explain: Explain, expected: int | None) -> None:
    complaint = Complaint(severity="ERROR", sqlstate="", message="", position=position)

    assert without_prefix(complaint, explain).position == expected


@pytest.mark.parametrize(
    ("text", "position", "mark"),
    [
        ("SELECT x", 8, Mark(1, "SELECT x", 7)),
        ("SELECT\n  x\nFROM t", 10, Mark(2, "  x", 2)),
        ("SELECT\r\n  x\r\n", 11, Mark(2, "  x", 2)),
        ("SELECT '☃', x", 13, Mark(1, "SELECT '☃', x", 12)),
        ("SELECT", 7, Mark(1, "SELECT", 6)),
        ("SELECT\n", 8, Mark(2, "", 0)),
        ("", 1, Mark(1, "", 0)),
        ("SELECT", 8, None),
        ("SELECT", 0, None),
        ("SELECT", None, None),
    ],
)
def test_marks_the_place_of_an_error(text: str, position: int | None, mark: Mark | None) -> None:
    assert mark_of(text, position) == mark
