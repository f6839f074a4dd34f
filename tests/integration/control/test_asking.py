"""Statements of the console on a real Postgres: what reading only means, and what the limits hold."""

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from fix_servers import Servers
from fix_servers import ask as ask_as

from dormouse.compute.binaries import Postgres
from dormouse.compute.server import connect_as_admin
from dormouse.control.asking import APPLICATION_NAME, ask
from dormouse.control.statement_model import (
    Access,
    Answer,
    Complaint,
    Explain,
    Limits,
    ResultColumn,
    Rows,
    Statement,
    Stopped,
)
from dormouse.errors import Invalid, RuleViolation

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNER = "neondb_owner"
SETUP = """
CREATE TABLE kept (id int PRIMARY KEY, word text);
INSERT INTO kept VALUES (1, 'one'), (2, 'two');
CREATE SEQUENCE numbers;
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO kept VALUES (99, 'escaped'); RETURN 1; END $$;
CREATE FUNCTION sets_free_and_writes() RETURNS int LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('transaction_read_only', 'off', false);
        INSERT INTO kept VALUES (99, 'escaped');
        RETURN 1;
    END $$;
CREATE FUNCTION sets_free_in_its_clause() RETURNS int LANGUAGE plpgsql
    SET default_transaction_read_only = off AS $$
    BEGIN INSERT INTO kept VALUES (99, 'escaped'); RETURN 1; END $$;
CREATE PROCEDURE commits_and_writes() LANGUAGE plpgsql AS $$
    BEGIN COMMIT; INSERT INTO kept VALUES (99, 'escaped'); COMMIT; END $$;
CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$
    BEGIN
        LOOP
            BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
        END LOOP;
    END $$;
"""
RESET = f"""
DROP SCHEMA public CASCADE;
CREATE SCHEMA public AUTHORIZATION {OWNER};
REVOKE pg_execute_server_program, pg_write_server_files FROM {OWNER};
ALTER ROLE {OWNER} RESET ALL;
"""
STATE = """
SELECT (SELECT array_agg(kept::text ORDER BY id) FROM kept), (SELECT last_value::text FROM numbers),
       (SELECT array_agg(relname::text ORDER BY relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace),
       (SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles),
       (SELECT array_agg(setconfig::text) FROM pg_db_role_setting),
       (SELECT count(*) FROM pg_largeobject_metadata),
       (SELECT count(*) FROM pg_prepared_xacts)
"""
SESSIONS = f"SELECT pid FROM pg_stat_activity WHERE application_name = '{APPLICATION_NAME}'"

ESCAPES = [
    "COMMIT; DROP TABLE kept",
    "COMMIT; BEGIN; DROP TABLE kept; COMMIT",
    "SELECT 1; DELETE FROM kept",
    "ROLLBACK; DELETE FROM kept",
    "COMMIT AND CHAIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
    "ROLLBACK AND CHAIN",
    "BEGIN READ WRITE",
    "START TRANSACTION READ WRITE",
    "PREPARE TRANSACTION 'later'",
    "SET TRANSACTION READ WRITE",
    "SET LOCAL transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "SELECT set_config('transaction_read_only', 'off', true), writes()",
    "SELECT set_config('default_transaction_read_only', 'off', false), writes()",
    "SELECT writes()",
    "SELECT sets_free_and_writes()",
    "SELECT sets_free_in_its_clause()",
    "CALL commits_and_writes()",
    "DO $$ BEGIN COMMIT; DELETE FROM kept; END $$",
    "DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM kept; END $$",
    "DO $$ BEGIN EXECUTE 'DELETE FROM kept'; END $$",
    "DELETE FROM kept",
    "UPDATE kept SET word = 'x'",
    "INSERT INTO kept VALUES (3, 'three') RETURNING *",
    "MERGE INTO kept USING (SELECT 1 AS id) s ON kept.id = s.id WHEN MATCHED THEN DELETE",
    "TRUNCATE kept",
    "DROP TABLE kept",
    "DROP SCHEMA public CASCADE",
    "CREATE TABLE more (id int)",
    "CREATE TEMP TABLE more (id int)",
    "CREATE TABLE more AS SELECT 1",
    "SELECT * INTO more FROM kept",
    "WITH gone AS (DELETE FROM kept RETURNING *) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM kept",
    "EXPLAIN (ANALYZE) INSERT INTO kept VALUES (3, 'three')",
    "EXPLAIN ANALYZE CREATE TABLE more AS SELECT 1",
    "SELECT * FROM kept FOR UPDATE",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 77)",
    "COPY kept FROM STDIN",
    "COPY kept FROM '/etc/hostname'",
    "COPY kept TO '/tmp/kept'",
    "COPY kept TO PROGRAM 'cat >/tmp/kept'",
    "COPY (DELETE FROM kept RETURNING *) TO STDOUT",
    "SET ROLE cloud_admin",
    "SET SESSION AUTHORIZATION cloud_admin",
    "RESET SESSION AUTHORIZATION",
    "SET ROLE neon_superuser",
    "CREATE ROLE more",
    "ALTER ROLE neondb_owner SET default_transaction_read_only = off",
    "ALTER DATABASE neondb SET default_transaction_read_only = off",
    "ALTER SYSTEM SET default_transaction_read_only = off",
    "GRANT neon_superuser TO neondb_owner",
    "CREATE DATABASE more",
    "VACUUM kept",
    "REINDEX TABLE kept",
    "CLUSTER kept USING kept_pkey",
    "REFRESH MATERIALIZED VIEW kept",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_export(1, '/tmp/kept')",
    "PREPARE gone AS DELETE FROM kept",
    "DECLARE more CURSOR WITH HOLD FOR SELECT writes()",
    "SELECT query_to_xml('DELETE FROM kept', true, true, '')",
    "SELECT * FROM pg_catalog.pg_read_file('/etc/hostname')",
    "CREATE EXTENSION dblink",
    "LOAD 'dblink'",
    "SECURITY LABEL ON TABLE kept IS 'x'",
    "COMMENT ON TABLE kept IS 'x'",
    "DISCARD ALL",
    "LISTEN more",
]
"""No one of these changes what is kept, whatever it answers."""

