"""Statements through the control plane: now and in the past, as roles of the branch, of a compute that sleeps."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fix_platform import new_home
from fix_world import Seed, World, world_in

from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.wal import parse_lsn
from dormouse.control.model import EndpointChange, ProjectCreated, ProjectSpec
from dormouse.control.points import HEAD, AtLsn, Point
from dormouse.control.statement_model import Access, Complaint, Limits, Rows, Statement
from dormouse.errors import EndpointDisabled, NotFound, RuleViolation

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNER = "neondb_owner"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(seed: Seed) -> AsyncIterator[World]:
    """One for all tests. It has the table `kept`, and since a while `later`."""
    home = new_home()
    subprocess.run(["cp", "-a", seed.home, home], check=True)
    async with world_in(home) as there:
        yield there
    shutil.rmtree(home.parent, ignore_errors=True)


async def ask(world: World, made: ProjectCreated, text: str, point: Point = HEAD, **choices: object) -> object:
    given = {"database": "neondb", "role": OWNER, **choices}
    statement = Statement(text=text, **given)  # type: ignore[arg-type]
    result = (await world.service.statements.run(made.project.id, made.branch.id, statement, point)).result
    if isinstance(result, Rows):
        return [[None if cell is None else cell.text for cell in row] for row in result.rows]
    return result


async def test_a_statement_wakes_the_compute_and_counts_as_its_use(world: World, made: ProjectCreated) -> None:
    compute = world.service.computes.of(world.catalog.endpoints[made.endpoint.id])
    await compute.sleep()
    began = asyncio.get_running_loop().time()

    assert await ask(world, made, "SELECT i FROM kept") == [["1"]]

    assert compute.state is ComputeState.READY
    assert world.service.statements.last_use(made.endpoint.id) >= began


async def test_a_compute_that_is_suspended_cuts_a_statement(world: World, made: ProjectCreated) -> None:
    compute = world.service.computes.of(world.catalog.endpoints[made.endpoint.id])
    asking = asyncio.create_task(ask(world, made, "SELECT pg_sleep(600)", limits=Limits(seconds=600)))
    async with asyncio.timeout(60):
        while not (compute.state is ComputeState.READY and (await world.service.computes.busy(compute)).backends):
            await asyncio.sleep(0.01)

        await compute.sleep()
        cut = await asking

    assert isinstance(cut, Complaint) and cut.sqlstate == "57P01"


async def test_the_same_statement_now_and_then(world: World, made: ProjectCreated, then: str) -> None:
    text = "SELECT count(*) FROM pg_tables WHERE tablename IN ('kept', 'later')"

    now, before = await asyncio.gather(ask(world, made, text), ask(world, made, text, AtLsn(parse_lsn(then))))

    assert now == [["2"]]
    assert before == [["1"]]


async def test_the_past_is_not_written_to(world: World, made: ProjectCreated, then: str) -> None:
    point = AtLsn(parse_lsn(then))

    with pytest.raises(RuleViolation, match="the past cannot be written to"):
        await ask(world, made, "DELETE FROM kept", point, access=Access.READ_WRITE)
    refused = await ask(world, made, "DELETE FROM kept", point)

    assert isinstance(refused, Complaint) and refused.sqlstate == "25006"


@pytest.mark.parametrize("access", Access)
async def test_only_as_a_role_of_the_branch(world: World, made: ProjectCreated, access: Access) -> None:
    for role in ("cloud_admin", "neon_superuser", "postgres", "nobody"):
        with pytest.raises(NotFound, match="role not found"):
            await ask(world, made, "SELECT 1", role=role, access=access)


async def test_a_role_that_was_made_by_sql_may_ask(world: World, made: ProjectCreated) -> None:
    await ask(world, made, "CREATE ROLE guest LOGIN", access=Access.READ_WRITE)

    assert await ask(world, made, "SELECT current_user", role="guest") == [["guest"]]


async def test_a_compute_that_is_disabled_or_gone_is_not_asked(world: World) -> None:
    made = await world.service.projects.create(ProjectSpec())
    await world.service.endpoints.update(made.project.id, made.endpoint.id, EndpointChange(disabled=True))

    with pytest.raises(EndpointDisabled):
        await ask(world, made, "SELECT 1")

    await world.service.endpoints.delete(made.project.id, made.endpoint.id)
    with pytest.raises(RuleViolation, match="no read_write endpoint"):
        await ask(world, made, "SELECT 1")
