"""The control plane put together: its rooms, its beginning and its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from dormouse.compute.binaries import choose
from dormouse.control.branches import Branches
from dormouse.control.catalog import Catalog
from dormouse.control.computes import Computes, SpawnTask
from dormouse.control.connections import Connections
from dormouse.control.databases import Databases
from dormouse.control.duties import duty_of
from dormouse.control.endpoints import Endpoints
from dormouse.control.gate import Gate
from dormouse.control.keys import ApiKeys
from dormouse.control.looks import Looks
from dormouse.control.machine import Machine
from dormouse.control.model import Branch, Operation
from dormouse.control.planning import PlanKind
from dormouse.control.points import Point
from dormouse.control.projects import Projects
from dormouse.control.relations import Relations
from dormouse.control.roles import Roles
from dormouse.control.rules import Quotas
from dormouse.control.schemas import Schemas
from dormouse.control.snapshots import Snapshots
from dormouse.control.statements import Statements
from dormouse.control.telling import Profile
from dormouse.control.visits import Visits
from dormouse.control.workshop import Workshop
from dormouse.errors import NotFound
from dormouse.names import OperationId, ProjectId

__all__ = ["Service"]


_LONG: Final = (
    PlanKind.CREATE_REPLICA,
    PlanKind.CREATE_BRANCH,
    PlanKind.CREATE_SCHEMA_BRANCH,
    PlanKind.RESTORE_BRANCH,
    PlanKind.CREATE_SNAPSHOT,
)
"""What may take long to be carried to its end: whoever connects to it waits, and the others need not."""


class Operations:
    """See `plane.Operations`."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop

    async def all(self, project: ProjectId) -> list[Operation]:
        """Newest first."""
        self._shop.project(project)
        return await self._shop.catalog.operations(project)

    async def get(self, project: ProjectId, operation: OperationId) -> Operation:
        """One of them."""
        self._shop.project(project)
        found = await self._shop.catalog.operation(operation)
        if found is None or found.project_id != project:
            raise NotFound("operation not found")
        return found


class Service:
    """A `plane.ControlPlane`."""

    def __init__(
        self,
        catalog: Catalog,
        machine: Machine,
        *,
        host_suffix: str,
        host_address: str | None,
        spawn_task: SpawnTask,
        quotas: Quotas | None = None,
        profile: Profile = "immediate",
    ) -> None:
        self.now = machine.now
        self.computes = Computes(catalog, machine, spawn_task, duty_of)
        self._shop = shop = Workshop(catalog, machine, self.computes, quotas or Quotas(), spawn_task, profile)
        self.rewinder = shop.rewinder
        self._looks = Looks(shop)
        self.projects = Projects(shop)
        self.branches = Branches(shop)
        self.snapshots = Snapshots(shop, self.branches)
        self.schemas = Schemas(shop, self._opened_past)
        self.statements = Statements(shop, self._looks)
        self.relations = Relations(self.statements.run)
        self.endpoints = Endpoints(shop)
        self.roles = Roles(shop)
        self.databases = Databases(shop)
        self.operations = Operations(shop)
        self.api_keys = ApiKeys(shop)
        self.connections = Connections(shop, host_suffix=host_suffix, host_address=host_address)

    async def recover(self) -> None:
        """Carry out or undo what the last run left unfinished."""
        shop = self._shop
        await shop.carrier.cancel_running()
        for plan in list(shop.catalog.plans.values()):
            if plan.kind in _LONG:
                # A clone may take long, and whoever connects to it waits.
                shop.spawn_task(shop.carrier.finish_cut_off(plan))
            else:
                await shop.carrier.finish_cut_off(plan)

    def prepare_spare(self) -> None:
        """Have the default Postgres's spare made in the background."""
        self._shop.spares.refill(choose(self._shop.machine.installed, None))

    def visits(self, gate: Gate) -> Visits:
        """Looks at the past by those whom `gate` lets in."""
        return Visits(self._shop.catalog, gate, self._looks)

    @asynccontextmanager
    async def _opened_past(self, branch: Branch, point: Point) -> AsyncIterator[Path]:
        async with self._shop.builder.opened_past(branch, point) as socket_dir:
            yield socket_dir

    async def finish_operations(self) -> int:
        """Say that all operations have ended that have; how many there were. For the profile `manual`."""
        return await self._shop.teller.release()

    @property
    def profile(self) -> Profile:
        """When operations are said to have ended."""
        return self._shop.teller.profile

    async def follow(self, profile: Profile) -> None:
        """Say from now on by this profile when operations have ended."""
        await self._shop.teller.follow(profile)

    async def remove_everything(self) -> int:
        """Delete all projects for good; how many there were."""
        projects = list(self._shop.catalog.projects)
        for project in projects:
            await self.projects.remove_for_good(project)
        return len(projects)

    async def close(self) -> None:
        """Put every compute to sleep."""
        self._shop.carrier.close()
        await self._looks.close()
        await self.computes.sleep_all()
