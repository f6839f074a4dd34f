"""A plan that fails is taken back; what cannot be taken back either, while the trouble lasts, is tried again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fix_world import folders, settled, world_in

from dormouse.control import carrying
from dormouse.control.carrying import Carrier
from dormouse.control.model import BranchSpec, BranchState, ProjectCreated
from dormouse.control.planning import Plan, Step
from dormouse.errors import StorageError

# A kill closes no connection, and each one that was open says so when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


async def test_a_project_is_free_again_soon_after_the_trouble_is_over(
    home: Path, made: ProjectCreated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "_TRY_AGAIN_SOON_S", 0.01)
    async with world_in(home) as world:
        carrier: Any = world.service._shop.carrier
        failed: list[Step] = []
        trouble = asyncio.Event()

        async def fail(step: Step, plan: Plan) -> None:
            if len(failed) < 4 and step in (Step.CLONE_BRANCH, Step.REMOVE_BRANCH_FOLDER):
                failed.append(step)
                raise StorageError("the disk is gone")
            if failed:
                trouble.set()
            await Carrier._do(carrier, step, plan)

        carrier._do = fail
        promised = await world.service.branches.create(made.project.id, BranchSpec(name="dev"))
        async with asyncio.timeout(30):
            await trouble.wait()
        await settled(world)

        assert failed == [Step.CLONE_BRANCH, *3 * [Step.REMOVE_BRANCH_FOLDER]]
        assert set(world.catalog.branches) == {made.branch.id} == folders(home)
        told = await world.catalog.operation(promised.operations[0].id)
        assert told is not None
        assert (told.status, told.error) == ("failed", "the disk is gone")
        again = await world.service.branches.create(made.project.id, BranchSpec(name="dev"))
        await settled(world)
        assert world.catalog.branches[again.branch.id].state is BranchState.READY
