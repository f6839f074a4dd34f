"""The primary, closed with passwords for the roles that these tests make."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

MADE = ("made_one", "made_two", "made_three", "made_admin", "made_pooled")


@pytest.fixture
def guarded(primary: Any) -> Iterator[Any]:
    """The primary; afterwards without the roles of MADE and what they own."""
    file = primary.data / "pg_hba.conf"
    before = file.read_text()
    # Written into the file as it is, because as root it belongs to another user.
    file.write_text("".join(f"host all {role} 127.0.0.1/32 scram-sha-256\n" for role in MADE) + before)
    primary.execute("SELECT pg_reload_conf()")
    try:
        yield primary
    finally:
        _remove(primary)
        file.write_text(before)
        primary.execute("SELECT pg_reload_conf()")


def _remove(server: Any) -> None:
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        owned = connection.execute(
            "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = ANY (%s)", [list(MADE)]
        ).fetchall()
        for (name,) in owned:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        there = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", [list(MADE)]
        ).fetchall()
        for (name,) in there:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def asking(guarded: Any) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows from a database of that server, as a role."""

    def ask(query: str, *, user: str = "owner", password: str = "", database: str = "postgres") -> Any:
        with psycopg.connect(
            host="127.0.0.1", port=guarded.port, user=user, password=password, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    return ask
