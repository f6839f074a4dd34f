"""Making a replica's data directory from its running primary, without disturbing it.

The manual's way (26.3.3): between `pg_backup_start` and `pg_backup_stop` files may be copied while they
change, and the label that the stop returns says from where to replay.
"""

import asyncio
import os
import shutil
from pathlib import Path

import psycopg

from dormouse.compute.server import connect_as_admin, prepare_folder
from dormouse.control.machine import Machine
from dormouse.errors import StorageError
from dormouse.storage.driver import is_wanted_in_clone
from dormouse.storage.durable import rename_durably, storage_error, sync_tree, write_atomically

__all__ = ["clone_standby"]


async def clone_standby(machine: Machine, *, socket_dir: Path, source: Path, target: Path) -> None:
    """Clone the running primary of `source` to `target`, as a standby that was never started.

    Does nothing if `target` is there already: it got its name when it was whole.
    Raises StorageError; then nothing is at `target`.
    """
    if await asyncio.to_thread(target.is_dir):
        return
    work = machine.layout.building / f"replica-{target.parent.name}"
    try:
        async with await connect_as_admin(socket_dir, "postgres") as connection:
            # The backup lasts as long as this connection: closing it without a stop ends it.
            await connection.execute("SELECT pg_backup_start('replica', fast => true)")
            await asyncio.to_thread(_copy, machine, source, work)
            cursor = await connection.execute("SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)")
            row = await cursor.fetchone()
        await asyncio.to_thread(_finish, machine, work, target, row[0] if row else "")
    except psycopg.Error as error:
        raise StorageError(f"the primary ended the backup that a replica is made from: {error}") from error
    except OSError as error:
        raise storage_error(error, "clone the primary", machine.layout.home) from error
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


def _copy(machine: Machine, source: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    prepare_folder(work, machine.owner)
    machine.driver.clone(
        source,
        work / "data",
        owner=machine.owner,
        wanted=lambda path: not path.parts or is_wanted_in_clone(path, running=True),
    )


def _finish(machine: Machine, work: Path, target: Path, label: str) -> None:
    data = work / "data"
    write_atomically(data / "backup_label", label, owner=machine.owner)
    write_atomically(data / "standby.signal", "", owner=machine.owner)
    sync_tree(work)
    target.parent.parent.mkdir(mode=0o700, exist_ok=True)
    if machine.owner is not None:
        os.chown(target.parent.parent, *machine.owner)
    rename_durably(work, target.parent)
