"""`…/databases`: the databases of a branch."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.model import Database
from dormouse.control.plane import ControlPlane, Ops
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.rendering import Rendering
from dormouse.web.requests import DatabaseCreateBody, DatabaseUpdateBody
from dormouse.web.route_table import ApiRoute

__all__ = ["Databases"]


@dataclass(frozen=True, slots=True)
class Databases:
    """The requests about databases."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/branches/{branch_id}/databases"
        one = all_of_them + "/{database_name}"
        return [
            ApiRoute(method="GET", path=all_of_them, handler=self.index),
            ApiRoute(method="POST", path=all_of_them, handler=self.create, status=201, body=DatabaseCreateBody),
            ApiRoute(method="GET", path=one, handler=self.show),
            ApiRoute(method="PATCH", path=one, handler=self.update, body=DatabaseUpdateBody),
            ApiRoute(method="DELETE", path=one, handler=self.delete),
        ]

    async def index(self, request: Request) -> Response:
        """The databases of a branch."""
        databases = await self.plane.databases.all(reading.project_id(request), reading.branch_id(request))
        return answer(bodies.Databases(databases=tuple(map(self.rendering.database, databases))))

    async def show(self, request: Request) -> Response:
        """One database."""
        found = await self.plane.databases.get(
            reading.project_id(request),
            reading.branch_id(request),
            reading.name_in_path(request, "database_name"),
        )
        return answer(bodies.DatabaseAnswer(database=self.rendering.database(found)))

    async def create(self, request: Request) -> Response:
        """A new database."""
        asked = (await reading.body_of(request, DatabaseCreateBody)).database
        made = await self.plane.databases.create(
            reading.project_id(request), reading.branch_id(request), asked.name, owner=asked.owner_name
        )
        return self._changed(*made, status=201)

    async def update(self, request: Request) -> Response:
        """Rename it, give it to another role."""
        asked = (await reading.body_of(request, DatabaseUpdateBody)).database
        changed = await self.plane.databases.update(
            reading.project_id(request),
            reading.branch_id(request),
            reading.name_in_path(request, "database_name"),
            name=asked.name,
            owner=asked.owner_name,
        )
        return self._changed(*changed)

    async def delete(self, request: Request) -> Response:
        """The database as it was; its clients are cut off."""
        gone = await self.plane.databases.delete(
            reading.project_id(request),
            reading.branch_id(request),
            reading.name_in_path(request, "database_name"),
        )
        return self._changed(*gone)

    def _changed(self, database: Database, operations: Ops, *, status: int = 200) -> Response:
        changed = bodies.DatabaseChanged(
            database=self.rendering.database(database), operations=self.rendering.operations(operations)
        )
        return answer(changed, status)
