"""As `test_kills`, of what goes back in time: branches of the past, restores, resets, snapshots, what is kept."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fix_world import Killed, World, folders, lives, settled, until_dead, world_in

from dormouse.compute.wal import parse_lsn
from dormouse.control.cloning import build_branch
from dormouse.control.model import (
    Branch,
    BranchCreated,
    BranchSpec,
    BranchState,
    EndpointType,
    NewEndpoint,
    ProjectCreated,
)
from dormouse.control.past import KeptBecause, RestoreSpec, SnapshotRestoreSpec, SnapshotSpec
from dormouse.control.planning import PlanKind
from dormouse.control.points import AtLsn
from dormouse.names import EndpointId
from dormouse.storage.layout import BranchFolder

# A kill closes no connection, and each one that was open says so when it is collected.
pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

TABLES = "SELECT array_agg(relname::text ORDER BY relname) FROM pg_class WHERE relname IN ('kept', 'later', 'own')"
THEN, NOW, OWN = [(["kept"],)], [(["kept", "later"],)], [(["kept", "own"],)]


def after_each_of(steps: int) -> pytest.MarkDecorator:
    """Done, and the journal does not know yet: the step is done again. `tests/soak` kills anywhere."""
    return pytest.mark.parametrize(
        "steps", range(1, steps + 1), ids=[f"{n} of {steps} steps" for n in range(1, steps + 1)]
    )


async def branch_of_then(world: World, made: ProjectCreated, then: str, name: str = "dev") -> BranchCreated:
    """A branch from between the two rows, with a compute."""
    compute = NewEndpoint(type=EndpointType.READ_WRITE)
    wanted = BranchSpec(name=name, point=AtLsn(parse_lsn(then)), endpoints=(compute,))
    return await world.service.branches.create(made.project.id, wanted)


async def tables(world: World, endpoint: EndpointId) -> list[tuple[object, ...]]:
    """Which of the tables are there."""
    return await world.ask(endpoint, TABLES)


def agrees(world: World, home: Path) -> None:
    """Every life that the records speak of is on disk, and no other."""
    catalog = world.catalog
    kept = {each.branch.incarnation for each in catalog.kept.values() if each.preserved_as is None}
    assert lives(home) == {each.incarnation for each in catalog.branches.values()} | kept | set(catalog.snapshots)
    assert {each.state for each in catalog.branches.values()} == {BranchState.READY}


@after_each_of(3)
async def test_creating_a_branch_of_the_past(home: Path, made: ProjectCreated, then: str, steps: int) -> None:
    async with world_in(home) as world:
        dead = world.die_after(PlanKind.CREATE_BRANCH, steps, journal_knows=False)
        promised = await branch_of_then(world, made, then)
        await until_dead(dead)

    async with world_in(home) as world:
        await settled(world)
        assert await tables(world, promised.endpoints[0].id) == THEN
        assert await tables(world, made.endpoint.id) == NOW
        agrees(world, home)


@after_each_of(2)
async def test_restoring_to_the_own_past(home: Path, made: ProjectCreated, then: str, steps: int) -> None:
    async with world_in(home) as world:
        dead = world.die_after(PlanKind.RESTORE_BRANCH, steps, journal_knows=False)
        await restore(world, made, then)
        await until_dead(dead)

    await is_restored(home, made)


async def test_restoring_killed_after_the_old_data_was_handed_over(
    home: Path, made: ProjectCreated, then: str
) -> None:
    async with world_in(home) as world:
        dead = world.die_at(world.service._shop.builder, "_swapped")
        await restore(world, made, then)
        await until_dead(dead)
        assert len(folders(home)) == 2, "it was handed over"

    await is_restored(home, made)


async def restore(world: World, made: ProjectCreated, then: str) -> None:
    """Restore the branch to between its two rows."""
    spec = RestoreSpec(source=made.branch.id, point=AtLsn(parse_lsn(then)), preserve_under_name="old")
    await world.service.branches.restore(made.project.id, made.branch.id, spec)


async def is_restored(home: Path, made: ProjectCreated) -> None:
    """Both states are there, each with its name."""
    async with world_in(home) as world:
        await settled(world)
        assert await tables(world, made.endpoint.id) == THEN
        (old,) = (each for each in world.catalog.branches.values() if each.name == "old")
        assert world.catalog.branches[made.branch.id].parent_id == old.id
        look = BranchSpec(parent_id=old.id, endpoints=(NewEndpoint(type=EndpointType.READ_WRITE),))
        seen = await world.service.branches.create(made.project.id, look)
        assert await tables(world, seen.endpoints[0].id) == NOW
        await settled(world)
        agrees(world, home)


@after_each_of(2)
async def test_resetting(home: Path, made: ProjectCreated, then: str, steps: int) -> None:
    async with world_in(home) as world:
        child = await branch_of_then(world, made, then)
        await world.ask(child.endpoints[0].id, "CREATE TABLE own ()")
        await settled(world)
        dead = world.die_after(PlanKind.RESTORE_BRANCH, steps, journal_knows=False)
        await world.service.branches.restore(made.project.id, child.branch.id, RestoreSpec(source=made.branch.id))
        await until_dead(dead)

    async with world_in(home) as world:
        await settled(world)
        assert await tables(world, child.endpoints[0].id) == NOW
        agrees(world, home)
        await world.service.branches.undo(made.project.id, child.branch.id)
        assert await tables(world, child.endpoints[0].id) == OWN
        agrees(world, home)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_deleting_a_branch(home: Path, made: ProjectCreated, then: str, done: bool) -> None:
    async with world_in(home) as world:
        child = await branch_of_then(world, made, then)
        await world.ask(child.endpoints[0].id, "CREATE TABLE own ()")
        await settled(world)
        if done:
            dead = world.die_at(world.service._shop.carrier, "end")
        else:
            dead = world.die_at(world.service.branches, "_deleted")
        await world.service.branches.delete(made.project.id, child.branch.id)
        assert dead.is_set()

    async with world_in(home) as world:
        await settled(world)
        agrees(world, home)
        assert (child.branch.id in world.catalog.branches) is not done
        if done:
            await world.service.branches.recover(made.project.id, child.branch.id)
        assert await tables(world, child.endpoints[0].id) == OWN


@after_each_of(2)
async def test_making_a_snapshot(home: Path, made: ProjectCreated, then: str, steps: int) -> None:
    async with world_in(home) as world:
        dead = world.die_after(PlanKind.CREATE_SNAPSHOT, steps, journal_knows=False)
        spec = SnapshotSpec(name="s", point=AtLsn(parse_lsn(then)))
        await world.service.snapshots.create(made.project.id, made.branch.id, spec)
        await until_dead(dead)

    async with world_in(home) as world:
        await settled(world)
        agrees(world, home)
        (snapshot,) = await world.service.snapshots.all(made.project.id)
        branch, (endpoint,), _ = await world.service.snapshots.restore(
            made.project.id, snapshot.id, SnapshotRestoreSpec(name="look")
        )
        assert await tables(world, endpoint.id) == THEN
        assert branch.restored_from == snapshot.id


@after_each_of(2)
async def test_forgetting_what_was_kept(home: Path, made: ProjectCreated, then: str, steps: int) -> None:
    async with world_in(home) as world:
        child = await branch_of_then(world, made, then)
        await world.ask(child.endpoints[0].id, "CREATE TABLE own ()")
        await settled(world)
        await world.service.branches.restore(made.project.id, child.branch.id, RestoreSpec(source=made.branch.id))
        await settled(world)
        (kept,) = world.catalog.kept.values()
        assert kept.because is KeptBecause.RESET
        world.die_after(PlanKind.REMOVE_KEPT, steps, journal_knows=False)
        await world.service.branches.forget_kept(kept)

    async with world_in(home) as world:
        await settled(world)
        assert world.catalog.kept == {}
        agrees(world, home)
        assert await tables(world, child.endpoints[0].id) == NOW


async def test_a_branch_that_was_cloned_before_a_kill_has_a_past_without_a_gap(
    home: Path, made: ProjectCreated, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parent had written on between the promise and the clone."""
    async with world_in(home) as world:
        await tables(world, made.endpoint.id)
        builder = world.service._shop.builder
        copy_head = builder._copy_head

        async def copy_later(source: Branch, work: BranchFolder) -> int:
            for _ in range(3):
                await world.ask(made.endpoint.id, "SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")
            return await copy_head(source, work)

        dead = asyncio.Event()

        async def land_and_die(*arguments: Any) -> None:
            await build_branch(*arguments)
            dead.set()
            raise Killed

        monkeypatch.setattr(builder, "_copy_head", copy_later)
        monkeypatch.setattr("dormouse.control.building.build_branch", land_and_die)
        compute = NewEndpoint(type=EndpointType.READ_WRITE)
        wanted = BranchSpec(name="dev", endpoints=(compute,))
        promised = await world.service.branches.create(made.project.id, wanted)
        await until_dead(dead)
        monkeypatch.undo()

    async with world_in(home) as world:
        await settled(world)
        (child,) = promised.endpoints
        await world.ask(child.id, "CREATE TABLE own ()")
        ((own,),) = await world.ask(child.id, "SELECT pg_current_wal_insert_lsn()::text")
        await world.ask(child.id, "DROP TABLE own, later")
        for lsn, expected in ((then, THEN), (own, [(["kept", "later", "own"],)])):
            look = BranchSpec(parent_id=promised.branch.id, point=AtLsn(parse_lsn(lsn)), endpoints=(compute,))
            seen = await world.service.branches.create(made.project.id, look)
            assert await tables(world, seen.endpoints[0].id) == expected
            await settled(world)
