"""pg_dump of a real server, and programs in its place that misbehave."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from fix_platform import wait_until
from fix_servers import Servers, ask

from dormouse.compute.binaries import Postgres
from dormouse.compute.dumping import dump_schema
from dormouse.compute.server import connect_as_admin
from dormouse.errors import ComputeError, Locked


@pytest.fixture(scope="module")
def source(servers: Servers, a_postgres: Postgres) -> Iterator[Path]:
    """A server with a table; a test that changes more changes it back."""
    with asyncio.Runner() as runner:
        server = servers.fresh(a_postgres)
        sockets = runner.run(server.__aenter__())
        runner.run(ask(sockets, "CREATE TABLE author AS SELECT 'a row' AS name", role="neondb_owner"))
        yield sockets
        runner.run(server.__aexit__(None, None, None))


async def dump(
    servers: Servers, postgres: Postgres, sockets: Path, database: str = "neondb", **more: float
) -> str:
    written = await dump_schema(
        postgres,
        socket_dir=sockets,
        database=database,
        account=servers.account,
        encoding="UTF8",
        **more,  # type: ignore[arg-type]
    )
    return written.decode()


async def test_tables_are_written_and_their_rows_are_not(
    servers: Servers, a_postgres: Postgres, source: Path
) -> None:
    written = await dump(servers, a_postgres, source)

    assert "CREATE TABLE public.author (" in written
    assert "a row" not in written


@pytest.mark.parametrize("name", ["a=b", "host=nowhere", 'it\'s \\ "odd" ☃', "postgresql://x/y", " ", "-x"])
async def test_any_name_is_a_databases_name(
    servers: Servers, a_postgres: Postgres, source: Path, name: str
) -> None:
    async with await connect_as_admin(source, "postgres") as connection:
        await connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    await ask(source, "CREATE TABLE here (i int)", database=name)

    assert "CREATE TABLE public.here (" in await dump(servers, a_postgres, source, name)


async def test_another_servers_password_stays_with_its_subscription(
    servers: Servers, a_postgres: Postgres, source: Path
) -> None:
    await ask(
        source, "CREATE SUBSCRIPTION s CONNECTION 'host=x password=s3cret' PUBLICATION p WITH (connect = false)"
    )

    written = await dump(servers, a_postgres, source)

    assert "s3cret" not in written
    await ask(source, "ALTER SUBSCRIPTION s SET (slot_name = NONE)")
    await ask(source, "DROP SUBSCRIPTION s")


async def test_a_database_that_makes_everybody_another_role_is_read_all_the_same(
    servers: Servers, a_postgres: Postgres, source: Path
) -> None:
    await ask(source, "CREATE DATABASE changing", role="neondb_owner")
    await ask(source, "CREATE SCHEMA hidden", "changing", role="neondb_owner")
    await ask(source, "CREATE ROLE nobody_much; ALTER DATABASE changing SET role = 'nobody_much'")

    written = await dump(servers, a_postgres, source, "changing")

    assert "CREATE SCHEMA hidden;" in written


async def test_a_locked_table_is_waited_for_and_then_said_to_be_locked(
    servers: Servers, a_postgres: Postgres, source: Path
) -> None:
    async with await connect_as_admin(source, "neondb") as connection, connection.transaction():
        await connection.execute("LOCK TABLE public.author")

        with pytest.raises(Locked, match="'neondb' cannot be read: a table is locked"):
            await dump(servers, a_postgres, source, lock_timeout_s=0.2)


async def test_what_pg_dump_says_is_the_error(servers: Servers, a_postgres: Postgres, source: Path) -> None:
    with pytest.raises(ComputeError, match=r"exit 1\): .*database \"nope\" does not exist"):
        await dump(servers, a_postgres, source, "nope")


async def test_a_schema_may_be_too_long(servers: Servers, a_postgres: Postgres, source: Path) -> None:
    with pytest.raises(ComputeError, match="longer than"):
        await dump(servers, a_postgres, source, limit_bytes=100)


def stand_in(servers: Servers, script: str) -> Postgres:
    """A Postgres whose pg_dump is a script."""
    folder = servers.root / f"bin{next(servers.numbers)}"
    folder.mkdir(mode=0o755)
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Postgres(bin=folder, version="18.4", source="system")


async def test_a_postgres_without_pg_dump_says_what_to_install(servers: Servers) -> None:
    postgres = Postgres(bin=servers.root / "nothing", version="17.2", source="system")

    with pytest.raises(ComputeError) as raised:
        await dump(servers, postgres, servers.root)

    assert "has no pg_dump" in raised.value.message
    assert "postgresql-client-17" in raised.value.message


async def test_a_password_is_not_repeated(servers: Servers) -> None:
    postgres = stand_in(servers, "echo \"bad: password='s3cret' postgresql://u:s3cret@h/d\" >&2; exit 3")

    with pytest.raises(ComputeError, match=r"exit 3\): bad: password=\*\*\*") as raised:
        await dump(servers, postgres, servers.root)

    assert "s3cret" not in raised.value.message


async def test_it_runs_as_the_servers_user_without_libpqs_variables(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    postgres = stand_in(servers, 'echo "$(id -u):$PGHOSTADDR:$(pwd)"')

    said = await dump(servers, postgres, servers.root)

    assert said == f"{servers.account.uid if servers.account else psutil.Process().uids().real}::/\n"


@pytest.mark.parametrize("cancelled", [False, True])
async def test_one_that_takes_too_long_is_ended(servers: Servers, cancelled: bool) -> None:
    mark = servers.root / f"mark{next(servers.numbers)}"
    mark.touch(mode=0o666)
    mark.chmod(0o666)
    postgres = stand_in(servers, f"echo $$ > {mark}\nexec sleep 60")
    running = asyncio.ensure_future(dump(servers, postgres, servers.root, timeout_s=60 if cancelled else 0.5))
    if cancelled:
        await asyncio.to_thread(wait_until, mark.read_text, "it began")
        running.cancel()

    with pytest.raises(
        asyncio.CancelledError if cancelled else ComputeError, match=None if cancelled else "0.5 s"
    ):
        await running

    assert not psutil.pid_exists(int(mark.read_text()))
