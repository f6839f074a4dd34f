from io import StringIO

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from dormouse.cli.env_file import read_values, with_comment, with_values

URL = "postgresql://anna:npg_x@ep-1.dormouse.localhost:55432/shop?sslmode=require&hostaddr=127.0.0.1"

TROUBLE = """\
# DATABASE_URL=sqlite:///of-old  stays
SECRET_KEY='a # b'

export DATABASE_URL = "postgresql://old/db"   # the database
DEBUG=1 # yes
MOTTO="first
DATABASE_URL=inside a value
last"
NOT CLOSED='
DATABASE_URL_UNPOOLED=
 ☃=1
"""


def test_only_the_lines_that_are_meant_change() -> None:
    changed = with_values(TROUBLE, {"DATABASE_URL": URL, "DATABASE_URL_UNPOOLED": "postgresql://new"})

    assert changed == TROUBLE.replace("postgresql://old/db", URL).replace(
        "UNPOOLED=\n", "UNPOOLED=postgresql://new\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "A=1\n"),
        ("B=2", "B=2\nA=1\n"),
        ("B=2\n", "B=2\nA=1\n"),
        ("B=2\r\n", "B=2\r\nA=1\r\n"),
        ("A=0\r\nB=2\r\n", "A=1\r\nB=2\r\n"),
        ("A=0", "A=1"),
        ("A=\nB=\n", "A=1\nB=\n"),
        ("A= # why\n", "A=1 # why\n"),
        ("A='0'\n", "A='1'\n"),
        ("A = 0\n", "A = 1\n"),
        ("  export A=0\n", "  export A=1\n"),
        ("A=0#1\n", "A=1\n"),
        ("A=#1\n", "A=1\n"),
        ("A=0\rB=2\r", "A=1\rB=2\r"),
        ("A=0\u2028B=2\n", "A=1\n"),
        # Whoever reads the first and whoever reads the last are to agree.
        ("A=0\nA=00\n", "A=1\nA=1\n"),
        ("AA=0\n", "AA=0\nA=1\n"),
        ("\ufeffA=0\n", "\ufeffA=1\n"),
        ("A='0\n", "A='0\nA=1\n"),
        (r'B="\"' + '\nA=0\n"\n', r'B="\"' + '\nA=0\n"\nA=1\n'),
    ],
)
def test_a_value_is_written(text: str, expected: str) -> None:
    assert with_values(text, {"A": "1"}) == expected


def test_an_empty_value_is_written_over_another_and_not_added() -> None:
    assert with_values("B=2\n", {"B": "", "A": ""}) == "B=\n"


def test_what_is_parted_by_spaces_is_quoted() -> None:
    assert with_values("A=1\n", {"A": "u v", "B": "u v"}) == 'A="u v"\nB="u v"\n'
    assert with_values("A='1'\n", {"A": "u v"}) == "A='u v'\n"


def test_values_are_read_as_dotenv_reads_them() -> None:
    assert read_values(TROUBLE) == {
        "SECRET_KEY": "a # b",
        "DATABASE_URL": "postgresql://old/db",
        "DEBUG": "1",
        "MOTTO": "first\nDATABASE_URL=inside a value\nlast",
        "DATABASE_URL_UNPOOLED": "",
    }


def test_a_comment_stands_above_what_it_is_about_once() -> None:
    once = with_comment("B=2\nA=1\n", "A", "# was 0")

    assert once == "B=2\n# was 0\nA=1\n"
    assert with_comment(once, "A", "# was 0") == once
    assert with_comment("B=2\n", "A", "# was 0") == "B=2\n"


NAMES = st.sampled_from(["DATABASE_URL", "DATABASE_URL_UNPOOLED", "SECRET_KEY", "A"])


def lines(bare: str) -> st.SearchStrategy[str]:
    """Files whose values without quotes are of these characters."""
    line = st.one_of(
        st.builds("{}={}".format, NAMES, st.text(st.sampled_from(bare), max_size=6)),
        st.builds("export {}='{}'".format, NAMES, st.text(st.sampled_from("ab# =\n"), max_size=6)),
        st.builds("# {}".format, st.text(st.sampled_from("ab= "), max_size=6)),
        st.just(""),
    )
    return st.lists(line, max_size=8).map("\n".join)


@given(lines("ab#'\"\\ =\t☃"))
def test_other_lines_stay_and_writing_twice_is_writing_once(text: str) -> None:
    values = {"DATABASE_URL": URL, "DATABASE_URL_UNPOOLED": URL + "&pooled=no"}

    once = with_values(text, values)

    assert with_values(once, values) == once
    before, after = read_values(text), read_values(once)
    assert after == before | values


# Without what python-dotenv itself stumbles over: quotes in a value without quotes.
@given(lines("ab# =\t☃"))
def test_dotenv_finds_what_was_written(text: str) -> None:
    written = with_values(text, {"DATABASE_URL": URL})

    assert dotenv_values(stream=StringIO(written), interpolate=False)["DATABASE_URL"] == URL
