"""What this platform says of itself, and how all of it is thrown away: what HTTP serves below `/_local`."""

import platform
import shutil
from importlib.metadata import version

from dormouse.api.local import Diagnosis, PostgresFound
from dormouse.compute.binaries import default_of
from dormouse.config import Settings
from dormouse.control.catalog import Catalog
from dormouse.control.machine import Machine
from dormouse.control.service import Service

__all__ = ["LocalPlatform"]


class LocalPlatform:
    """One process on one machine."""

    def __init__(self, settings: Settings, machine: Machine, catalog: Catalog, service: Service) -> None:
        self._settings = settings
        self._machine = machine
        self._catalog = catalog
        self._service = service
        self.http_port = settings.http_port
        """What is listened on, once it is."""

    async def diagnose(self) -> Diagnosis:
        """On what it runs, and how much of it."""
        default = default_of(self._machine.installed)
        disk = shutil.disk_usage(self._machine.layout.home)
        return Diagnosis(
            version=version("django-dormouse"),
            python=platform.python_version(),
            postgres=tuple(
                PostgresFound(version=one.version, bin_path=str(one.bin), is_default=one is default)
                for one in self._machine.installed
            ),
            storage=self._machine.driver.name,
            home=str(self._machine.layout.home),
            disk_free_bytes=disk.free,
            disk_total_bytes=disk.total,
            bind=self._settings.bind,
            http_port=self.http_port,
            pg_port=self._service.connections.port,
            projects=len(await self._service.projects.all()),
            branches=len(self._catalog.branches),
            computes={state.value: count for state, count in self._service.computes.states().items()},
        )

    async def reset(self) -> int:
        """Delete all projects for good, those that wait to be recovered too; how many there were."""
        return await self._service.remove_everything()

    async def finish_operations(self) -> int:
        """Say of all operations that have ended that they have; how many there were."""
        return await self._service.finish_operations()
