"""`…/endpoints`: the computes of a project, or of one branch."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dormouse.api import bodies
from dormouse.control.model import Endpoint, Operation
from dormouse.control.service import Service
from dormouse.names import ProjectId
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.rendering import Rendering
from dormouse.web.requests import EndpointCreateBody

__all__ = ["Endpoints"]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The requests about computes."""

    service: Service
    rendering: Rendering

    def routes(self) -> list[Route]:
        """Below the API's root."""
        one = "/projects/{project_id}/endpoints/{endpoint_id}"
        return [
            Route("/projects/{project_id}/endpoints", self.index),
            Route("/projects/{project_id}/endpoints", self.create, methods=["POST"]),
            Route("/projects/{project_id}/branches/{branch_id}/endpoints", self.of_branch),
            Route(one, self.show),
            Route(f"{one}/start", self.start, methods=["POST"]),
            Route(f"{one}/suspend", self.suspend, methods=["POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """The endpoints of a project."""
        project = reading.project_id(request)
        return await self._list(project, await self.service.endpoints(project))

    async def of_branch(self, request: Request) -> Response:
        """The endpoints of a branch."""
        branch = await self.service.branch(reading.project_id(request), reading.branch_id(request))
        endpoints = await self.service.endpoints(branch.project_id)
        return await self._list(branch.project_id, [each for each in endpoints if each.branch_id == branch.id])

    async def create(self, request: Request) -> Response:
        """A new compute; it starts at once, as Neon's do."""
        asked = await reading.body_of(request, EndpointCreateBody)
        project = await self.service.project(reading.project_id(request))
        spec = asked.spec(project.default_endpoint_settings)
        endpoint, operations = await self.service.create_endpoint(project.id, spec)
        return await self._changed(project.id, endpoint, operations, status=201)

    async def show(self, request: Request) -> Response:
        """One endpoint."""
        project = await self.service.project(reading.project_id(request))
        endpoint = await self.service.endpoint(project.id, reading.endpoint_id(request))
        return answer(bodies.EndpointAnswer(endpoint=self.rendering.endpoint(endpoint, project)))

    async def start(self, request: Request) -> Response:
        """Wake it."""
        project = reading.project_id(request)
        endpoint, operations = await self.service.start_endpoint(project, reading.endpoint_id(request))
        return await self._changed(project, endpoint, operations)

    async def suspend(self, request: Request) -> Response:
        """Put it to sleep."""
        project = reading.project_id(request)
        endpoint, operations = await self.service.suspend_endpoint(project, reading.endpoint_id(request))
        return await self._changed(project, endpoint, operations)

    async def _list(self, project_id: ProjectId, endpoints: list[Endpoint]) -> Response:
        project = await self.service.project(project_id)
        return answer(
            bodies.Endpoints(endpoints=tuple(self.rendering.endpoint(each, project) for each in endpoints))
        )

    async def _changed(
        self, project_id: ProjectId, endpoint: Endpoint, operations: tuple[Operation, ...], *, status: int = 200
    ) -> Response:
        project = await self.service.project(project_id)
        changed = bodies.EndpointChanged(
            endpoint=self.rendering.endpoint(endpoint, project),
            operations=tuple(map(self.rendering.operation, operations)),
        )
        return answer(changed, status)
