"""Bases: the past reaches back to the oldest that is there, whichever that is."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from fix_world import World, settled, world_in

from dormouse.compute.control_file import read_control_data
from dormouse.compute.wal import parse_lsn
from dormouse.control.history import bases_of, keep_stopped_as_base
from dormouse.control.model import BranchSpec, EndpointType, NewEndpoint, ProjectCreated
from dormouse.control.points import AtLsn, AtTime, Point
from dormouse.errors import RuleViolation
from dormouse.names import EndpointId
from dormouse.storage.layout import BranchFolder

# A kill closes no connection, and each one that was open says so when it is collected.
pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

COUNT = "SELECT count(*) FROM counted"


async def write(world: World, endpoint: EndpointId) -> Point:
    """One more row; returns the moment behind it."""
    await world.ask(endpoint, "CREATE TABLE IF NOT EXISTS counted (i int)")
    await world.ask(endpoint, "INSERT INTO counted VALUES (1)")
    ((lsn,),) = await world.ask(endpoint, "SELECT pg_current_wal_insert_lsn()::text")
    return AtLsn(parse_lsn(lsn))


async def keep_base(world: World, made: ProjectCreated) -> BranchFolder:
    """Keep the branch as it is, asleep, as a base of its past; returns where its past lies."""
    service = world.service
    await service.computes.of(world.catalog.endpoints[made.endpoint.id]).sleep()
    branch = world.catalog.branches[made.branch.id]
    folder, postgres = service.rewinder.folder(branch), service.rewinder.postgres(branch)
    control = read_control_data(postgres, folder.data)
    keep_stopped_as_base(world.machine, folder, control, datetime.now(UTC), Event())
    return folder


async def count_at(world: World, made: ProjectCreated, point: Point) -> int:
    """How many rows a branch of a moment has."""
    wanted = BranchSpec(point=point, endpoints=(NewEndpoint(type=EndpointType.READ_WRITE),))
    branch = await world.service.branches.create(made.project.id, wanted)
    ((count,),) = await world.ask(branch.endpoints[0].id, COUNT)
    await settled(world)
    return int(count)


async def test_a_newer_base_that_is_lost_is_not_missed(home: Path, made: ProjectCreated) -> None:
    async with world_in(home) as world:
        one = await write(world, made.endpoint.id)
        folder = await keep_base(world, made)
        two = await write(world, made.endpoint.id)
        await write(world, made.endpoint.id)
        assert [await count_at(world, made, each) for each in (one, two)] == [1, 2]

        (_, newer) = bases_of(folder)
        shutil.rmtree(newer.path)

        assert [await count_at(world, made, each) for each in (one, two)] == [1, 2]


async def test_with_the_oldest_base_goes_what_was_before_the_next(home: Path, made: ProjectCreated) -> None:
    async with world_in(home) as world:
        one = await write(world, made.endpoint.id)
        folder = await keep_base(world, made)
        between = datetime.now(UTC)
        two = await write(world, made.endpoint.id)
        await write(world, made.endpoint.id)
        (oldest, newer) = bases_of(folder)
        shutil.rmtree(oldest.path)

        with pytest.raises(
            RuleViolation, match=r"the earliest moment that can be restored is 20.* \(0/"
        ) as by_lsn:
            await count_at(world, made, one)
        with pytest.raises(RuleViolation, match="too far back: the earliest moment"):
            await count_at(world, made, AtTime(between - timedelta(hours=1)))

        assert f"({newer.lsn >> 32:X}/{newer.lsn & 0xFFFFFFFF:X})" in by_lsn.value.message
        assert [await count_at(world, made, each) for each in (AtTime(between), two)] == [1, 2]


async def test_without_any_base_there_is_the_present(home: Path, made: ProjectCreated) -> None:
    async with world_in(home) as world:
        one = await write(world, made.endpoint.id)
        two = await write(world, made.endpoint.id)
        branch = world.catalog.branches[made.branch.id]
        (only,) = bases_of(world.service.rewinder.folder(branch))
        shutil.rmtree(only.path)

        with pytest.raises(RuleViolation, match="too far back: the earliest moment"):
            await count_at(world, made, one)

        assert await count_at(world, made, two) == 2
        assert await count_at(world, made, AtTime(datetime.now(UTC) + timedelta(hours=1))) == 2