EXPLAINABLE = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE TABLE more AS", "DECLARE")


class Asker:
    """Asks one server, as its owner."""

    def __init__(self, socket_dir: Path) -> None:
        self.socket_dir = socket_dir

    async def ask(
        self, text: str, *parameters: str | None, limits: Limits | None = None, **choices: object
    ) -> Answer:
        statement = Statement(
            text=text,
            database="neondb",
            role=OWNER,
            parameters=parameters,
            limits=limits or Limits(seconds=5),
        )
        return await ask(self.socket_dir, replace(statement, **choices))

    async def rows(self, text: str, *parameters: str | None, **choices: object) -> list[list[str | None]]:
        result = (await self.ask(text, *parameters, **choices)).result
        assert isinstance(result, Rows), result
        return [[None if cell is None else cell.text for cell in row] for row in result.rows]

    async def complaint(self, text: str, **choices: object) -> Complaint:
        result = (await self.ask(text, **choices)).result
        assert isinstance(result, Complaint), result
        return result

    async def sessions(self) -> list[object]:
        return await ask_as(self.socket_dir, SESSIONS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def socket_dir(servers: Servers, a_postgres: Postgres) -> AsyncIterator[Path]:
    """Of one server for all tests."""
    async with servers.fresh(a_postgres) as there:
        yield there


@pytest_asyncio.fixture(loop_scope="module")
async def there(socket_dir: Path) -> Asker:
    await ask_as(socket_dir, RESET)
    await ask_as(socket_dir, SETUP, role=OWNER)
    return Asker(socket_dir)


async def test_reading_only_cannot_be_left(servers: Servers, each_postgres: Postgres) -> None:
    async with servers.fresh(each_postgres) as socket_dir:
        await ask_as(socket_dir, SETUP, role=OWNER)
        there = Asker(socket_dir)
        async with await connect_as_admin(socket_dir, "neondb") as admin:
            await admin.execute("SET search_path TO public")
            before = await (await admin.execute(STATE)).fetchall()

            for escape in ESCAPES:
                await there.ask(escape)
                if escape.startswith(EXPLAINABLE):
                    await there.ask(escape, explain=Explain.ANALYZE)
                assert await (await admin.execute(STATE)).fetchall() == before, escape

        assert await there.sessions() == []


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        ("DELETE FROM kept", "25006"),
        ("SELECT writes()", "25006"),
        ("SET TRANSACTION READ WRITE", "25001"),
        ("SELECT sets_free_and_writes()", "25001"),
        ("CALL commits_and_writes()", "2D000"),
        ("COMMIT; DROP TABLE kept", "42601"),
        ("SET ROLE cloud_admin", "42501"),
        ("SET SESSION AUTHORIZATION cloud_admin", "42501"),
        ("COPY kept TO PROGRAM 'cat'", "42501"),
        ("COPY kept FROM STDIN", "25006"),
    ],
)
async def test_reading_only_is_held_by_postgres_itself(there: Asker, text: str, sqlstate: str) -> None:
    assert (await there.complaint(text)).sqlstate == sqlstate


