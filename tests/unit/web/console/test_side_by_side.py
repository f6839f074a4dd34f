import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.web.console.side_by_side import Change, Difference, Line, Part, Row, side_by_side

texts = st.lists(st.sampled_from(["a", "b", "CREATE TABLE t (", "    id bigint,", "", ");"]), max_size=12).map(
    "\n".join
)


def text_of(difference: Difference, side: str, whole: list[str]) -> list[str]:
    """The lines of one side, with the equal ones that are not shown filled in."""
    lines: list[str] = []
    for row in difference.rows:
        if row.skipped:
            lines += whole[len(lines) : len(lines) + row.skipped]
        elif (line := getattr(row, side)) is not None:
            assert line.number == len(lines) + 1
            lines.append("".join(part.text for part in line.parts))
    return lines


def test_equal_texts_have_no_rows() -> None:
    assert side_by_side("a\nb\n", "a\nb\n") == Difference(rows=(), removed=0, added=0)


def test_what_is_gone_has_nothing_on_the_right() -> None:
    difference = side_by_side("a\nb\n", "a\n")

    assert difference.rows == (
        Row(change=Change.SAME, left=Line(1, (Part("a"),)), right=Line(1, (Part("a"),))),
        Row(change=Change.REMOVED, left=Line(2, (Part("b"),))),
    )
    assert (difference.removed, difference.added) == (1, 0)


def test_what_is_new_has_nothing_on_the_left() -> None:
    assert side_by_side("", "a\n").rows == (Row(change=Change.ADDED, right=Line(1, (Part("a"),))),)


def test_within_a_changed_line_the_words_are_told_that_differ() -> None:
    (row,) = side_by_side("    id integer NOT NULL,", "    id bigint NOT NULL,").rows

    assert row.left == Line(1, (Part("    id "), Part("integer", differs=True), Part(" NOT NULL,")))
    assert row.right == Line(1, (Part("    id "), Part("bigint", differs=True), Part(" NOT NULL,")))


def test_lines_that_have_little_in_common_differ_as_a_whole() -> None:
    (row,) = side_by_side("CREATE TABLE a", "-- nothing at all").rows

    assert row.left == Line(1, (Part("CREATE TABLE a", differs=True),))


@pytest.mark.parametrize(("lines", "skipped"), [(3, []), (4, [1]), (40, [37])])
def test_equal_lines_far_from_a_change_are_counted(lines: int, skipped: list[int]) -> None:
    same = [f"line {number}" for number in range(lines)]

    rows = side_by_side("\n".join([*same, "old"]), "\n".join([*same, "new"])).rows

    assert [row.skipped for row in rows if row.skipped] == skipped


def test_equal_lines_behind_the_last_change_are_counted_too() -> None:
    same = "\n".join(map(str, range(10)))

    assert side_by_side(f"old\n{same}", f"new\n{same}").rows[-1] == Row(change=Change.SKIPPED, skipped=7)


@given(texts, texts)
def test_both_sides_are_whole(before: str, after: str) -> None:
    difference = side_by_side(before, after)
    if difference.rows:
        assert text_of(difference, "left", before.splitlines()) == before.splitlines()
        assert text_of(difference, "right", after.splitlines())[: len(after.splitlines())] == after.splitlines()
    else:
        assert before.splitlines() == after.splitlines()
