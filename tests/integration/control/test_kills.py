"""Each plan, killed after each of its steps, before and after the journal knew: what the next start makes of it.

The kill is a control plane that dies in the middle of a step's bookkeeping and takes its servers with it, by
SIGKILL; the next one opens the same home.
"""

import asyncio
import contextlib
import gc
import os
import random
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from fix_platform import new_home

from dormouse.compute.account import server_account
from dormouse.compute.binaries import find_installed
from dormouse.compute.leftovers import stop_leftovers
from dormouse.compute.server import connect_as_admin
from dormouse.control.carrying import Carrier
from dormouse.control.catalog import Catalog
from dormouse.control.machine import Machine
from dormouse.control.model import (
    BranchSpec,
    BranchState,
    Endpoint,
    EndpointSpec,
    EndpointState,
    EndpointType,
    NewEndpoint,
    ProjectCreated,
    ProjectSpec,
)
from dormouse.control.planning import Plan, PlanKind, Step
from dormouse.control.service import Service
from dormouse.home import prepare_home, socket_root, sweep
from dormouse.names import EndpointId
from dormouse.storage.copying import CopyDriver
from dormouse.storage.layout import Layout

# A kill closes no connection, and each one that was open says so when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Killed(BaseException):
    """The platform is gone."""


class World:
    """A control plane in a home, without proxy and HTTP."""

    def __init__(self, service: Service, catalog: Catalog, machine: Machine) -> None:
        self.service = service
        self.catalog = catalog
        self.machine = machine

    async def ask(self, endpoint: EndpointId, query: str) -> list[tuple[Any, ...]]:
        await self.service.computes.of(self.catalog.endpoints[endpoint]).wake()
        async with await connect_as_admin(self.machine.socket_dir(endpoint), "neondb") as connection:
            cursor = await connection.execute(query)  # type: ignore[arg-type]
            return await cursor.fetchall() if cursor.description else []

    def die_after(self, kind: PlanKind, steps: int, *, journal_knows: bool) -> asyncio.Event:
        """Be killed when so many steps of such a plan are done."""
        carrier: Any = self.service._shop.carrier
        done, dead = 0, asyncio.Event()
        do = Carrier._do

        async def deadly(step: Step, plan: Plan) -> None:
            nonlocal done
            if plan.kind is kind and done == steps and journal_knows:
                dead.set()
                raise Killed
            await do(carrier, step, plan)
            if plan.kind is kind:
                done += 1
                if done == steps and not journal_knows:
                    dead.set()
                    raise Killed

        carrier._do = deadly
        return dead


@asynccontextmanager
async def world_in(home: Path) -> AsyncIterator[World]:
    """As a start of the platform does it; the end is a kill, however the block ends."""
    layout, account = Layout(home), server_account()
    prepare_home(layout, account)
    stop_leftovers(layout)
    sweep(layout)
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
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Any) -> "asyncio.Task[None]":
        async def quiet() -> None:
            with contextlib.suppress(Killed):
                await work

        tasks.append(asyncio.get_running_loop().create_task(quiet()))
        return tasks[-1]

    service = Service(catalog, machine, host_suffix="x.localhost", host_address=None, spawn_task=spawn)
    await service.recover()
    try:
        with contextlib.suppress(Killed):
            yield World(service, catalog, machine)
    finally:
        kill_servers(home)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for compute in service.computes._computes.values():
            if compute._server is not None:
                await compute._server._close_admin()
        await catalog.close()


def kill_servers(home: Path) -> None:
    for process in psutil.process_iter(["name", "cwd"]):
        if (process.info["name"] or "").startswith("postgres") and str(home) in (process.info["cwd"] or ""):
            with contextlib.suppress(psutil.Error):
                process.kill()


@pytest.fixture(scope="module")
def seed() -> Iterator[tuple[Path, ProjectCreated]]:
    """A home with a project in which a row was written and acknowledged; then it was killed."""
    folder = new_home()

    async def make() -> ProjectCreated:
        async with world_in(folder) as world:
            made = await world.service.projects.create(ProjectSpec())
            await world.ask(made.endpoint.id, "CREATE TABLE kept AS SELECT 1 AS i")
        return made

    yield folder, asyncio.run(make())
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture
def home(seed: tuple[Path, ProjectCreated]) -> Iterator[Path]:
    """A copy of it, owners and all."""
    folder = new_home()
    subprocess.run(["cp", "-a", seed[0], folder], check=True)
    yield folder
    # What a kill left open is collected here, and not in the middle of somebody else's test.
    gc.collect()
    kill_servers(folder)
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture
def made(seed: tuple[Path, ProjectCreated]) -> ProjectCreated:
    """Its project."""
    return seed[1]


async def settled(world: World) -> None:
    """Wait until no plan is left."""
    async with asyncio.timeout(30):
        await world.catalog.until(lambda: not world.catalog.plans)


