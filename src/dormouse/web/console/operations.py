"""Operations: the work that changes of a project took, as it goes on."""

from typing import Final

from starlette.responses import Response

from dormouse.control.model import Project
from dormouse.web.console.desk import NavItem
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.operation_views import OperationRow, operation_row
from dormouse.web.console.visit import Page, Section, Visit

__all__ = ["SECTION"]

_PATH: Final = "/projects/{project_id}/operations"
_MOST: Final = 100
"""What is older is in the API."""


async def index(visit: Visit) -> Response:
    """The newest first."""
    project = await visit.project()
    return visit.page(
        "operations/index.html",
        title="Operations",
        project=project,
        howto=HowTo(
            command=f"dormouse operation list --project {project.id}",
            api=curl(f"/projects/{project.id}/operations?limit=100"),
            neonctl=f"neonctl operations list --project-id {project.id}",
            django="# a site does not see operations: it waits in connect() until its compute is there",
        ),
        rows=await _rows(visit, project),
        most=_MOST,
    )


async def rows(visit: Visit) -> Response:
    """The list alone, as it is now."""
    project = await visit.project()
    return visit.fragment("operations/rows.html", rows=await _rows(visit, project), project=project)


async def _rows(visit: Visit, project: Project) -> list[OperationRow]:
    names = {each.id: each.name for each in await visit.plane.branches.all(project.id)}
    found = await visit.plane.operations.all(project.id)
    return [operation_row(each, names) for each in found[:_MOST]]


SECTION: Final = Section(
    name="operations",
    nav=NavItem(name="operations", title="Operations", path=_PATH),
    pages=(
        Page(method="GET", path=_PATH, handler=index),
        Page(method="GET", path=f"{_PATH}/rows", handler=rows),
    ),
)
