"""Each plan, killed after each of its steps, before and after the journal knew: what the next start makes of it.

Those that go back in time are in `test_kills_of_the_past`.
"""

from pathlib import Path

import pytest
from fix_world import folders, settled, spare_made, until_dead, world_in

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
from dormouse.control.planning import PlanKind

# A kill closes no connection, and each one that was open says so when it is collected.
pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


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
        await spare_made(world)
        dead = world.die_after(PlanKind.CREATE_BRANCH, steps, journal_knows=knows)
        wanted = BranchSpec(name="dev", endpoints=(NewEndpoint(type=EndpointType.READ_WRITE),))
        promised = await world.service.branches.create(made.project.id, wanted)
        await until_dead(dead)

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
        await until_dead(dead)

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
