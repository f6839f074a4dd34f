"""Dumps as pg_dump writes them, of several versions, with quotes that hold what they themselves are made of."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.schema_text import entries, normalise, unified

PREAMBLE_15 = r"""--
-- PostgreSQL database dump
--

\restrict A5XlQe0nguo8KrcKghADjm8QPYoiT2rhypO8cu1gIb20dLrBc3QbyzwNVGadMTc

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

"""
END_15 = r"""

--
-- PostgreSQL database dump complete
--

\unrestrict A5XlQe0nguo8KrcKghADjm8QPYoiT2rhypO8cu1gIb20dLrBc3QbyzwNVGadMTc

"""
PREAMBLE_18 = (
    PREAMBLE_15.replace("A5XlQe0nguo8", "bf3HuvJgE14P9")
    .replace("15.18 (Debian 15.18-0+deb12u1)", "18.4")
    .replace("SET client_encoding", "SET transaction_timeout = 0;\nSET client_encoding")
)
END_18 = END_15.replace("A5XlQe0nguo8", "bf3HuvJgE14P9")
PREAMBLE_OLD = re.sub(r"\\restrict \w+\n\n", "", PREAMBLE_15)
END_OLD = re.sub(r"\\unrestrict \w+\n\n", "", END_15)

TABLE = """--
-- Name: a; Type: TABLE; Schema: public; Owner: ana
--

CREATE TABLE public.a (
    i integer NOT NULL
);


ALTER TABLE public.a OWNER TO ana;
"""
FUNCTION = r"""--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: o'neill
--

CREATE FUNCTION public.f() RETURNS text
    LANGUAGE sql
    SET search_path TO 'public'
    AS $_$select '$$'; select $1


-- Dumped from database version 9
SET x = 1;
\restrict abc
--
-- PostgreSQL database dump
--
--
-- Name: b; Type: TABLE; Schema: public; Owner: nobody
--
$_$;


ALTER FUNCTION public.f() OWNER TO "o'neill";
"""
COMMENT = """--
-- Name: TABLE a; Type: COMMENT; Schema: public; Owner: ana
--

COMMENT ON TABLE public.a IS 'it''s


SET row_security = off;
\\connect postgres';
"""
STORAGE = """SET default_tablespace = '';

SET default_table_access_method = heap;

"""
GRANT = """--
-- Name: TABLE a; Type: ACL; Schema: public; Owner: ana
--

SET SESSION AUTHORIZATION bob;
GRANT SELECT ON TABLE public.a TO carol;
RESET SESSION AUTHORIZATION;
"""
MAPPING = """--
-- Name: USER MAPPING ana SERVER far; Type: USER MAPPING; Schema: -; Owner: ana
--