def folders(home: Path) -> set[str]:
    return {path.name for path in home.glob("projects/*/branches/*")}


CUTS = [(steps, knows) for steps in (0, 1, 2) for knows in (False, True) if steps or knows]
CUT_IDS = [f"{steps} steps, journal {'knows' if knows else 'does not know'}" for steps, knows in CUTS]
each_cut = pytest.mark.parametrize(("steps", "knows"), CUTS, ids=CUT_IDS)


@each_cut
async def test_creating_a_project(home: Path, made: ProjectCreated, steps: int, knows: bool) -> None:
    async with world_in(home) as world:
        world.die_after(PlanKind.CREATE_PROJECT, steps, journal_knows=knows)
        await world.service.projects.create(ProjectSpec(name="cut off"))

    async with world_in(home) as world:
        await settled(world)
        for project in await world.service.projects.all():
            (endpoint,) = await world.service.endpoints.all(project.id)
            assert await world.ask(endpoint.id, "SELECT 1") == [(1,)]
        assert {branch.id for branch in world.catalog.branches.values()} == folders(home)
        assert await world.ask(made.endpoint.id, "SELECT i FROM kept") == [(1,)]


@each_cut
async def test_creating_a_branch(home: Path, made: ProjectCreated, steps: int, knows: bool) -> None:
    async with world_in(home) as world:
        dead = world.die_after(PlanKind.CREATE_BRANCH, steps, journal_knows=knows)
        wanted = BranchSpec(name="dev", endpoints=(NewEndpoint(type=EndpointType.READ_WRITE),))
        promised = await world.service.branches.create(made.project.id, wanted)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await dead.wait()

    async with world_in(home) as world:
        await settled(world)
        assert world.catalog.branches[promised.branch.id].state is BranchState.READY
        assert await world.ask(promised.endpoints[0].id, "SELECT i FROM kept") == [(1,)]
        assert folders(home) == set(world.catalog.branches)


@each_cut
async def test_creating_a_replica(home: Path, made: ProjectCreated, steps: int, knows: bool) -> None:
    async with world_in(home) as world:
        dead = world.die_after(PlanKind.CREATE_REPLICA, steps, journal_knows=knows)
        spec = EndpointSpec(branch_id=made.branch.id, type=EndpointType.READ_ONLY)
        promised, _ = await world.service.endpoints.create(made.project.id, spec)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await dead.wait()

    async with world_in(home) as world:
        await settled(world)
        assert world.catalog.endpoints[promised.id].current_state is EndpointState.IDLE
        query = "SELECT i, pg_is_in_recovery() FROM kept"
        assert await world.ask(promised.id, query) == [(1, True)]


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
@pytest.mark.parametrize("knows", [False, True])
async def test_removing_a_branch(home: Path, made: ProjectCreated, steps: int, knows: bool) -> None:
    async with world_in(home) as world:
        spec = BranchSpec(name="dev", endpoints=(NewEndpoint(type=EndpointType.READ_WRITE),))
        child = await world.service.branches.create(made.project.id, spec)
        assert await world.ask(child.endpoints[0].id, "SELECT i FROM kept") == [(1,)]
        if steps or knows:
            world.die_after(PlanKind.REMOVE_BRANCH, steps, journal_knows=knows)
        await world.service.branches.delete(made.project.id, child.branch.id, hard=True)

    async with world_in(home) as world:
        await settled(world)
        assert set(world.catalog.branches) == {made.branch.id} == folders(home)
        assert set(world.catalog.endpoints) == {made.endpoint.id}
        assert await world.ask(made.endpoint.id, "SELECT i FROM kept") == [(1,)]


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_removing_an_endpoint(home: Path, made: ProjectCreated, steps: int) -> None:
    async with world_in(home) as world:
        spec = EndpointSpec(branch_id=made.branch.id, type=EndpointType.READ_ONLY)
        replica, _ = await world.service.endpoints.create(made.project.id, spec)
        assert await world.ask(replica.id, "SELECT i FROM kept") == [(1,)]
        world.die_after(PlanKind.REMOVE_ENDPOINT, steps, journal_knows=True)
        await world.service.endpoints.delete(made.project.id, replica.id)

    async with world_in(home) as world:
        await settled(world)
        left: list[Endpoint] = await world.service.endpoints.all(made.project.id)
        assert [endpoint.id for endpoint in left] == [made.endpoint.id]
        assert list(home.glob("projects/*/branches/*/*/replicas/*")) == []


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
async def test_removing_a_project_for_good(home: Path, made: ProjectCreated, steps: int) -> None:
    async with world_in(home) as world:
        await world.service.projects.delete(made.project.id)
        world.die_after(PlanKind.REMOVE_PROJECT, steps, journal_knows=True)
        await world.service.projects.remove_for_good(made.project.id)

    async with world_in(home) as world:
        await settled(world)
        assert world.catalog.projects == {}
        assert world.catalog.endpoints == {}
        assert list(home.glob("projects/*")) == []
