"""`…/databases`: the databases of a branch."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dormouse.api import bodies
from dormouse.control.service import Service
from dormouse.errors import NotFound
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.rendering import Rendering

__all__ = ["Databases"]


@dataclass(frozen=True, slots=True)
class Databases:
    """The requests about databases."""

    service: Service
    rendering: Rendering

    def routes(self) -> list[Route]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/branches/{branch_id}/databases"
        return [Route(all_of_them, self.index), Route(all_of_them + "/{database_name}", self.show)]

    async def index(self, request: Request) -> Response:
        """The databases of a branch."""
        databases = await self.service.databases(reading.project_id(request), reading.branch_id(request))
        return answer(bodies.Databases(databases=tuple(map(self.rendering.database, databases))))

    async def show(self, request: Request) -> Response:
        """One database."""
        wanted = reading.name_in_path(request, "database_name")
        for each in await self.service.databases(reading.project_id(request), reading.branch_id(request)):
            if each.name == wanted:
                return answer(bodies.DatabaseAnswer(database=self.rendering.database(each)))
        raise NotFound("database not found")
