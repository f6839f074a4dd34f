"""A base of a running branch is made when nobody needs the disk, and given up when somebody does."""

import asyncio
import math
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fix_world import World, settled, world_in

from dormouse.control.historian import Historian
from dormouse.control.history import Base, bases_of
from dormouse.control.model import BranchSpec, EndpointType, NewEndpoint, ProjectCreated
from dormouse.control.planning import Plan, PlanKind
from dormouse.errors import CloneStopped
from dormouse.names import new_operation_id
from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import Usage

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

DUE_SEGMENTS = 130
"""Of 1 MB, most of them empty: as much WAL as a base is kept for."""


class Endless(CopyDriver):
    """Copies until it is told to stop."""

    def __init__(self) -> None:
        self.begun, self.stopped = threading.Event(), False

    def clone(self, *_: object, stop: threading.Event | None = None, **__: object) -> Usage:
        assert stop is not None
        self.begun.set()
        self.stopped = stop.wait(20)
        raise CloneStopped("the clone was stopped before it was whole")


def historian_of(world: World, driver: CopyDriver) -> Historian:
    service, machine = world.service, replace(world.machine, driver=driver)
    return Historian(
        world.catalog, machine, service.computes, service.rewinder, lambda _: math.inf, most_bytes=1 << 40
    )


async def look(historian: Historian) -> None:
    """What its loop does every few seconds."""
    await historian._sample()
    await historian._keep_bases()


def kept(world: World, made: ProjectCreated) -> list[Base]:
    return bases_of(world.service.rewinder.folder(world.catalog.branches[made.branch.id]))


async def write(world: World, made: ProjectCreated) -> None:
    """One call switches one segment after another, each of which has a record by then."""
    await world.ask(
        made.endpoint.id,
        "SELECT count(pg_logical_emit_message(false, '', i::text)), count(pg_switch_wal()) "
        f"FROM generate_series(1, {DUE_SEGMENTS}) AS i",
    )


async def make_branch(world: World, made: ProjectCreated) -> None:
    wanted = BranchSpec(endpoints=(NewEndpoint(type=EndpointType.READ_WRITE),))
    branch = await world.service.branches.create(made.project.id, wanted)
    assert await world.ask(branch.endpoints[0].id, "SELECT count(*) FROM kept") == [(1,)]
    await settled(world)


async def put_to_sleep(world: World, made: ProjectCreated) -> None:
    computes = world.service.computes
    await computes.sleep(computes.of(world.catalog.endpoints[made.endpoint.id]))


@pytest.mark.parametrize("disturb", [make_branch, put_to_sleep])
async def test_whoever_needs_the_branch_does_not_wait_for_a_base(
    home: Path, made: ProjectCreated, disturb: Callable[[World, ProjectCreated], Awaitable[Any]]
) -> None:
    async with world_in(home) as world:
        await write(world, made)
        before, driver = kept(world, made), Endless()
        looking = asyncio.ensure_future(look(historian_of(world, driver)))
        assert await asyncio.to_thread(driver.begun.wait, 20)

        began = time.monotonic()
        await disturb(world, made)
        await looking

        assert driver.stopped, "it was not told"
        assert time.monotonic() - began < 15
        assert kept(world, made) == before
        assert [each.name for each in world.machine.layout.building.glob("base-*")] == []

        await world.ask(made.endpoint.id, "SELECT 1")
        historian = historian_of(world, CopyDriver())
        await look(historian)

        assert len(kept(world, made)) == len(before) + 1


async def test_no_base_is_begun_while_something_of_the_project_is_made(home: Path, made: ProjectCreated) -> None:
    async with world_in(home) as world:
        await write(world, made)
        before, historian = kept(world, made), historian_of(world, CopyDriver())
        plan = Plan(
            id=new_operation_id(random.Random(1)), kind=PlanKind.CREATE_SNAPSHOT, project_id=made.project.id
        )
        await world.catalog.put(plan)

        await look(historian)
        assert kept(world, made) == before

        await world.catalog.delete(plan)
        await look(historian)
        assert len(kept(world, made)) == len(before) + 1
