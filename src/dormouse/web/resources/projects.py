"""`/projects`, and the connection string of one."""

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dormouse.api import bodies
from dormouse.api.records import ConnectionDetails, ConnectionParameters
from dormouse.control.model import ProjectCreated
from dormouse.control.service import Service
from dormouse.names import BranchId, EndpointId
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.paging import PROJECTS_DEFAULT_LIMIT, found, page_of_projects
from dormouse.web.rendering import Rendering
from dormouse.web.requests import ProjectCreateBody

__all__ = ["Projects"]


@dataclass(frozen=True, slots=True)
class Projects:
    """The requests about projects as a whole."""

    service: Service
    rendering: Rendering

    def routes(self) -> list[Route]:
        """Below the API's root. `shared` stands before the project of that id, which cannot be."""
        return [
            Route("/projects", self.index),
            Route("/projects/shared", self.shared),
            Route("/projects", self.create, methods=["POST"]),
            Route("/projects/{project_id}", self.show),
            Route("/projects/{project_id}/connection_uri", self.connection_uri),
        ]

    async def index(self, request: Request) -> Response:
        """A page of projects. `org_id`, `timeout` and `recoverable` mean nothing here, and are let pass."""
        limit = reading.integer(request, "limit", least=1, most=400) or PROJECTS_DEFAULT_LIMIT
        projects = found(await self.service.projects(), request.query_params.get("search", ""))
        page, cursor = page_of_projects(projects, limit=limit, cursor=request.query_params.get("cursor"))
        return answer(
            bodies.ProjectsPage(
                projects=tuple(map(self.rendering.project_in_list, page)),
                pagination=bodies.Cursor(cursor=cursor) if cursor else None,
            )
        )

    async def shared(self, _request: Request) -> Response:
        """What others share with the account: nothing. neonctl lists no project without this page."""
        return answer(bodies.ProjectsPage(projects=()))

    async def create(self, request: Request) -> Response:
        """All that came into being, with the passwords, once."""
        asked = await reading.body_of(request, ProjectCreateBody)
        made = await self.service.create_project(asked.spec())
        details = await self._connection_details(made)
        return answer(
            bodies.ProjectCreated(
                project=self.rendering.project(made.project),
                connection_uris=(details,),
                roles=(self.rendering.role(made.role, with_password=True),),
                databases=(self.rendering.database(made.database),),
                operations=tuple(map(self.rendering.operation, made.operations)),
                branch=self.rendering.branch(made.branch),
                endpoints=(self.rendering.endpoint(made.endpoint, made.project),),
            ),
            201,
        )

    async def show(self, request: Request) -> Response:
        """One project."""
        project = await self.service.project(reading.project_id(request))
        return answer(bodies.ProjectAnswer(project=self.rendering.project(project)))

    async def connection_uri(self, request: Request) -> Response:
        """A URL that libpq understands, with the password in it if the project keeps passwords."""
        branch, endpoint = request.query_params.get("branch_id"), request.query_params.get("endpoint_id")
        project = await self.service.project(reading.project_id(request))
        parameters = await self.service.connection_parameters(
            project.id,
            database=reading.required(request, "database_name"),
            role=reading.required(request, "role_name"),
            branch=BranchId(branch) if branch else None,
            endpoint=EndpointId(endpoint) if endpoint else None,
            pooled=reading.flag(request, "pooled"),
        )
        if not project.store_passwords:
            parameters = replace(parameters, password=None)
        return answer(bodies.ConnectionUri(uri=parameters.url()))

    async def _connection_details(self, made: ProjectCreated) -> ConnectionDetails:
        parameters = await self.service.connection_parameters(
            made.project.id,
            database=made.database.name,
            role=made.role.name,
            branch=made.branch.id,
            endpoint=made.endpoint.id,
        )
        return ConnectionDetails(
            # The one moment at which also a password that is not kept can be told.
            connection_uri=replace(parameters, password=made.role.password).url(),
            connection_parameters=ConnectionParameters(
                database=made.database.name,
                password=made.role.password or "",
                role=made.role.name,
                host=self.service.host(made.endpoint.id),
                pooler_host=self.service.host(made.endpoint.id, pooled=True),
            ),
        )
