"""The schema of a branch's database, now and at a point, from a control plane without proxy and HTTP."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fix_platform import new_home
from fix_servers import Servers, ask

from dormouse.compute.account import server_account
from dormouse.compute.binaries import choose, find_installed
from dormouse.compute.lifecycle import ComputeState
from dormouse.control.catalog import Catalog
from dormouse.control.machine import Machine
from dormouse.control.model import Branch, BranchSpec, ProjectCreated, ProjectSpec
from dormouse.control.points import HEAD, AtLsn, Point
from dormouse.control.schema_model import Column, Constraint, ReferencedTable, Table
from dormouse.control.schemas import Schemas
from dormouse.control.service import Service
from dormouse.errors import NotFound
from dormouse.home import prepare_home, socket_root
from dormouse.names import BranchId
from dormouse.storage.copying import CopyDriver
from dormouse.storage.layout import Layout

TABLES = """
CREATE SCHEMA app;
CREATE TABLE app.author (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(20) NOT NULL,
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    born date,
    UNIQUE (born, name)
);
CREATE TABLE app.event (at date, author_id bigint, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE app.event_rest PARTITION OF app.event DEFAULT;
CREATE TABLE about (event_at date REFERENCES app.event, "odd ""name" int[] CHECK (true));
CREATE TABLE bare ();
CREATE VIEW seen AS SELECT * FROM app.author;
INSERT INTO app.author (name) VALUES ('a row');
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER there FOREIGN DATA WRAPPER far;
CREATE USER MAPPING FOR neondb_owner SERVER there OPTIONS (password 'its secret');
"""


class World:
    """A control plane with one project, and a server that stands for every past."""

    def __init__(self, service: Service, catalog: Catalog, machine: Machine, made: ProjectCreated) -> None:
        self.catalog = catalog
        self.machine = machine
        self.computes = service.computes
        self.branches = service.branches
        self.made = made
        self.asked_for: list[tuple[BranchId, Point]] = []
        self.past: Path | None = None
        self.schemas = Schemas(service._shop, self.open_past)

    @asynccontextmanager
    async def open_past(self, branch: Branch, point: Point) -> AsyncIterator[Path]:
        self.asked_for.append((branch.id, point))
        assert self.past is not None
        yield self.past

    async def execute(self, query: str) -> list[Any]:
        compute = self.computes.of(self.catalog.endpoints[self.made.endpoint.id])
        await compute.wake()
        return await ask(self.machine.socket_dir(self.made.endpoint.id), query)

    @property
    def database(self) -> tuple[Any, ...]:
        return self.made.project.id, self.made.branch.id, "neondb"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    home = new_home()
    layout, account = Layout(home), server_account()
    prepare_home(layout, account)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    machine = Machine(
        layout=layout,
        installed=find_installed(None, environ, account),
        account=account,
        driver=CopyDriver(),
        sockets=socket_root(layout, account, None),
        chance=random.SystemRandom(),
        now=lambda: datetime.now(UTC),
    )
    catalog = Catalog.open(layout.catalog)
    async with asyncio.TaskGroup() as group:
        service = Service(
            catalog, machine, host_suffix="x.localhost", host_address=None, spawn_task=group.create_task
        )
        made = await service.projects.create(ProjectSpec())
        yield World(service, catalog, machine, made)
        await service.remove_everything()
        await service.close()
    await catalog.close()


async def test_what_is_in_a_database_besides_rows(world: World) -> None:
    await world.execute(TABLES)
    compute = world.computes.of(world.catalog.endpoints[world.made.endpoint.id])
    await compute.sleep()

    written = await world.schemas.sql(*world.database, HEAD)
    tables = await world.schemas.tables(*world.database, HEAD)

    assert compute.state is ComputeState.READY, "it was woken for that"
    assert world.asked_for == []
    assert "CREATE TABLE app.author (\n    id bigint NOT NULL,\n" in written
    assert "a row" not in written
    assert "its secret" not in written
    assert "restrict" not in written
    assert await world.schemas.sql(*world.database, HEAD) == written
    event_key = Constraint(type="primary_key", columns=("at",), name="event_pkey")
    event_columns = (
        Column(name="at", type="date", nullable=False, generated=False),
        Column(name="author_id", type="bigint", nullable=True, generated=False),
    )
    assert tables == (
        Table(
            schema="app",
            name="author",
            columns=(
                Column(name="id", type="bigint", nullable=False, generated=False),
                Column(name="name", type="character varying(20)", nullable=False, generated=False),
                Column(name="upper_name", type="text", nullable=True, generated=True),
                Column(name="born", type="date", nullable=True, generated=False),
            ),
            constraints=(
                Constraint(type="primary_key", columns=("id",), name="author_pkey"),
                Constraint(type="unique", columns=("born", "name"), name="author_born_name_key"),
            ),
        ),
        Table(schema="app", name="event", columns=event_columns, constraints=(event_key,)),
        Table(
            schema="app",
            name="event_rest",
            columns=event_columns,
            constraints=(Constraint(type="primary_key", columns=("at",), name="event_rest_pkey"),),
        ),
        Table(
            schema="public",
            name="about",
            columns=(
                Column(name="event_at", type="date", nullable=True, generated=False),
                Column(name='odd "name', type="integer[]", nullable=True, generated=False),
            ),
            constraints=(
                Constraint(
                    type="foreign_key",
                    columns=("event_at",),
                    name="about_event_at_fkey",
                    referenced_table=ReferencedTable(schema="app", table="event", columns=("at",)),
                ),
            ),
        ),
        Table(schema="public", name="bare", columns=()),
    )


async def test_a_database_that_is_not_there_is_not_found(world: World) -> None:
    project, branch, _ = world.database
    await world.execute("CREATE DATABASE shut ALLOW_CONNECTIONS false")

    for name in ("nope", "", "postgres", "template1", "shut", "dbname=neondb"):
        with pytest.raises(NotFound, match="database not found"):
            await world.schemas.sql(project, branch, name, HEAD)
        with pytest.raises(NotFound, match="database not found"):
            await world.schemas.tables(project, branch, name, HEAD)
    with pytest.raises(NotFound, match="branch not found"):
        await world.schemas.sql(project, BranchId("br-nowhere"), "neondb", HEAD)


async def test_the_past_and_a_branch_without_a_primary_are_opened_for_it(world: World, servers: Servers) -> None:
    project, main, _ = world.database
    postgres = choose(world.machine.installed, world.made.project.pg_version)
    bare = await world.branches.create(project, BranchSpec(name="bare"))
    async with asyncio.timeout(30):
        await world.catalog.until(lambda: not world.catalog.plans)
    async with servers.fresh(postgres) as world.past:
        await ask(world.past, "CREATE TABLE earlier (i int)")

        for branch, point in ((main, AtLsn(lsn=1 << 24)), (bare.branch.id, HEAD)):
            assert "public.earlier" in await world.schemas.sql(project, branch, "neondb", point)
            (table,) = await world.schemas.tables(project, branch, "neondb", point)
            assert table.name == "earlier"

    assert world.asked_for == [(main, AtLsn(lsn=1 << 24))] * 2 + [(bare.branch.id, HEAD)] * 2


async def test_what_users_made_is_not_called_by_the_platform(world: World) -> None:
    """A database's own search path, and on it a function that is called as one of Postgres's.

    Run by a superuser it would make its owner one.
    """
    await world.execute(TABLES)
    await world.execute(
        """
        CREATE SCHEMA trap;
        CREATE FUNCTION trap.format_type(oid, integer) RETURNS text LANGUAGE plpgsql AS
            'BEGIN ALTER ROLE neondb_owner SUPERUSER; RETURN pg_catalog.format_type($1, $2); END';
        GRANT ALL ON SCHEMA trap TO PUBLIC;
        ALTER DATABASE neondb SET search_path = trap, pg_catalog, public;
        """
    )

    await world.schemas.sql(*world.database, HEAD)
    await world.schemas.tables(*world.database, HEAD)

    assert await world.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'neondb_owner'") == [(False,)]