@pytest.mark.parametrize("power", ["pg_execute_server_program", "pg_write_server_files"])
async def test_reading_only_is_not_promised_to_a_role_that_leaves_the_server(there: Asker, power: str) -> None:
    await ask_as(there.socket_dir, f"GRANT {power} TO {OWNER}")

    with pytest.raises(RuleViolation, match="run programs or write files"):
        await there.ask("SELECT 1")

    assert await there.rows("SELECT 1", access=Access.READ_WRITE) == [["1"]]


async def test_a_role_or_database_that_is_set_to_write_still_reads_only(there: Asker) -> None:
    await ask_as(there.socket_dir, f"ALTER ROLE {OWNER} SET default_transaction_read_only = off")
    await ask_as(there.socket_dir, "ALTER DATABASE neondb SET default_transaction_read_only = off")

    assert (await there.complaint("DELETE FROM kept")).sqlstate == "25006"


async def test_answers_with_names_types_values_and_nulls(there: Asker) -> None:
    result = (
        await there.ask("SELECT id, word, NULL::jsonb AS nothing, '{1,2}'::int[], 1.5::numeric(9,2) FROM kept")
    ).result

    assert isinstance(result, Rows)
    assert result.columns == (
        ResultColumn(name="id", type="integer"),
        ResultColumn(name="word", type="text"),
        ResultColumn(name="nothing", type="jsonb"),
        ResultColumn(name="int4", type="integer[]"),
        ResultColumn(name="numeric", type="numeric(9,2)"),
    )
    assert [[None if cell is None else cell.text for cell in row] for row in result.rows] == [
        ["1", "one", None, "{1,2}", "1.50"],
        ["2", "two", None, "{1,2}", "1.50"],
    ]
    assert result.stopped is None


async def test_binds_parameters(there: Asker) -> None:
    assert await there.rows("SELECT word FROM kept WHERE id = $1 OR word = $2", "2", "'; DROP TABLE kept --") == [
        ["two"]
    ]


async def test_a_complaint_has_postgres_words_and_its_place(there: Asker) -> None:
    complaint = await there.complaint("SELECT id,\n  wrod FROM kept")

    assert (complaint.sqlstate, complaint.position) == ("42703", 14)
    assert complaint.message == 'column "wrod" does not exist'
    assert complaint.hint == 'Perhaps you meant to reference the column "kept.word".'


async def test_the_place_of_a_complaint_is_that_in_the_statement_when_it_is_explained(there: Asker) -> None:
    assert (await there.complaint("SELECT wrod FROM kept", explain=Explain.ANALYZE)).position == 8


async def test_notices_come_with_the_answer(there: Asker) -> None:
    answer = await there.ask("DO $$ BEGIN RAISE NOTICE 'hello'; END $$")

    assert [notice.message for notice in answer.notices] == ["hello"]


async def test_explains(there: Asker) -> None:
    plan = await there.rows("SELECT * FROM kept", explain=Explain.PLAN)
    timed = await there.rows("SELECT * FROM kept", explain=Explain.ANALYZE)

    assert plan[0][0] is not None and plan[0][0].startswith("Seq Scan on kept")
    assert any("Execution Time" in (row[0] or "") for row in timed)


async def test_explaining_and_timing_a_change_does_not_make_it(there: Asker) -> None:
    assert (await there.complaint("DELETE FROM kept", explain=Explain.ANALYZE)).sqlstate == "25006"


async def test_writes_where_that_was_chosen(there: Asker) -> None:
    answer = await there.ask("INSERT INTO kept VALUES (3, 'three')", access=Access.READ_WRITE)

    assert isinstance(answer.result, Rows) and answer.result.tag == "INSERT 0 1"
    assert await there.rows("SELECT word FROM kept WHERE id = 3") == [["three"]]


async def test_a_write_is_made_whole_however_few_of_its_rows_are_shown(there: Asker) -> None:
    answer = await there.ask(
        "INSERT INTO kept SELECT n, repeat('x', 10000) FROM generate_series(10, 1009) n RETURNING *",
        access=Access.READ_WRITE,
        limits=Limits(rows=5, read_bytes=10),
    )

    assert isinstance(answer.result, Rows)
    assert (len(answer.result.rows), answer.result.tag) == (5, "INSERT 0 1000")
    assert answer.result.stopped is Stopped.ROWS
    assert await there.rows("SELECT count(*) FROM kept") == [["1002"]]


async def test_a_write_that_fails_behind_what_is_shown_has_failed(there: Asker) -> None:
    for text in (
        "SELECT 1 / (9 - n) FROM generate_series(1, 20) n",
        "INSERT INTO kept SELECT 10 + n, (1 / (9 - n))::text FROM generate_series(1, 20) n RETURNING *",
    ):
        complaint = await there.complaint(text, access=Access.READ_WRITE, limits=Limits(rows=2))

        assert complaint.sqlstate == "22012", text
    assert await there.rows("SELECT count(*) FROM kept") == [["2"]]


