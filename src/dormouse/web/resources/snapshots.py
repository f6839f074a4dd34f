"""`…/snapshots`: states of root branches under names, and when they are made by themselves."""

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.plane import ControlPlane
from dormouse.web import reading, rendering
from dormouse.web.answers import answer
from dormouse.web.past_requests import (
    BackupScheduleBody,
    SnapshotQuery,
    SnapshotRestoreBody,
    SnapshotRestoreQuery,
    SnapshotUpdateBody,
)
from dormouse.web.rendering import Rendering
from dormouse.web.route_table import ApiRoute, text

__all__ = ["Snapshots"]


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The requests about snapshots."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/snapshots"
        one = all_of_them + "/{snapshot_id}"
        branch = "/projects/{project_id}/branches/{branch_id}"
        which = (text("name"), text("lsn"), text("timestamp"), text("expires_at"))
        return [
            ApiRoute(method="GET", path=all_of_them, handler=self.index),
            ApiRoute(method="POST", path=f"{branch}/snapshot", handler=self.create, query=which),
            ApiRoute(method="PATCH", path=one, handler=self.update, body=SnapshotUpdateBody),
            ApiRoute(method="DELETE", path=one, handler=self.delete, status=202),
            ApiRoute(
                method="POST",
                path=f"{one}/restore",
                handler=self.restore,
                body=SnapshotRestoreBody,
                body_required=False,
                query=(text("name"),),
            ),
            ApiRoute(method="GET", path=f"{branch}/backup_schedule", handler=self.schedule),
            ApiRoute(
                method="PUT", path=f"{branch}/backup_schedule", handler=self.set_schedule, body=BackupScheduleBody
            ),
        ]

    async def index(self, request: Request) -> Response:
        """The snapshots of a project."""
        snapshots = await self.plane.snapshots.all(reading.project_id(request))
        return answer(bodies.Snapshots(snapshots=tuple(map(rendering.snapshot, snapshots))))

    async def create(self, request: Request) -> Response:
        """A snapshot of a root branch as it is, or was at a point of its past."""
        asked = reading.query_of(request, SnapshotQuery)
        made, operations = await self.plane.snapshots.create(
            reading.project_id(request), reading.branch_id(request), asked.spec()
        )
        return answer(
            bodies.SnapshotCreated(
                snapshot=rendering.snapshot(made), operations=self.rendering.operations(operations)
            )
        )

    async def update(self, request: Request) -> Response:
        """Another name, another time to go."""
        asked = await reading.body_of(request, SnapshotUpdateBody)
        changed = await self.plane.snapshots.update(
            reading.project_id(request), reading.snapshot_id(request), asked.change()
        )
        return answer(bodies.SnapshotAnswer(snapshot=rendering.snapshot(changed)))

    async def delete(self, request: Request) -> Response:
        """It goes; branches that were made from it stay."""
        operations = await self.plane.snapshots.delete(reading.project_id(request), reading.snapshot_id(request))
        return answer(bodies.Operations(operations=self.rendering.operations(operations)), 202)

    async def restore(self, request: Request) -> Response:
        """A new branch with the snapshot's data; on request, in the place of the one that it was made of."""
        asked = await reading.body_of(request, SnapshotRestoreBody)
        name = asked.name or reading.query_of(request, SnapshotRestoreQuery).name
        project = await self.plane.projects.get(reading.project_id(request))
        branch, endpoints, operations = await self.plane.snapshots.restore(
            project.id, reading.snapshot_id(request), replace(asked.spec(), name=name)
        )
        return answer(
            bodies.SnapshotRestored(
                branch=self.rendering.branch(branch),
                endpoints=tuple(self.rendering.endpoint(each, project) for each in endpoints),
                operations=self.rendering.operations(operations),
            )
        )

    async def schedule(self, request: Request) -> Response:
        """When snapshots of a branch are made by themselves."""
        items = await self.plane.snapshots.schedule(reading.project_id(request), reading.branch_id(request))
        return answer(bodies.BackupSchedule(schedule=tuple(map(rendering.schedule_item, items))))

    async def set_schedule(self, request: Request) -> Response:
        """Make snapshots so from now on; an empty schedule makes none."""
        asked = await reading.body_of(request, BackupScheduleBody)
        await self.plane.snapshots.set_schedule(
            reading.project_id(request), reading.branch_id(request), asked.items()
        )
        return answer(bodies.Empty())
