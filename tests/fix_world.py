"""A control plane in a home, without proxy and HTTP, that can be killed between two lines of its own.

The kill takes its servers with it, by SIGKILL; the next one opens the same home.
"""

import asyncio
import contextlib
import os
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from dormouse.compute.account import server_account
from dormouse.compute.binaries import find_installed
from dormouse.compute.leftovers import stop_leftovers
from dormouse.compute.server import connect_as_admin
from dormouse.control.carrying import Carrier
from dormouse.control.catalog import Catalog
from dormouse.control.machine import Machine
from dormouse.control.model import ProjectCreated
from dormouse.control.planning import Plan, PlanKind, Step
from dormouse.control.service import Service
from dormouse.home import prepare_home, socket_root, sweep
from dormouse.names import EndpointId
from dormouse.storage.copying import CopyDriver
from dormouse.storage.layout import Layout


@dataclass(frozen=True, slots=True)
class Seed:
    """A home with a project, and the position at which it had one table of two."""

    home: Path
    made: ProjectCreated
    then: str


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
            await connection.execute("SET search_path TO public")
            cursor = await connection.execute(query)
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

    def die_at(self, owner: object, name: str) -> asyncio.Event:
        """Be killed when the method of that name is called."""
        dead = asyncio.Event()

        def deadly(*_: object, **__: object) -> None:
            dead.set()
            raise Killed

        setattr(owner, name, deadly)
        return dead


@asynccontextmanager
async def world_in(home: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> AsyncIterator[World]:
    """As a start of the platform does it; the end is a kill, however the block ends."""
    layout, account = Layout(home), server_account()
    prepare_home(layout, account)
    sockets = socket_root(layout, account, None)
    stop_leftovers(layout, sockets)
    sweep(layout, sockets)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    machine = Machine(
        layout=layout,
        installed=find_installed(None, environ, account),
        account=account,
        driver=CopyDriver(),
        sockets=sockets,
        chance=random.SystemRandom(),
        now=now,
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
        shutil.rmtree(machine.sockets, ignore_errors=True)


def kill_servers(home: Path) -> None:
    for process in psutil.process_iter(["name", "cwd"]):
        if (process.info["name"] or "").startswith("postgres") and str(home) in (process.info["cwd"] or ""):
            with contextlib.suppress(psutil.Error):
                process.kill()


async def settled(world: World) -> None:
    """Wait until no plan is left, and nothing is half built but the next spare."""
    async with asyncio.timeout(30):
        await world.catalog.until(lambda: not world.catalog.plans)
    left = [each.name for each in world.machine.layout.building.iterdir()]
    assert [name for name in left if not name.startswith("spare-")] == []


async def spare_made(world: World) -> None:
    """Have a spare wait, of which a branch is made then."""
    world.service.prepare_spare()
    async with asyncio.timeout(30):
        while not list(world.machine.layout.spares.glob("*/*")):
            await asyncio.sleep(0.01)


async def until_dead(dead: asyncio.Event) -> None:
    """Wait for the kill; a plan that has fewer steps than were waited for has none."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            await dead.wait()


def folders(home: Path) -> set[str]:
    """The branches that have a folder."""
    return {path.name for path in home.glob("projects/*/branches/*")}


def lives(home: Path) -> set[str]:
    """The incarnations that have a folder, and the snapshots."""
    return {path.name for each in ("branches/*/*", "snapshots/*") for path in home.glob(f"projects/*/{each}")}