async def test_writing_takes_what_no_transaction_may_hold(there: Asker) -> None:
    for text in ("VACUUM kept", "CREATE DATABASE more", "CREATE INDEX CONCURRENTLY ON kept (word)"):
        assert isinstance((await there.ask(text, access=Access.READ_WRITE)).result, Rows), text


async def test_writing_takes_one_statement_too(there: Asker) -> None:
    complaint = await there.complaint("SELECT 1; SELECT 2", access=Access.READ_WRITE)

    assert complaint.message == "cannot insert multiple commands into a prepared statement"


async def test_a_transaction_that_is_begun_by_hand_ends_with_its_session(there: Asker) -> None:
    result = (await there.ask("BEGIN", access=Access.READ_WRITE)).result

    assert isinstance(result, Rows) and result.left_open
    assert await there.sessions() == []


async def test_stops_at_the_most_rows(there: Asker) -> None:
    for rows, count, stopped in ((3, 4, Stopped.ROWS), (3, 3, None), (3, 2, None)):
        result = (await there.ask(f"SELECT generate_series(1, {count})", limits=Limits(rows=rows))).result

        assert isinstance(result, Rows)
        assert (len(result.rows), result.stopped) == (min(rows, count), stopped)


async def test_a_value_is_cut_and_its_length_is_told(there: Asker) -> None:
    result = (await there.ask("SELECT repeat('ä', 5000)", limits=Limits(value_bytes=101))).result

    assert isinstance(result, Rows)
    cell = result.rows[0][0]
    assert cell is not None
    assert (cell.text, cell.length, cell.is_cut) == ("ä" * 50, 10_000, True)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT repeat('x', 10000000) FROM generate_series(1, 1000)",
        "SELECT repeat('x', 100000000)",
        "SELECT repeat('x', 100), generate_series(1, 100000000)",
        "COPY (SELECT repeat('x', 1000), generate_series(1, 10000000)) TO STDOUT",
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
async def test_memory_stays_flat_whatever_is_asked_for(there: Asker, text: str) -> None:
    await there.ask("SELECT 1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    await there.ask(text, limits=Limits(rows=1_000_000))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
    assert await there.sessions() == []


async def test_what_is_kept_of_an_answer_is_limited(there: Asker) -> None:
    result = (
        await there.ask(
            "SELECT repeat('x', 1000) AS x FROM generate_series(1, 1000000)",
            limits=Limits(rows=100_000, kept_bytes=50_000),
        )
    ).result

    assert isinstance(result, Rows)
    assert (len(result.rows), result.stopped) == (50, Stopped.BYTES)
    assert result.columns == (ResultColumn(name="x", type="text"),)


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("text", ["SELECT pg_sleep(600)", "DO $$ BEGIN LOOP END LOOP; END $$"])
async def test_an_endless_statement_is_cancelled_and_its_session_is_gone(
    there: Asker, text: str, access: Access
) -> None:
    began = time.monotonic()

    complaint = await there.complaint(text, access=access, limits=Limits(seconds=0.3))

    assert (complaint.sqlstate, complaint.message) == ("57014", "canceling statement due to statement timeout")
    assert time.monotonic() - began < 20
    assert await there.sessions() == []


async def test_what_catches_a_cancel_is_ended_by_force(there: Asker) -> None:
    complaint = await there.complaint("SELECT stubborn()", limits=Limits(seconds=0.3))

    assert (complaint.severity, complaint.sqlstate) == ("FATAL", "57P01")
    assert await there.sessions() == []


async def test_lifting_the_servers_time_limit_does_not_help(there: Asker) -> None:
    text = "SELECT set_config('statement_timeout', '0', false), pg_sleep(600)"

    assert (await there.complaint(text, limits=Limits(seconds=0.3))).sqlstate == "57014"


async def test_a_statement_that_nobody_waits_for_any_more_ends(there: Asker) -> None:
    asking = asyncio.create_task(there.ask("SELECT pg_sleep(600)", limits=Limits(seconds=600)))
    await _until(there.sessions)

    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    assert asking.cancelled()
    assert await there.sessions() == []


async def test_the_login_is_answered_in_postgres_words(there: Asker) -> None:
    assert (await there.complaint("SELECT 1", database="nowhere")).sqlstate == "3D000"
    assert (await there.complaint("SELECT 1", role="nobody")).sqlstate == "28000"


async def test_a_zero_byte_is_refused(there: Asker) -> None:
    with pytest.raises(Invalid, match="zero byte"):
        await there.ask("SELECT 'a\0b'")


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.01)
