"""A home that was killed, and copies of it."""

import asyncio
import gc
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_platform import new_home
from fix_world import Seed, kill_servers, world_in

from dormouse.control.model import ProjectCreated, ProjectSpec


@pytest.fixture(scope="session")
def seed() -> Iterator[Seed]:
    """A home with a project in which a row was written and acknowledged, then another; then it was killed."""
    folder = new_home()

    async def make() -> Seed:
        async with world_in(folder) as world:
            made = await world.service.projects.create(ProjectSpec())
            await world.ask(made.endpoint.id, "CREATE TABLE kept AS SELECT 1 AS i")
            ((then,),) = await world.ask(made.endpoint.id, "SELECT pg_current_wal_insert_lsn()::text")
            await world.ask(made.endpoint.id, "CREATE TABLE later AS SELECT 2 AS i")
        return Seed(folder, made, then)

    made = asyncio.run(make())
    # Each copy would take along the data directory of a project that is not. Only now nobody makes one any more.
    shutil.rmtree(folder / "spares")
    yield made
    gc.collect()
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture
def home(seed: Seed) -> Iterator[Path]:
    """A copy of it, owners and all."""
    folder = new_home()
    subprocess.run(["cp", "-a", seed.home, folder], check=True)
    yield folder
    # What a kill left open is collected here, and not in the middle of somebody else's test.
    gc.collect()
    kill_servers(folder)
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture
def made(seed: Seed) -> ProjectCreated:
    """Its project."""
    return seed.made


@pytest.fixture
def then(seed: Seed) -> str:
    """The position between its two rows."""
    return seed.then
