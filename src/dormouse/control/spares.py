"""Data directories that wait to become projects.

Copying a template and syncing it takes a tenth of a second, and longer on a busy disk; renaming a copy that
was made before takes none. So there is one spare for each Postgres that is used, and the next is made after
one was taken.
"""

import asyncio
import logging
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from dormouse.compute.binaries import Postgres
from dormouse.compute.control_file import ControlData, read_control_data
from dormouse.compute.server import prepare_folder
from dormouse.compute.template import build_template, template_key
from dormouse.control.computes import SpawnTask
from dormouse.control.history import add_first_base, put_bases_aside
from dormouse.control.machine import Machine
from dormouse.errors import ComputeError
from dormouse.storage.durable import rename_durably, storage_error, sync_folder, sync_tree
from dormouse.storage.layout import BranchFolder

__all__ = ["Spares"]

logger = logging.getLogger("dormouse.control")


class Spares:
    """One spare for each Postgres, made when first asked for.

    `control_of` asks a data directory what it says of itself.
    """

    def __init__(
        self,
        machine: Machine,
        spawn_task: SpawnTask,
        control_of: Callable[[Postgres, Path], ControlData] = read_control_data,
    ) -> None:
        self._machine = machine
        self._spawn_task = spawn_task
        self._control_of = control_of
        self._locks: dict[str, asyncio.Lock] = {}

    async def take(self, postgres: Postgres, folder: BranchFolder) -> None:
        """Rename a spare to `folder`; does nothing if that is there already.

        Waits for one that is being made. The next one is for the caller to order, with `refill`, when the disk is
        not needed for anything more urgent. Raises StorageError or StartFailed; then nothing is at `folder`.
        """
        if folder.root.is_dir():
            return
        async with self._lock(postgres):
            spare = await self._present_or_made(postgres)
            try:
                await asyncio.to_thread(_move, spare, folder.root, self._machine.layout.home)
            except OSError as error:
                raise storage_error(error, "make a data directory", folder.root.parent) from error

    async def take_waiting(self, postgres: Postgres, work: BranchFolder) -> Path | None:
        """Rename a spare to `work`, an empty branch's folder, if one waits; returns the template of its data.

        None if none waits, nor is being made: whoever copied all that he needs beside such work would take longer
        than it. As `take`, and see `put_bases_aside`.
        """
        async with self._lock(postgres):
            layout = self._machine.layout
            try:
                found = await asyncio.to_thread(_move_waiting, layout.spares / template_key(postgres), work)
            except OSError as error:
                raise storage_error(error, "make a data directory", layout.home) from error
        return layout.templates / template_key(postgres) if found else None

    async def fill(self, postgres: Postgres, work: BranchFolder) -> None:
        """Put a data directory as a project begins with into a folder that has none yet. As `take`."""
        async with self._lock(postgres):
            template = await self._template(postgres)
        try:
            await asyncio.to_thread(self._copy_template, postgres, template, work)
        except OSError as error:
            raise storage_error(error, "make a data directory", self._machine.layout.home) from error

    def refill(self, postgres: Postgres) -> None:
        """Have a spare made in the background; a failure is logged, and met again by the next `take`."""
        self._spawn_task(self._refill(postgres))

    def replace_taken(self, postgres: Postgres) -> None:
        """As `refill`, where there has been one: a branch can do without."""
        if (self._machine.layout.spares / template_key(postgres)).is_dir():
            self.refill(postgres)

    async def _refill(self, postgres: Postgres) -> None:
        try:
            async with self._lock(postgres):
                await self._present_or_made(postgres)
        except ComputeError as error:
            logger.warning(
                "no spare data directory could be made",
                extra={"action": "spare_failed", "postgres": postgres.key, "reason": error.message},
            )

    async def _present_or_made(self, postgres: Postgres) -> Path:
        layout = self._machine.layout
        spares = layout.spares / template_key(postgres)
        for spare in sorted(spares.glob("*")) if spares.is_dir() else ():
            return spare
        template = await self._template(postgres)
        try:
            return await asyncio.to_thread(self._make, postgres, template, spares)
        except OSError as error:
            raise storage_error(error, "make a data directory", layout.home) from error

    async def _template(self, postgres: Postgres) -> Path:
        layout = self._machine.layout
        template = layout.templates / template_key(postgres)
        try:
            if not template.is_dir():
                await build_template(
                    postgres,
                    template,
                    building=layout.building,
                    socket_dir=self._machine.sockets / "template",
                    account=self._machine.account,
                )
        except OSError as error:
            raise storage_error(error, "make a data directory", layout.home) from error
        return template

    def _make(self, postgres: Postgres, template: Path, spares: Path) -> Path:
        name = secrets.token_hex(4)
        work = self._machine.layout.building / f"spare-{name}"
        try:
            folder = BranchFolder(work)
            for made in (work, folder.wal, folder.bases, folder.replicas):
                prepare_folder(made, self._machine.owner)
            self._copy_template(postgres, template, folder)
            sync_tree(work)
            spares.mkdir(mode=0o711, parents=True, exist_ok=True)
            rename_durably(work, spares / name)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return spares / name

    def _copy_template(self, postgres: Postgres, template: Path, folder: BranchFolder) -> None:
        self._machine.driver.clone(template, folder.data, owner=self._machine.owner)
        add_first_base(template, self._control_of(postgres, template), folder, self._machine)

    def _lock(self, postgres: Postgres) -> asyncio.Lock:
        return self._locks.setdefault(template_key(postgres), asyncio.Lock())


def _move_waiting(spares: Path, work: BranchFolder) -> bool:
    for spare in sorted(spares.glob("*")):
        shutil.rmtree(work.root)
        spare.rename(work.root)
        put_bases_aside(work)
        return True
    return False


def _move(spare: Path, target: Path, home: Path) -> None:
    target.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    spare.rename(target)
    # Each folder on the way may be new, and its name is safe only once the folder above was synced.
    for folder in target.parents:
        sync_folder(folder)
        if folder in (home, home / "projects"):
            break
