"""`…/branches`: the lines of data of a project."""

from dataclasses import dataclass
from typing import Final, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dormouse.api import bodies
from dormouse.api.records import Annotation, AnnotationObject
from dormouse.control.service import Service
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.paging import BranchOrder, SortBy, SortOrder, found, page_of_branches
from dormouse.web.rendering import Rendering

__all__ = ["Branches"]

_SORT_BY: Final[tuple[SortBy, ...]] = get_args(SortBy)
_SORT_ORDER: Final[tuple[SortOrder, ...]] = get_args(SortOrder)


@dataclass(frozen=True, slots=True)
class Branches:
    """The requests about branches."""

    service: Service
    rendering: Rendering

    def routes(self) -> list[Route]:
        """Below the API's root. `count` stands before the branch of that id, which cannot be."""
        return [
            Route("/projects/{project_id}/branches", self.index),
            Route("/projects/{project_id}/branches/count", self.count),
            Route("/projects/{project_id}/branches/{branch_id}", self.show),
        ]

    async def index(self, request: Request) -> Response:
        """A page of branches; without `limit`, all of them."""
        order = BranchOrder(
            by=reading.choice(request, "sort_by", _SORT_BY, "updated_at"),
            order=reading.choice(request, "sort_order", _SORT_ORDER, "desc"),
        )
        limit = reading.integer(request, "limit", least=1, most=10_000)
        branches = found(
            await self.service.branches(reading.project_id(request)), request.query_params.get("search", "")
        )
        page, beyond = page_of_branches(branches, order, limit=limit, cursor=request.query_params.get("cursor"))
        return answer(
            bodies.BranchesPage(
                branches=tuple(map(self.rendering.branch, page)),
                pagination=bodies.BranchPagination(sort_by=order.by, sort_order=order.order.upper(), next=beyond),
            )
        )

    async def count(self, request: Request) -> Response:
        """How many branches a search would find."""
        branches = await self.service.branches(reading.project_id(request))
        return answer(bodies.BranchCount(count=len(found(branches, request.query_params.get("search", "")))))

    async def show(self, request: Request) -> Response:
        """One branch."""
        branch = await self.service.branch(reading.project_id(request), reading.branch_id(request))
        # Nobody annotates here yet, but the document requires the field.
        annotation = Annotation(object=AnnotationObject(type="console/branch", id=branch.id), value={})
        return answer(bodies.BranchAnswer(branch=self.rendering.branch(branch), annotation=annotation))
