"""How to connect to a branch: where a new project leads to."""

from typing import Final

from starlette.responses import Response

from dormouse.web.console.desk import NavItem
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.visit import Page, Section, Visit

__all__ = ["SECTION"]


async def index(visit: Visit) -> Response:
    """The project's first page."""
    project = await visit.project()
    return visit.page(
        "connect/index.html",
        title="Connect",
        project=project,
        howto=HowTo(
            command=f"dormouse env --project {project.id}",
            api=curl(f"/projects/{project.id}/connection_uri?database_name=neondb&role_name=neondb_owner"),
            neonctl=f"neonctl connection-string --project-id {project.id}",
            django="DATABASES = django_dormouse.databases()",
        ),
    )


SECTION: Final = Section(
    name="connect",
    nav=NavItem(name="connect", title="Connect", path="/projects/{project_id}"),
    pages=(Page(method="GET", path="/projects/{project_id}", handler=index),),
)
