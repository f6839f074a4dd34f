"""A clock that is set back under the platform: positions stay exact, and a moment that was twice is its second."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fix_world import World, settled, world_in

from dormouse.compute.wal import parse_lsn
from dormouse.control.model import BranchSpec, EndpointType, NewEndpoint, ProjectCreated
from dormouse.control.past import RestoreSpec
from dormouse.control.points import AtLsn, AtTime, Point
from dormouse.errors import RuleViolation

# A kill closes no connection, and each one that was open says so when it is collected.
pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

HOUR = timedelta(hours=1)


class Clock:
    """The real one, but for what it was set back."""

    def __init__(self) -> None:
        self.behind = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.behind


async def write(world: World, made: ProjectCreated, number: int) -> AtLsn:
    """One row, and a sleep, which is noted; returns the position behind the row."""
    await world.ask(made.endpoint.id, "CREATE TABLE IF NOT EXISTS numbered (n int)")
    await world.ask(made.endpoint.id, f"INSERT INTO numbered VALUES ({number})")
    ((lsn,),) = await world.ask(made.endpoint.id, "SELECT pg_current_wal_insert_lsn()::text")
    await world.service.computes.of(world.catalog.endpoints[made.endpoint.id]).sleep()
    return AtLsn(parse_lsn(lsn))


async def rows_at(world: World, made: ProjectCreated, point: Point) -> list[int]:
    """The rows that a branch of a moment has."""
    wanted = BranchSpec(point=point, endpoints=(NewEndpoint(type=EndpointType.READ_WRITE),))
    branch = await world.service.branches.create(made.project.id, wanted)
    found = await world.ask(branch.endpoints[0].id, "SELECT n FROM numbered ORDER BY n")
    await settled(world)
    await world.service.branches.delete(made.project.id, branch.branch.id, hard=True)
    return [int(row[0]) for row in found]


async def test_a_clock_that_is_set_back(home: Path, made: ProjectCreated) -> None:
    clock = Clock()
    async with world_in(home, now=clock) as world:
        service = world.service
        one = await write(world, made, 1)
        before = clock()
        clock.behind = HOUR
        two = await write(world, made, 2)
        await write(world, made, 3)

        assert await rows_at(world, made, one) == [1]
        assert await rows_at(world, made, two) == [1, 2]
        # Which for this clock is yet to come.
        assert await rows_at(world, made, AtTime(before)) == [1, 2, 3]
        # Once more it is a quarter to: all three are older than that by what was noted with them.
        clock.behind = timedelta(minutes=15)
        assert await rows_at(world, made, AtTime(clock() - timedelta(minutes=15))) == [1, 2, 3]
        with pytest.raises(RuleViolation, match="too far back"):
            await rows_at(world, made, AtTime(before - 3 * HOUR))

        clock.behind = 2 * HOUR
        await service.branches.restore(
            made.project.id,
            made.branch.id,
            RestoreSpec(source=made.branch.id, point=one, preserve_under_name="old"),
        )
        await settled(world)
        assert await world.ask(made.endpoint.id, "SELECT n FROM numbered") == [(1,)]
        clock.behind = 3 * HOUR
        await service.branches.undo(made.project.id, made.branch.id)
        await settled(world)
        assert await world.ask(made.endpoint.id, "SELECT count(*) FROM numbered") == [(3,)]
