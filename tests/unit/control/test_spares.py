"""Spares from a template that is there already; making one takes a server."""

import asyncio
import errno
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dormouse.compute.binaries import Postgres
from dormouse.compute.control_file import ControlData
from dormouse.compute.label import replays_from
from dormouse.compute.template import template_key
from dormouse.control.history import bases_of, link_history
from dormouse.control.machine import Machine
from dormouse.control.spares import Spares
from dormouse.errors import StorageError
from dormouse.names import BranchId, Incarnation, ProjectId
from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import Usage
from dormouse.storage.layout import BranchFolder, Layout

CONTROL = ControlData(state="shut down", checkpoint=0x7ED480, redo=0x7ED480)
POSTGRES = Postgres(bin=Path("/nonexistent"), version="18.4", source="bundled")


class FullDisk(CopyDriver):
    """Fails half way."""

    def clone(self, source: Path, target: Path, **_options: object) -> Usage:
        target.mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")


def machine_in(home: Path, driver: CopyDriver) -> Machine:
    layout = Layout(home)
    template = layout.templates / template_key(POSTGRES)
    template.mkdir(parents=True)
    (template / "PG_VERSION").write_text("18\n")
    (template / "global").mkdir()
    (template / "global" / "pg_control").write_bytes(b"control")
    (template / "pg_wal").mkdir()
    (template / "pg_wal" / "000000010000000000000007").touch()
    for folder in (layout.spares, layout.building, layout.projects):
        folder.mkdir()
    return Machine(
        layout=layout,
        installed=(POSTGRES,),
        account=None,
        driver=driver,
        sockets=home / "s",
        chance=random.Random(1),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def driver() -> CopyDriver:
    return CopyDriver()


@pytest.fixture
def machine(tmp_path: Path, driver: CopyDriver) -> Machine:
    return machine_in(tmp_path / "100% o'clock ☃", driver)


@pytest.fixture
async def spares(machine: Machine) -> AsyncIterator[Spares]:
    async with asyncio.TaskGroup() as group:
        yield Spares(machine, group.create_task, control_of=lambda _, __: CONTROL)


def branch(machine: Machine, name: str = "br-a") -> BranchFolder:
    return machine.layout.branch(ProjectId("p"), BranchId(name), Incarnation("0f"))


def waiting(machine: Machine) -> list[Path]:
    return list(machine.layout.spares.glob("*/*"))


async def refilled(spares: Spares, machine: Machine) -> None:
    """Return when whoever makes it is done, which is a little after its folder is there."""
    before = asyncio.all_tasks()
    spares.refill(POSTGRES)
    await asyncio.wait_for(asyncio.gather(*asyncio.all_tasks() - before), 10)
    assert waiting(machine)


async def test_a_branch_gets_a_whole_folder(spares: Spares, machine: Machine) -> None:
    folder = branch(machine)

    await spares.take(POSTGRES, folder)

    assert (folder.data / "PG_VERSION").read_text() == "18\n"
    assert all(below.is_dir() for below in (folder.wal, folder.bases, folder.replicas))
    assert list(machine.layout.building.iterdir()) == []


async def test_its_past_begins_with_the_template(spares: Spares, machine: Machine) -> None:
    folder = branch(machine)

    await spares.take(POSTGRES, folder)

    (base,) = folder.bases.iterdir()
    template = machine.layout.templates / template_key(POSTGRES)
    assert base.name == "00000000007ED480"
    assert replays_from((base / "backup_label").read_text()) == CONTROL.redo
    assert (base / "PG_VERSION").samefile(template / "PG_VERSION")
    # A base has no WAL, and no server ever gets it; its data is written to.
    assert list((base / "pg_wal").iterdir()) == []
    assert (folder.data / "pg_wal" / "000000010000000000000007").exists()
    assert not (folder.data / "PG_VERSION").samefile(template / "PG_VERSION")


async def test_a_spare_that_waits_is_the_one_that_is_taken(spares: Spares, machine: Machine) -> None:
    await refilled(spares, machine)
    (spare,) = waiting(machine)
    (spare / "data" / "mark").touch()

    await spares.take(POSTGRES, branch(machine))

    assert (branch(machine).data / "mark").exists()
    assert waiting(machine) == []


async def test_taking_again_leaves_what_is_there(spares: Spares, machine: Machine) -> None:
    await spares.take(POSTGRES, branch(machine))
    (branch(machine).data / "mark").touch()

    await spares.take(POSTGRES, branch(machine))

    assert (branch(machine).data / "mark").exists()


async def test_two_who_take_at_once_get_two(spares: Spares, machine: Machine) -> None:
    await refilled(spares, machine)

    await asyncio.gather(*(spares.take(POSTGRES, branch(machine, name)) for name in ("br-a", "br-b")))

    assert all((branch(machine, name).data / "PG_VERSION").exists() for name in ("br-a", "br-b"))


async def test_one_spare_is_enough(spares: Spares, machine: Machine) -> None:
    await refilled(spares, machine)
    before = waiting(machine)

    await refilled(spares, machine)
    await spares.take(POSTGRES, branch(machine))

    assert len(before) == 1
    assert waiting(machine) == []


@pytest.mark.parametrize("driver", [FullDisk()])
async def test_a_full_disk_is_told_and_leaves_nothing_half_there(spares: Spares, machine: Machine) -> None:
    with pytest.raises(StorageError, match=r"could not make a data directory in .*: No space left on device"):
        await spares.take(POSTGRES, branch(machine))

    assert list(machine.layout.building.iterdir()) == []
    assert not branch(machine).root.exists()


@pytest.mark.parametrize("driver", [FullDisk()])
async def test_a_refill_that_fails_is_logged_and_harms_nobody(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.TaskGroup() as group:
        Spares(machine, group.create_task).refill(POSTGRES)

    assert [(record.levelname, record.action) for record in caplog.records] == [("WARNING", "spare_failed")]  # type: ignore[attr-defined]


def empty_branch(machine: Machine) -> BranchFolder:
    work = BranchFolder(machine.layout.building / "branch-0f")
    for folder in (work.root, work.wal, work.bases, work.replicas):
        folder.mkdir()
    return work


async def test_a_branch_is_made_of_a_spare_that_waits(spares: Spares, machine: Machine) -> None:
    await refilled(spares, machine)
    work = empty_branch(machine)

    template = await spares.take_waiting(POSTGRES, work)

    assert template == machine.layout.templates / template_key(POSTGRES)
    assert (work.data / "PG_VERSION").read_text() == "18\n"
    assert waiting(machine) == []
    assert bases_of(work) == [], "what a branch's past is remains to be seen"


async def test_a_branch_waits_for_a_spare_that_is_being_made(spares: Spares, machine: Machine) -> None:
    spares.refill(POSTGRES)
    await asyncio.sleep(0)
    work = empty_branch(machine)

    assert await spares.take_waiting(POSTGRES, work) == machine.layout.templates / template_key(POSTGRES)
    assert (work.data / "PG_VERSION").read_text() == "18\n"


async def test_no_spare_is_made_for_a_branch(spares: Spares, machine: Machine) -> None:
    work = empty_branch(machine)

    assert await spares.take_waiting(POSTGRES, work) is None
    assert sorted(path.name for path in work.root.iterdir()) == ["bases", "replicas", "wal"]


async def test_a_spare_is_replaced_only_where_there_was_one(spares: Spares, machine: Machine) -> None:
    spares.replace_taken(POSTGRES)
    await asyncio.sleep(0)
    assert waiting(machine) == []

    await refilled(spares, machine)
    await spares.take_waiting(POSTGRES, empty_branch(machine))
    spares.replace_taken(POSTGRES)
    async with asyncio.timeout(10):
        while not waiting(machine):
            await asyncio.sleep(0.001)


async def test_the_base_of_a_spare_is_its_own_past_if_it_is_that_of_the_parent_too(
    spares: Spares, machine: Machine
) -> None:
    parent, work = branch(machine), empty_branch(machine)
    await spares.take(POSTGRES, parent)
    await refilled(spares, machine)
    await spares.take_waiting(POSTGRES, work)

    link_history(parent, work, CONTROL.checkpoint + 1, machine.owner)

    (mine,), (theirs,) = bases_of(work), bases_of(parent)
    assert (mine.lsn, mine.replays_from) == (theirs.lsn, theirs.replays_from)
    assert [path.name for path in work.bases.iterdir()] == [mine.path.name]


async def test_the_base_of_a_spare_is_removed_where_the_parent_has_another(
    spares: Spares, machine: Machine
) -> None:
    parent, work = branch(machine), empty_branch(machine)
    await spares.take(POSTGRES, parent)
    (first,) = bases_of(parent)
    # As `keep_stopped_as_base` would have it: every base but the first has a control file of its own.
    (first.path / "global" / "pg_control").unlink()
    (first.path / "global" / "pg_control").write_bytes(b"own")
    await refilled(spares, machine)
    await spares.take_waiting(POSTGRES, work)

    link_history(parent, work, CONTROL.checkpoint + 1, machine.owner)

    (mine,) = bases_of(work)
    assert (mine.path / "global" / "pg_control").samefile(first.path / "global" / "pg_control")
    assert [path.name for path in work.bases.iterdir()] == [mine.path.name]
