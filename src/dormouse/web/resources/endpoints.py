"""`…/endpoints`: the computes of a project, or of one branch."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.model import Endpoint
from dormouse.control.plane import ControlPlane, Ops
from dormouse.names import ProjectId
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.errors import NotYet
from dormouse.web.rendering import Rendering
from dormouse.web.requests import EndpointCreateBody, EndpointUpdateBody
from dormouse.web.route_table import ApiRoute

__all__ = ["Endpoints"]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The requests about computes."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/endpoints"
        of_branch = "/projects/{project_id}/branches/{branch_id}/endpoints"
        one = all_of_them + "/{endpoint_id}"
        return [
            ApiRoute(method="GET", path=all_of_them, handler=self.index),
            ApiRoute(method="POST", path=all_of_them, handler=self.create, status=201, body=EndpointCreateBody),
            ApiRoute(method="GET", path=of_branch, handler=self.of_branch),
            ApiRoute(method="GET", path=one, handler=self.show),
            ApiRoute(method="PATCH", path=one, handler=self.update, body=EndpointUpdateBody),
            ApiRoute(method="DELETE", path=one, handler=self.delete),
            ApiRoute(method="POST", path=f"{one}/start", handler=self.start),
            ApiRoute(method="POST", path=f"{one}/suspend", handler=self.suspend),
            ApiRoute(method="POST", path=f"{one}/restart", handler=self.restart),
        ]

    async def index(self, request: Request) -> Response:
        """The endpoints of a project."""
        project = reading.project_id(request)
        return await self._list(project, await self.plane.endpoints.all(project))

    async def of_branch(self, request: Request) -> Response:
        """The endpoints of a branch."""
        project = reading.project_id(request)
        return await self._list(project, await self.plane.endpoints.of_branch(project, reading.branch_id(request)))

    async def create(self, request: Request) -> Response:
        """A new compute; it starts at once, as Neon's do."""
        asked = await reading.body_of(request, EndpointCreateBody)
        project = await self.plane.projects.get(reading.project_id(request))
        made = await self.plane.endpoints.create(project.id, asked.spec(project.default_endpoint_settings))
        return await self._changed(project.id, *made, status=201)

    async def show(self, request: Request) -> Response:
        """One endpoint."""
        project = await self.plane.projects.get(reading.project_id(request))
        endpoint = await self.plane.endpoints.get(project.id, reading.endpoint_id(request))
        lag = (await self.plane.endpoints.lags([endpoint])).get(endpoint.id)
        return answer(bodies.EndpointAnswer(endpoint=self.rendering.endpoint(endpoint, project, lag)))

    async def update(self, request: Request) -> Response:
        """Another name, other sizes, another time to sleep."""
        asked = await reading.body_of(request, EndpointUpdateBody)
        project = reading.project_id(request)
        endpoint = await self.plane.endpoints.get(project, reading.endpoint_id(request))
        if asked.endpoint.branch_id not in (None, endpoint.branch_id):
            raise NotYet("moving an endpoint to another branch")
        return await self._changed(
            project, *await self.plane.endpoints.update(project, endpoint.id, asked.change(endpoint))
        )

    async def delete(self, request: Request) -> Response:
        """The endpoint as it was; its clients are cut off."""
        project = reading.project_id(request)
        return await self._changed(
            project, *await self.plane.endpoints.delete(project, reading.endpoint_id(request))
        )

    async def start(self, request: Request) -> Response:
        """Wake it."""
        project = reading.project_id(request)
        return await self._changed(
            project, *await self.plane.endpoints.start(project, reading.endpoint_id(request))
        )

    async def suspend(self, request: Request) -> Response:
        """Put it to sleep."""
        project = reading.project_id(request)
        return await self._changed(
            project, *await self.plane.endpoints.suspend(project, reading.endpoint_id(request))
        )

    async def restart(self, request: Request) -> Response:
        """Put it to sleep and wake it again."""
        project = reading.project_id(request)
        return await self._changed(
            project, *await self.plane.endpoints.restart(project, reading.endpoint_id(request))
        )

    async def _list(self, project_id: ProjectId, endpoints: list[Endpoint]) -> Response:
        project = await self.plane.projects.get(project_id)
        lags = await self.plane.endpoints.lags(endpoints)
        shown = tuple(self.rendering.endpoint(each, project, lags.get(each.id)) for each in endpoints)
        return answer(bodies.Endpoints(endpoints=shown))

    async def _changed(
        self, project_id: ProjectId, endpoint: Endpoint, operations: Ops, *, status: int = 200
    ) -> Response:
        project = await self.plane.projects.get(project_id)
        changed = bodies.EndpointChanged(
            endpoint=self.rendering.endpoint(endpoint, project), operations=self.rendering.operations(operations)
        )
        return answer(changed, status)
