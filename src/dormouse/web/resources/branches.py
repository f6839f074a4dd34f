"""`…/branches`: the lines of data of a project."""

from dataclasses import dataclass, replace
from typing import Final, get_args

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api import bodies
from dormouse.control.model import Branch
from dormouse.control.past import Kept, KeptBecause
from dormouse.control.plane import ControlPlane, Ops
from dormouse.names import BranchId, ProjectId
from dormouse.web import reading, rendering
from dormouse.web.answers import answer
from dormouse.web.connecting import details_of_branch
from dormouse.web.paging import BranchOrder, SortBy, SortOrder, found, page_of_branches
from dormouse.web.rendering import Rendering
from dormouse.web.requests import BranchCreateBody, BranchUpdateBody
from dormouse.web.route_table import ApiRoute, flag, number, one_of, text

__all__ = ["Branches"]

_SORT_BY: Final[tuple[SortBy, ...]] = get_args(SortBy)
_SORT_ORDER: Final[tuple[SortOrder, ...]] = get_args(SortOrder)
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Branches:
    """The requests about branches."""

    plane: ControlPlane
    rendering: Rendering

    def routes(self) -> list[ApiRoute]:
        """Below the API's root. `count` stands before the branch of that id, which cannot be."""
        all_of_them = "/projects/{project_id}/branches"
        one = all_of_them + "/{branch_id}"
        listing = (
            number("limit", least=1, most=_MOST),
            text("cursor"),
            text("search"),
            one_of("sort_by", _SORT_BY),
            one_of("sort_order", _SORT_ORDER),
            flag("include_deleted"),
        )
        return [
            ApiRoute(method="GET", path=all_of_them, handler=self.index, query=listing),
            ApiRoute(
                method="POST",
                path=all_of_them,
                handler=self.create,
                status=201,
                body=BranchCreateBody,
                body_required=False,
            ),
            ApiRoute(method="GET", path=f"{all_of_them}/count", handler=self.count, query=(text("search"),)),
            ApiRoute(method="GET", path=one, handler=self.show),
            ApiRoute(method="PATCH", path=one, handler=self.update, body=BranchUpdateBody),
            ApiRoute(method="DELETE", path=one, handler=self.delete, query=(flag("hard_delete"),)),
            ApiRoute(method="POST", path=f"{one}/set_as_default", handler=self.set_as_default),
            # The old name, which neon-api uses.
            ApiRoute(method="POST", path=f"{one}/set_as_primary", handler=self.set_as_default),
        ]

    async def index(self, request: Request) -> Response:
        """A page of branches; without `limit`, all of them; on request also those that can be recovered."""
        order = BranchOrder(
            by=reading.choice(request, "sort_by", _SORT_BY, "updated_at"),
            order=reading.choice(request, "sort_order", _SORT_ORDER, "desc"),
        )
        limit = reading.integer(request, "limit", least=1, most=_MOST)
        project = reading.project_id(request)
        branches = await self.plane.branches.all(project)
        deleted = await self._deleted(project) if reading.flag(request, "include_deleted") else {}
        branches = [*branches, *(each.branch for each in deleted.values())]
        page, beyond = page_of_branches(
            found(branches, request.query_params.get("search", "")),
            order,
            limit=limit,
            cursor=request.query_params.get("cursor"),
        )
        return answer(
            bodies.BranchesPage(
                branches=tuple(
                    self.rendering.deleted_branch(deleted[each.id])
                    if each.id in deleted
                    else self.rendering.branch(each)
                    for each in page
                ),
                annotations={each.id: rendering.annotation(each) for each in page if each.annotation},
                pagination=bodies.BranchPagination(sort_by=order.by, sort_order=order.order.upper(), next=beyond),
            )
        )

    async def count(self, request: Request) -> Response:
        """How many branches a search would find."""
        branches = await self.plane.branches.all(reading.project_id(request))
        return answer(bodies.BranchCount(count=len(found(branches, request.query_params.get("search", "")))))

    async def show(self, request: Request) -> Response:
        """One branch."""
        branch = await self.plane.branches.get(reading.project_id(request), reading.branch_id(request))
        # The document requires an annotation, also where nobody annotated.
        return answer(
            bodies.BranchAnswer(branch=self.rendering.branch(branch), annotation=rendering.annotation(branch))
        )

    async def create(self, request: Request) -> Response:
        """A branch of its parent, with what it took over and the computes that were asked for."""
        asked = await reading.body_of(request, BranchCreateBody)
        project = await self.plane.projects.get(reading.project_id(request))
        made = await self.plane.branches.create(project.id, asked.spec(project.default_endpoint_settings))
        return answer(
            bodies.BranchCreated(
                branch=self.rendering.branch(made.branch),
                endpoints=tuple(self.rendering.endpoint(each, project) for each in made.endpoints),
                operations=self.rendering.operations(made.operations),
                roles=tuple(map(self.rendering.role, made.roles)),
                databases=tuple(map(self.rendering.database, made.databases)),
                connection_uris=await details_of_branch(self.plane.connections, project, made),
            ),
            201,
        )

    async def update(self, request: Request) -> Response:
        """Rename it, protect it, let it expire."""
        asked = await reading.body_of(request, BranchUpdateBody)
        return self._changed(
            *await self.plane.branches.update(
                reading.project_id(request), reading.branch_id(request), asked.change()
            )
        )

    async def delete(self, request: Request) -> Response:
        """The branch as it was; its computes go, and its data once it cannot be recovered any more."""
        branch, operations = await self.plane.branches.delete(
            reading.project_id(request),
            reading.branch_id(request),
            hard=reading.flag(request, "hard_delete"),
        )
        gone = replace(self.rendering.branch(branch), pending_state="storage_deleted")
        return answer(bodies.BranchChanged(branch=gone, operations=self.rendering.operations(operations)))

    async def set_as_default(self, request: Request) -> Response:
        """Make it the project's default."""
        return self._changed(
            *await self.plane.branches.set_as_default(reading.project_id(request), reading.branch_id(request))
        )

    async def _deleted(self, project: ProjectId) -> dict[BranchId, Kept]:
        """What each branch was that was deleted and can be recovered."""
        kept = await self.plane.branches.kept(project)
        return {each.branch.id: each for each in kept if each.because is KeptBecause.DELETE}

    def _changed(self, branch: Branch, operations: Ops) -> Response:
        return answer(
            bodies.BranchChanged(
                branch=self.rendering.branch(branch), operations=self.rendering.operations(operations)
            )
        )