CREATE USER MAPPING FOR ana SERVER far OPTIONS (
    password 'it''s
secret',
    sslpassword E'also\\\\secret',
    "user" 'ana'
);
"""


def test_a_dump_is_its_objects_without_doubled_empty_lines() -> None:
    dump = PREAMBLE_15 + STORAGE + TABLE + "\n\n" + GRANT + END_15

    assert normalise(dump) == (
        "SET check_function_bodies = false;\n\n" + TABLE.replace("\n\n\n", "\n\n") + "\n" + GRANT
    )


@pytest.mark.parametrize(
    ("preamble", "end"),
    [(PREAMBLE_15, END_15), (PREAMBLE_18, END_18), (PREAMBLE_OLD, END_OLD)],
    ids=["15", "18", "before keys"],
)
@pytest.mark.parametrize("storage", ["", STORAGE])
def test_versions_keys_and_settings_make_no_difference(preamble: str, end: str, storage: str) -> None:
    dump = preamble + FUNCTION + "\n" + storage + TABLE + end

    assert normalise(dump) == normalise(PREAMBLE_18 + FUNCTION + "\n\n\n" + TABLE + END_18)


@pytest.mark.parametrize("quoted", [FUNCTION, COMMENT])
def test_what_stands_in_quotes_stays(quoted: str) -> None:
    statement = quoted.partition("--\n\n")[2]

    shown = normalise(PREAMBLE_18 + quoted + "\n" + TABLE + END_18)

    assert statement.partition("\n\n\nALTER")[0] in shown
    assert TABLE.replace("\n\n\n", "\n\n") in shown


def test_passwords_of_foreign_servers_are_hidden_and_only_there() -> None:
    body = FUNCTION.replace("select $1", "\n    password 'shown'\n")

    shown = normalise(body + "\n" + MAPPING + "\n" + TABLE)

    assert "secret" not in shown
    assert "    password '***',\n    sslpassword '***',\n    \"user\" 'ana'\n" in shown
    assert "    password 'shown'\n" in shown


@pytest.mark.parametrize("nothing", ["", "\n", "\n\n\n", "--\n-- PostgreSQL database dump\n--\n"])
def test_nothing_is_nothing(nothing: str) -> None:
    assert normalise(nothing) == ""


def test_each_object_is_a_piece_and_its_quotes_are_not() -> None:
    found = entries(PREAMBLE_18 + FUNCTION + "\n" + STORAGE + TABLE + "\n" + COMMENT + END_18)

    assert [re.findall(r"; Type: (\w+);", piece)[:1] for piece in found] == [
        [],
        ["FUNCTION"],
        ["TABLE"],
        ["COMMENT"],
    ]
    assert found[1].startswith(FUNCTION)
    assert found[1].endswith(STORAGE)
    assert found[3].startswith(COMMENT)


def test_psqls_commands_are_not_for_a_server() -> None:
    found = "".join(entries(PREAMBLE_18 + TABLE + END_18))

    assert "restrict" not in found
    assert "\\" not in found
    assert "SET statement_timeout = 0;\n" in found


PIECES = st.lists(
    st.sampled_from([TABLE, FUNCTION, COMMENT, STORAGE, GRANT, MAPPING, "\n", PREAMBLE_15, END_18]), max_size=8
)
NOISE = st.lists(st.sampled_from(["'", '"', "$$", "$a$", "--", "\n", "-- Name: x", "\\x", "SET a = 1;", "é", " "]))


@given(PIECES)
def test_twice_is_once(pieces: list[str]) -> None:
    once = normalise("".join(pieces))

    assert normalise(once) == once


@given(PIECES)
def test_the_pieces_are_the_whole(pieces: list[str]) -> None:
    dump = "".join(pieces)

    assert normalise("".join(entries(dump))) == normalise(dump)


@given(NOISE)
def test_any_text_is_a_text_that_ends_with_one_line_break(noise: list[str]) -> None:
    text = normalise("".join(noise))

    assert text == "" or (text.endswith("\n") and not text.endswith("\n\n"))


NAMES = ("a/neondb", "b/neondb")
TEXTS = st.lists(st.sampled_from(["x", "y", "", "\u2028", "a\rb", "\x0c"])).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


def test_a_difference_is_a_unified_diff() -> None:
    base, other = "a\nb\nc\n", "a\nB\nc\n"

    assert unified(base, other, NAMES) == "--- a/neondb\n+++ b/neondb\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"


@pytest.mark.parametrize(("base", "other", "signs"), [("", "a\n", "+"), ("a\n", "", "-")])
def test_a_database_that_only_one_side_has(base: str, other: str, signs: str) -> None:
    assert unified(base, other, NAMES).endswith(f"{signs}a\n")


@given(TEXTS, TEXTS)
def test_there_is_a_difference_where_texts_differ(base: str, other: str) -> None:
    assert (unified(base, other, NAMES) == "") == (base == other)


@given(TEXTS, TEXTS)
def test_a_diff_leads_from_one_to_the_other(base: str, other: str) -> None:
    assert patched(base, unified(base, other, NAMES)) == other


def patched(base: str, diff: str) -> str:
    """What `patch` makes of it."""
    lines = base.split("\n")[:-1]
    made: list[str] = []
    at = 0
    for line in diff.split("\n")[2:-1]:
        if hunk := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
            begin = int(hunk[1]) - (hunk[2] != "0")
            made += lines[at:begin]
            at = begin
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert lines[at] == line[1:]
            if line[0] == " ":
                made.append(line[1:])
            at += 1
    return "".join(f"{line}\n" for line in made + lines[at:])
