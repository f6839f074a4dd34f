"""Making a data directory from another one, without disturbing whoever uses that.

From a running server the manual's way (26.3.3): between `pg_backup_start` and `pg_backup_stop` files may be
copied while they change, and the label that the stop returns says from where to replay. A standby gets the
WAL from its primary; a branch, which is on its own from then on, takes it along. A directory that no server
has is copied as it is.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from dormouse.compute.conf import WAL_SEGMENT_BYTES
from dormouse.compute.server import connect_as_admin, prepare_folder
from dormouse.compute.wal import parse_lsn, segment_names
from dormouse.control.machine import Machine
from dormouse.errors import StorageError
from dormouse.storage.driver import is_wanted_in_clone
from dormouse.storage.durable import rename_durably, storage_error, sync_tree, write_atomically
from dormouse.storage.layout import BranchFolder

__all__ = ["clone_running_branch", "clone_sleeping_branch", "clone_standby"]


async def clone_standby(machine: Machine, *, socket_dir: Path, source: Path, target: Path) -> None:
    """Clone the running primary of `source` to `target`, as a standby that was never started.

    Does nothing if `target` is there already: it got its name when it was whole.
    Raises StorageError; then nothing is at `target`.
    """
    if await asyncio.to_thread(target.is_dir):
        return
    work = machine.layout.building / f"replica-{target.parent.name}"

    def land() -> None:
        write_atomically(work / "data" / "standby.signal", "", owner=machine.owner)
        _land(machine, work, target.parent)

    with _cleaned_up(machine, work, "clone the primary"):
        await _backup(machine, socket_dir, source, work)
        await asyncio.to_thread(land)


async def clone_running_branch(
    machine: Machine, *, socket_dir: Path, source: BranchFolder, target: BranchFolder
) -> str:
    """Clone the running primary of `source` to `target`, and return the LSN at which the two part.

    As `clone_standby`; "" if `target` was there already.
    """
    if await asyncio.to_thread(target.root.is_dir):
        return ""
    work = machine.layout.building / f"branch-{target.root.name}"
    with _cleaned_up(machine, work, "clone the parent"):
        begin, end = await _backup(machine, socket_dir, source.data, work)

        def land() -> None:
            for name in segment_names(parse_lsn(begin), parse_lsn(end), WAL_SEGMENT_BYTES):
                _take_segment(machine, source, work, name)
            _make_branch_folders(machine, work)
            _land(machine, work, target.root)

        await asyncio.to_thread(land)
    return end


async def clone_sleeping_branch(machine: Machine, *, source: BranchFolder, target: BranchFolder) -> None:
    """Clone the data directory of `source`, which no server has and none gets meanwhile: the caller sees to it.

    As `clone_standby`.
    """
    if await asyncio.to_thread(target.root.is_dir):
        return
    work = machine.layout.building / f"branch-{target.root.name}"

    def copy() -> None:
        _copy(machine, source.data, work, running=False)
        _make_branch_folders(machine, work)
        _land(machine, work, target.root)

    with _cleaned_up(machine, work, "clone the parent"):
        await asyncio.to_thread(copy)


async def _backup(machine: Machine, socket_dir: Path, source: Path, work: Path) -> tuple[str, str]:
    """Copy `source` to `work/data` with its label; returns the LSNs from which and to which to replay."""
    async with await connect_as_admin(socket_dir, "postgres") as connection:
        # The backup lasts as long as this connection: closing it without a stop ends it.
        await connection.execute("SELECT pg_backup_start('clone', fast => true)")
        await asyncio.to_thread(_copy, machine, source, work, running=True)
        cursor = await connection.execute("SELECT lsn, labelfile FROM pg_backup_stop(wait_for_archive => false)")
        row = await cursor.fetchone()
    if row is None:
        raise StorageError("the server ended the backup without a label")
    end, label = row
    await asyncio.to_thread(write_atomically, work / "data" / "backup_label", label, owner=machine.owner)
    # START WAL LOCATION: 0/2000028 (file 000000010000000000000020)
    begin = label.split("START WAL LOCATION: ", 1)[1].split(" ", 1)[0]
    return begin, end


@contextlib.contextmanager
def _cleaned_up(machine: Machine, work: Path, doing: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StorageError(f"the server ended the backup that a clone is made from: {error}") from error
    except OSError as error:
        raise storage_error(error, doing, machine.layout.home) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _copy(machine: Machine, source: Path, work: Path, *, running: bool) -> None:
    shutil.rmtree(work, ignore_errors=True)
    prepare_folder(work, machine.owner)
    wanted: Callable[[Path], bool] = lambda path: not path.parts or is_wanted_in_clone(path, running=running)  # noqa: E731
    machine.driver.clone(source, work / "data", owner=machine.owner, wanted=wanted)


def _take_segment(machine: Machine, source: BranchFolder, work: Path, name: str) -> None:
    """From where the server has it, or from the archive if it was removed there meanwhile."""
    target = work / "data" / "pg_wal" / name
    try:
        shutil.copyfile(source.data / "pg_wal" / name, target)
    except FileNotFoundError:
        shutil.copyfile(source.wal / name, target)
    target.chmod(0o600)
    if machine.owner is not None:
        os.chown(target, *machine.owner)


def _make_branch_folders(machine: Machine, work: Path) -> None:
    folder = BranchFolder(work)
    for made in (folder.wal, folder.bases, folder.replicas):
        prepare_folder(made, machine.owner)


def _land(machine: Machine, work: Path, target: Path) -> None:
    sync_tree(work)
    target.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    if machine.owner is not None and target.parent.name == "replicas":
        os.chown(target.parent, *machine.owner)
    rename_durably(work, target)
