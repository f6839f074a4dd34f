"""`…/operations`: the work that changes take."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.plane import ControlPlane
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.paging import page_of_operations
from dormouse.web.rendering import Rendering
from dormouse.web.route_table import ApiRoute, number, text

__all__ = ["Operations"]

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Operations:
    """The requests about operations."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        all_of_them = "/projects/{project_id}/operations"
        paging = (number("limit", least=1, most=_MOST), text("cursor"))
        return [
            ApiRoute(method="GET", path=all_of_them, handler=self.index, query=paging),
            ApiRoute(method="GET", path=all_of_them + "/{operation_id}", handler=self.show),
        ]

    async def index(self, request: Request) -> Response:
        """A page of operations, newest first."""
        limit = reading.integer(request, "limit", least=1, most=_MOST) or _MOST
        operations = await self.plane.operations.all(reading.project_id(request))
        page, cursor = page_of_operations(operations, limit=limit, cursor=request.query_params.get("cursor"))
        return answer(
            bodies.OperationsPage(
                operations=tuple(map(self.rendering.operation, page)),
                pagination=bodies.Cursor(cursor=cursor) if cursor else None,
            )
        )

    async def show(self, request: Request) -> Response:
        """One operation."""
        operation = await self.plane.operations.get(reading.project_id(request), reading.operation_id(request))
        return answer(bodies.OperationAnswer(operation=self.rendering.operation(operation)))
