"""`/projects`, and the connection string of one."""

from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.plane import ControlPlane
from dormouse.names import BranchId, EndpointId
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.connecting import details_of_project
from dormouse.web.paging import PROJECTS_DEFAULT_LIMIT, found, page_of_projects
from dormouse.web.rendering import Rendering
from dormouse.web.requests import ProjectCreateBody, ProjectUpdateBody
from dormouse.web.route_table import ApiRoute, flag, number, text

__all__ = ["Projects"]

_MOST: Final = 400


@dataclass(frozen=True, slots=True)
class Projects:
    """The requests about projects as a whole."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root. `shared` stands before the project of that id, which cannot be."""
        one = "/projects/{project_id}"
        paging = (number("limit", least=1, most=_MOST), text("cursor"), text("search"))
        how = (
            text("database_name", required=True),
            text("role_name", required=True),
            text("branch_id"),
            text("endpoint_id"),
            flag("pooled"),
        )
        return [
            ApiRoute(
                method="GET",
                path="/projects",
                handler=self.index,
                query=(*paging, text("org_id"), flag("recoverable")),
            ),
            ApiRoute(method="GET", path="/projects/shared", handler=self.shared, query=paging),
            ApiRoute(method="POST", path="/projects", handler=self.create, status=201, body=ProjectCreateBody),
            ApiRoute(method="GET", path=one, handler=self.show),
            ApiRoute(method="PATCH", path=one, handler=self.update, body=ProjectUpdateBody),
            ApiRoute(method="DELETE", path=one, handler=self.delete),
            ApiRoute(method="POST", path=f"{one}/recover", handler=self.recover),
            ApiRoute(method="GET", path=f"{one}/connection_uri", handler=self.connection_uri, query=how),
            ApiRoute(method="GET", path=f"{one}/available_preload_libraries", handler=self.preload_libraries),
        ]

    async def index(self, request: Request) -> Response:
        """A page of projects; with `recoverable`, of those that were deleted and can be recovered.

        There is one account, and whatever `org_id` says is taken for it.
        """
        limit = reading.integer(request, "limit", least=1, most=_MOST) or PROJECTS_DEFAULT_LIMIT
        projects = found(
            await self.plane.projects.all(recoverable=reading.flag(request, "recoverable")),
            request.query_params.get("search", ""),
        )
        page, cursor = page_of_projects(projects, limit=limit, cursor=request.query_params.get("cursor"))
        return answer(
            bodies.ProjectsPage(
                projects=tuple(map(self.rendering.project_in_list, page)),
                pagination=bodies.Cursor(cursor=cursor) if cursor else None,
            )
        )

    async def shared(self, request: Request) -> Response:
        """What others share with the account: nothing. neonctl lists no project without this page."""
        reading.integer(request, "limit", least=1, most=_MOST)
        return answer(bodies.ProjectsPage(projects=()))

    async def create(self, request: Request) -> Response:
        """All that came into being, with the passwords, once."""
        asked = await reading.body_of(request, ProjectCreateBody)
        made = await self.plane.projects.create(asked.spec())
        details = await details_of_project(self.plane.connections, made)
        return answer(
            bodies.ProjectCreated(
                project=self.rendering.project(made.project),
                connection_uris=(details,),
                roles=(self.rendering.role(made.role, with_password=True),),
                databases=(self.rendering.database(made.database),),
                operations=self.rendering.operations(made.operations),
                branch=self.rendering.branch(made.branch),
                endpoints=(self.rendering.endpoint(made.endpoint, made.project),),
            ),
            201,
        )

    async def show(self, request: Request) -> Response:
        """One project."""
        project = await self.plane.projects.get(reading.project_id(request))
        return answer(bodies.ProjectAnswer(project=self.rendering.project(project)))

    async def update(self, request: Request) -> Response:
        """Another name, other settings; those that are not given stay."""
        asked = await reading.body_of(request, ProjectUpdateBody)
        project = await self.plane.projects.get(reading.project_id(request))
        changed, operations = await self.plane.projects.update(project.id, asked.change(project))
        return answer(
            bodies.ProjectChanged(
                project=self.rendering.project(changed), operations=self.rendering.operations(operations)
            )
        )

    async def delete(self, request: Request) -> Response:
        """The project as it was; for seven days it can be recovered."""
        project = await self.plane.projects.delete(reading.project_id(request))
        return answer(bodies.ProjectAnswer(project=self.rendering.project(project)))

    async def recover(self, request: Request) -> Response:
        """The project with its branches, as they were."""
        project = await self.plane.projects.recover(reading.project_id(request))
        branches = await self.plane.branches.all(project.id)
        return answer(
            bodies.ProjectRecovered(
                project=self.rendering.project(project), branches=tuple(map(self.rendering.branch, branches))
            )
        )

    async def connection_uri(self, request: Request) -> Response:
        """A URL that libpq understands, with the password in it if the project keeps passwords."""
        branch, endpoint = request.query_params.get("branch_id"), request.query_params.get("endpoint_id")
        project = await self.plane.projects.get(reading.project_id(request))
        parameters = await self.plane.connections.parameters(
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

    async def preload_libraries(self, request: Request) -> Response:
        """What a project's servers can be told to load at their start: nothing, since nothing is loaded yet."""
        await self.plane.projects.get(reading.project_id(request))
        return answer(bodies.AvailablePreloadLibraries(libraries=()))
