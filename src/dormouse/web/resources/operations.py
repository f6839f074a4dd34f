"""`…/operations`: the work that changes take."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dormouse.api import bodies
from dormouse.control.service import Service
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.paging import page_of_operations
from dormouse.web.rendering import Rendering

__all__ = ["Operations"]

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Operations:
    """The requests about operations."""

    service: Service
    rendering: Rendering

    def routes(self) -> list[Route]:
        """Below the API's root."""
        return [
            Route("/projects/{project_id}/operations", self.index),
            Route("/projects/{project_id}/operations/{operation_id}", self.show),
        ]

    async def index(self, request: Request) -> Response:
        """A page of operations, newest first."""
        limit = reading.integer(request, "limit", least=1, most=_MOST) or _MOST
        operations = await self.service.operations(reading.project_id(request))
        page, cursor = page_of_operations(operations, limit=limit, cursor=request.query_params.get("cursor"))
        return answer(
            bodies.OperationsPage(
                operations=tuple(map(self.rendering.operation, page)),
                pagination=bodies.Cursor(cursor=cursor) if cursor else None,
            )
        )

    async def show(self, request: Request) -> Response:
        """One operation."""
        operation = await self.service.operation(reading.project_id(request), reading.operation_id(request))
        return answer(bodies.OperationAnswer(operation=self.rendering.operation(operation)))
