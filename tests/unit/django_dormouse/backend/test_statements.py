"""Whether a statement may write."""

import pytest

from django_dormouse.backend.statements import may_write


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "  select title from note",
        "(SELECT 1) UNION (SELECT 2)",
        "-- a comment with words: delete\nSELECT 1",
        "/* insert\n */ SELECT 1",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "EXPLAIN SELECT 1",
        "SHOW timezone",
        "SET LOCAL lock_timeout = 5",
        "SAVEPOINT s1",
        "RELEASE SAVEPOINT s1",
        "ROLLBACK TO SAVEPOINT s1",
        "VALUES (1)",
        "TABLE note",
        "DECLARE c CURSOR FOR SELECT 1",
        "FETCH 10 FROM c",
        "SELECT 1 FOR UPDATE",
        "SELECT 'a;b'",
        "",
        "   ",
    ],
)
def test_reads(statement):
    assert not may_write(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO note VALUES (1)",
        "\n\tupdate note set title = ''",
        "DELETE FROM note",
        "MERGE INTO a USING b ON true",
        "WITH gone AS (DELETE FROM note RETURNING *) SELECT * FROM gone",
        "EXPLAIN ANALYZE INSERT INTO note VALUES (1)",
        "SELECT * INTO copy FROM note",
        "SELECT 1; DELETE FROM note",
        "/* SELECT */ DELETE FROM note",
        "-- SELECT\nDELETE FROM note",
        "COPY note FROM STDIN",
        "CALL tidy()",
        "DO $$ BEGIN END $$",
        "EXECUTE prepared",
        "CREATE TABLE a ()",
        "TRUNCATE note",
        "REFRESH MATERIALIZED VIEW v",
        "NOTIFY bell",
        "LOCK TABLE note",
        "-- a comment; then: delete\nSELECT 1",
        "??",
    ],
)
def test_writes_or_may(statement):
    assert may_write(statement)


def test_many_comments_take_no_time():
    assert may_write("/**/" * 10_000 + "1")
