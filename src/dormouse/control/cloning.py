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
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg

from dormouse.compute.server import connect_as_admin, prepare_folder
from dormouse.compute.wal import parse_lsn
from dormouse.control.history import land_base, link_segments, newest_base
from dormouse.control.machine import Machine
from dormouse.errors import StorageError
from dormouse.storage.driver import is_wanted_in_clone
from dormouse.storage.durable import rename_durably, storage_error, sync_tree, write_atomically
from dormouse.storage.layout import BranchFolder

__all__ = [
    "build_branch",
    "clone_standby",
    "copy_running",
    "copy_sleeping",
    "keep_running_as_base",
    "prepare_work",
]


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
        await asyncio.to_thread(_anew, machine, work)
        await _backup(machine, socket_dir, source, work)
        await asyncio.to_thread(land)


async def build_branch(
    machine: Machine, target: BranchFolder, fill: Callable[[BranchFolder], Awaitable[None]]
) -> bool:
    """Make the folder of a branch: `fill` puts the data and whatever else there is into an empty one beside it.

    False if `target` was there already: it got its name when it was whole. As `clone_standby`.
    """
    if await asyncio.to_thread(target.root.is_dir):
        return False
    work = BranchFolder(machine.layout.building / f"branch-{target.root.name}")
    with _cleaned_up(machine, work.root, "clone the parent"):
        await asyncio.to_thread(prepare_work, machine, work)
        await fill(work)
        await asyncio.to_thread(_land, machine, work.root, target.root)
    return True


def prepare_work(machine: Machine, work: BranchFolder) -> None:
    """Make the folders of an incarnation that is to be, empty but for that. Blocks."""
    shutil.rmtree(work.root, ignore_errors=True)
    for made in (work.root, work.wal, work.bases, work.replicas):
        prepare_folder(made, machine.owner)


async def copy_running(
    machine: Machine, *, socket_dir: Path, source: BranchFolder, work: BranchFolder, over: Path | None = None
) -> int:
    """Make `work.data` of the running primary of `source`; returns the position at which the two part.

    The stop of the backup switches to a new segment. So the ones before are finished, and both may have them: the
    branch goes on in the next. If `work` has data already, that is a clone of `over`.
    """
    begin, end = await _backup(machine, socket_dir, source.data, work.root, over=over)

    def take_wal() -> None:
        for path in link_segments(source, parse_lsn(begin), parse_lsn(end), work.wal):
            os.link(path, work.data / "pg_wal" / path.name)

    await asyncio.to_thread(take_wal)
    return parse_lsn(end)


def copy_sleeping(machine: Machine, source: BranchFolder, work: BranchFolder, *, over: Path | None = None) -> None:
    """Make `work.data` of that of `source`, which no server has and none gets meanwhile: the caller sees to it.

    As `copy_running`.
    """
    _copy(machine, source.data, work.root, running=False, over=over)


async def keep_running_as_base(
    machine: Machine, *, socket_dir: Path, folder: BranchFolder, stop: threading.Event
) -> None:
    """Keep the data of a running primary as a base of its past. Raises CloneStopped soon after `stop` is set."""
    work = machine.layout.building / f"base-{folder.root.name}"
    with _cleaned_up(machine, work, "keep a base of the past"):
        await asyncio.to_thread(_anew, machine, work)
        newest = await asyncio.to_thread(newest_base, folder)
        like = None if newest is None else newest.path
        _, end = await _backup(machine, socket_dir, folder.data, work, like=like, stop=stop)
        await asyncio.to_thread(land_base, machine, work / "data", folder, parse_lsn(end))


async def _backup(
    machine: Machine,
    socket_dir: Path,
    source: Path,
    work: Path,
    *,
    like: Path | None = None,
    over: Path | None = None,
    stop: threading.Event | None = None,
) -> tuple[str, str]:
    """Copy `source` to `work/data` with its label; returns the LSNs from which and to which to replay."""
    async with await connect_as_admin(socket_dir, "postgres") as connection:
        # The backup lasts as long as this connection: closing it without a stop ends it.
        await connection.execute("SELECT pg_backup_start('clone', fast => true)")
        await asyncio.to_thread(_copy, machine, source, work, running=True, like=like, over=over, stop=stop)
        cursor = await connection.execute("SELECT lsn, labelfile FROM pg_backup_stop(wait_for_archive => false)")
        row = await cursor.fetchone()
    if row is None:
        raise StorageError("the server ended the backup without a label")
    end, label = row
    # Whoever gives the copy its place syncs all of it.
    await asyncio.to_thread(
        write_atomically, work / "data" / "backup_label", label, owner=machine.owner, durably=False
    )
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


def _anew(machine: Machine, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    prepare_folder(work, machine.owner)


def _copy(
    machine: Machine,
    source: Path,
    work: Path,
    *,
    running: bool,
    like: Path | None = None,
    over: Path | None = None,
    stop: threading.Event | None = None,
) -> None:
    wanted = partial(is_wanted_in_clone, running=running)
    machine.driver.clone(
        source, work / "data", owner=machine.owner, wanted=wanted, like=like, over=over, stop=stop
    )


def _land(machine: Machine, work: Path, target: Path) -> None:
    sync_tree(work)
    target.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    if machine.owner is not None and target.parent.name == "replicas":
        os.chown(target.parent, *machine.owner)
    rename_durably(work, target)
