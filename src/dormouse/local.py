"""What this platform says of itself, and how all of it is thrown away: what HTTP serves below `/_local`."""

import asyncio
import platform
import shutil
import signal
from collections.abc import Callable
from importlib.metadata import version

from dormouse.api.local import Diagnosis, FaultInForce, FaultRequest, FaultsInForce, PostgresFound
from dormouse.compute.binaries import default_of
from dormouse.compute.lifecycle import ComputeState
from dormouse.config import Settings
from dormouse.control.catalog import Catalog
from dormouse.control.lags import Lags
from dormouse.control.machine import Machine
from dormouse.control.service import Service
from dormouse.control.telling import Profile
from dormouse.errors import NotFound, RuleViolation
from dormouse.metrics import CONTENT_TYPE, Measured, PoolWaits, Traffic, Wakes, exposition

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
        self.traffic: Callable[[], Traffic] = Traffic
        """What passed the proxy. Given, like the rest here, by whoever has one."""
        self.set_fault: Callable[[FaultRequest], FaultsInForce] = lambda _fault: FaultsInForce(faults=())
        self.faults_in_force: Callable[[], tuple[FaultInForce, ...]] = tuple

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
            operations=self.operations_profile,
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

    async def metrics(self) -> tuple[bytes, str]:
        """What is measured, as Prometheus reads it, and the type of that text."""
        computes = self._service.computes
        lags = await Lags(computes).of(self._catalog.endpoints.values())
        waits = await computes.poolers.waits()
        measured = Measured(
            traffic=self.traffic(),
            wakes=Wakes(
                buckets=computes.wakes.buckets(), total_s=computes.wakes.total_s, failures=computes.wakes.failures
            ),
            computes={state.value: count for state, count in computes.states().items()},
            pools={each: PoolWaits(clients=clients, longest_s=s) for each, (clients, s) in waits.items()},
            lags={each: (lag.lag_bytes, lag.lag_ms / 1000) for each, lag in lags.items()},
            projects=len(await self._service.projects.all()),
            branches=len(self._catalog.branches),
            disk_free_bytes=shutil.disk_usage(self._machine.layout.home).free,
        )
        return await asyncio.to_thread(exposition, measured), CONTENT_TYPE

    async def cause(self, fault: FaultRequest) -> FaultsInForce:
        """Let something go wrong on purpose; what does from now on. Raises NotFound, RuleViolation."""
        if fault.endpoint is None:
            return self.set_fault(fault)
        endpoint = self._catalog.endpoints.get(fault.endpoint)
        if endpoint is None:
            raise NotFound("endpoint not found")
        compute = self._service.computes.of(endpoint)
        match fault.kind:
            case "suspend":
                await self._service.computes.sleep(compute)
            case "kill" if compute.state is not ComputeState.READY:
                raise RuleViolation(
                    f"the compute {endpoint.id} is {compute.state}, so that there is nothing to kill"
                )
            case "kill":
                compute.server.postmaster.send(signal.SIGKILL)
                await compute.server.postmaster.exited.wait()
            case _:
                return self.set_fault(fault)
        return await self.faults()

    async def faults(self) -> FaultsInForce:
        """What goes wrong on purpose now."""
        return FaultsInForce(faults=self.faults_in_force())

    async def reset(self) -> int:
        """Delete all projects for good, those that wait to be recovered too; how many there were."""
        return await self._service.remove_everything()

    @property
    def operations_profile(self) -> Profile:
        """When operations are said to have ended."""
        return self._service.profile

    async def follow(self, profile: Profile) -> None:
        """Say from now on, and until the platform stops, by this profile when operations have ended."""
        await self._service.follow(profile)

    async def finish_operations(self) -> int:
        """Say of all operations that have ended that they have; how many there were."""
        return await self._service.finish_operations()
