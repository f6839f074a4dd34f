"""Projects: made with all that belongs to them, taken away for a week, then for good."""

from dataclasses import replace

from dormouse.compute.binaries import choose
from dormouse.control.changes import Delete, Put, Record
from dormouse.control.model import (
    Permission,
    Project,
    ProjectChange,
    ProjectCreated,
    ProjectSpec,
    StoredVerifier,
    whole_second,
)
from dormouse.control.plane import Ops
from dormouse.control.planning import Plan, PlanKind
from dormouse.control.rules import may_delete_project, may_have_another_project
from dormouse.control.workshop import Workshop
from dormouse.errors import Conflict, NotFound, PostgresNotFound, RuleViolation
from dormouse.names import ProjectId, new_operation_id
from dormouse.wire.scram import build_verifier

__all__ = ["Projects"]


class Projects:
    """See `plane.Projects`."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog

    async def create(self, spec: ProjectSpec) -> ProjectCreated:
        """With its branch, role, database and primary; the compute starts meanwhile."""
        shop = self._shop
        try:
            postgres = choose(shop.machine.installed, spec.pg_version)
        except PostgresNotFound as error:
            raise RuleViolation(error.message, error.hint) from error
        await shop.computes.parameters.check(postgres.major, spec.endpoint_defaults.pg_settings)
        may_have_another_project(shop.quotas, self._catalog.projects.values())
        (database_id,) = self._catalog.new_database_ids()
        made = shop.maker().project(spec, pg_version=postgres.major, database_id=database_id)
        plan = Plan(
            id=made.operations[0].id,
            kind=PlanKind.CREATE_PROJECT,
            project_id=made.project.id,
            branch_id=made.branch.id,
            endpoint_id=made.endpoint.id,
        )
        verifier = StoredVerifier(
            branch_id=made.branch.id,
            role=made.role.name,
            verifier=build_verifier(made.role.password or "", shop.machine.chance.randbytes(16)),
        )
        kept = made.role if spec.store_passwords else replace(made.role, password=None)
        records: list[Record] = [made.project, made.branch, made.endpoint, kept, made.database, verifier]
        async with shop.changing(made.project.id):
            await self._catalog.put(*records, *made.operations, plan)
            await shop.carrier.carry_out(plan)
        first = await self._catalog.operation(plan.id)
        return replace(
            made,
            branch=self._catalog.branches[made.branch.id],
            endpoint=await shop.starting(made.operations[1], then=lambda: shop.spares.refill(postgres)),
            operations=(first or made.operations[0], made.operations[1]),
        )

    async def all(self, *, recoverable: bool = False) -> list[Project]:
        """Those that are there, oldest first; or those that were deleted and can be recovered."""
        return [
            project
            for project in self._catalog.projects.values()
            if (project.deleted_at is not None) is recoverable
        ]

    async def get(self, project: ProjectId) -> Project:
        """One that is there."""
        return self._shop.project(project)

    async def update(self, project: ProjectId, change: ProjectChange) -> tuple[Project, Ops]:
        """Change what was given; its computes keep the settings that they were made with."""
        if change.default_endpoint_settings is not None:
            major = self._shop.project(project).pg_version
            usual = change.default_endpoint_settings.pg_settings
            await self._shop.computes.parameters.check(major, usual)
        async with self._shop.changing(project):
            found = self._shop.project(project)
            settings = change.settings or found.settings
            if found.settings.enable_logical_replication and not settings.enable_logical_replication:
                raise RuleViolation("logical replication cannot be disabled once it is enabled")
            kept = change.history_retention_seconds
            changed = replace(
                found,
                name=change.name or found.name,
                history_retention_seconds=found.history_retention_seconds if kept is None else kept,
                settings=settings,
                default_endpoint_settings=change.default_endpoint_settings or found.default_endpoint_settings,
                updated_at=whole_second(self._shop.machine.now()),
            )
            await self._catalog.put(changed)
        return changed, ()

    async def delete(self, project: ProjectId) -> Project:
        """Take it away for seven days, then for good."""
        async with self._shop.changing(project, whole=True):
            found = self._shop.project(project)
            may_delete_project(self._shop.branches(project))
            deleted = replace(found, deleted_at=whole_second(self._shop.machine.now()))
            await self._catalog.put(deleted)
            # Nobody can wake them any more: the gate knows none of a deleted project.
            for endpoint in [e for e in self._catalog.endpoints.values() if e.project_id == project]:
                await self._shop.computes.sleep(self._shop.computes.of(endpoint))
        return deleted

    async def recover(self, project: ProjectId) -> Project:
        """Bring a deleted one back with all that it had."""
        async with self._shop.changing(project):
            found = self._catalog.projects.get(project)
            if found is None or found.deleted_at is None:
                raise NotFound("project not found")
            recovered = replace(found, deleted_at=None, updated_at=whole_second(self._shop.machine.now()))
            await self._catalog.put(recovered)
        return recovered

    async def remove_for_good(self, project: ProjectId) -> None:
        """With its data. For the sweeper, and whoever resets a platform."""
        plan = Plan(
            id=new_operation_id(self._shop.machine.chance), kind=PlanKind.REMOVE_PROJECT, project_id=project
        )
        async with self._shop.changing(project, whole=True):
            await self._catalog.put(plan)
            await self._shop.carrier.carry_out(plan)

    async def permissions(self, project: ProjectId) -> list[Permission]:
        """Whom it is shared with, oldest first."""
        self._shop.project(project)
        return [found for found in self._catalog.permissions.values() if found.project_id == project]

    async def grant(self, project: ProjectId, email: str) -> Permission:
        """Share it."""
        async with self._shop.changing(project):
            if any(found.granted_to_email == email for found in await self.permissions(project)):
                raise Conflict("permission already exists")
            made = Permission(
                id=new_operation_id(self._shop.machine.chance),
                project_id=project,
                granted_to_email=email,
                granted_at=whole_second(self._shop.machine.now()),
            )
            await self._catalog.commit(lambda: [Put(made)])
        return made

    async def revoke(self, project: ProjectId, permission: str) -> Permission:
        """Share it no longer."""
        async with self._shop.changing(project):
            self._shop.project(project)
            found = self._catalog.permissions.get(permission)
            if found is None or found.project_id != project:
                raise NotFound("permission not found")
            await self._catalog.commit(lambda: [Delete(found)])
        return found
