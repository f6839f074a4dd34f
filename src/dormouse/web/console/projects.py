"""Projects: the list, a new one, deletion and recovery."""

import asyncio
from typing import Final

from starlette.responses import Response

from dormouse.control.model import BranchState, Project
from dormouse.errors import NotFound, RequestError
from dormouse.names import ProjectId
from dormouse.web.console.desk import NavItem
from dormouse.web.console.forms import EMPTY, Form, checked
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.project_views import REGIONS, ProjectCard, deleted_project, project_card
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.requests import ProjectCreateBody

__all__ = ["SECTION"]

_NAME: Final = "NAME"


async def index(visit: Visit) -> Response:
    """All projects, and those that can be recovered."""
    projects = await visit.plane.projects.all()
    deleted = await visit.plane.projects.all(recoverable=True)
    return visit.page(
        "projects/index.html",
        title="Projects",
        howto=HowTo(
            command="dormouse project list\ndormouse project create NAME\ndormouse project recover NAME",
            api=curl("/projects"),
            neonctl="neonctl projects list\nneonctl projects create --name NAME",
            django="dormouse new mysite    # a site with its project and its .env",
        ),
        cards=await asyncio.gather(*(_card(visit, each) for each in projects)),
        sizes=[await _size(visit, each) for each in projects] if visit.asked("sizes") == "yes" else (),
        deleted=[deleted_project(each) for each in deleted],
    )


async def size(visit: Visit) -> Response:
    """What a project takes on disk. Files are counted for it, so the list asks when it stands there already."""
    project = await visit.project()
    return visit.fragment("projects/size.html", size=await _size(visit, project))


async def new(visit: Visit) -> Response:
    """What a new project is to be."""
    return await _form(visit, EMPTY)


async def create(visit: Visit) -> Response:
    """Make it, and go to where one connects to it."""
    form = visit.form
    try:
        asked = checked(
            ProjectCreateBody,
            {
                "project": {
                    "name": form.given("name"),
                    "pg_version": form.number("pg_version"),
                    "region_id": form.given("region_id"),
                    "branch": {"database_name": form.given("database_name"), "role_name": form.given("role_name")},
                }
            },
        )
        made = await visit.plane.projects.create(asked.spec())
    except RequestError as error:
        return await _form(visit, form, error)
    return visit.go(href("/projects/{}", made.project.id), f"Project “{made.project.name}” is ready.")


async def delete(visit: Visit) -> Response:
    """Take one away; for seven days it can be recovered."""
    project = await visit.project()
    if visit.form["name"] != project.name:
        said = f"Nothing was deleted: to delete this project, type its name, {project.name}."
        return visit.go(href("/projects/{}/settings", project.id), said, is_bad=True)
    try:
        gone = await visit.plane.projects.delete(project.id)
    except RequestError as error:
        return visit.go(href("/projects/{}/settings", project.id), error.message, is_bad=True)
    return visit.go("/projects", f"Project “{gone.name}” is deleted. For seven days it can be recovered.")


async def recover(visit: Visit) -> Response:
    """Bring one back."""
    try:
        back = await visit.plane.projects.recover(ProjectId(visit.in_path("project_id")))
    except RequestError as error:
        return visit.go("/projects", error.message, is_bad=True)
    return visit.go("/projects", f"Project “{back.name}” is back, with all that it had.")


async def _form(visit: Visit, form: Form, error: RequestError | None = None) -> Response:
    found = () if visit.desk.local is None else (await visit.desk.local.diagnose()).postgres
    usual = next((each.version.partition(".")[0] for each in found if each.is_default), "")
    versions = [(each.version.partition(".")[0], f"Postgres {each.version}") for each in found]
    return visit.page(
        "projects/new.html",
        title="New project",
        howto=HowTo(
            command=f"dormouse project create {_NAME}",
            api=curl("/projects", "POST", {"project": {"name": _NAME, "pg_version": int(usual or 17)}}),
            neonctl=f"neonctl projects create --name {_NAME}",
            django=f"dormouse new mysite    # a site and its project\ndormouse env --project {_NAME} > .env",
        ),
        status=200 if error is None else error.status,
        problem="" if error is None else error.message,
        form=form,
        versions=versions,
        usual=form["pg_version"] or usual,
        regions=[(each, each) for each in REGIONS],
    )


async def _card(visit: Visit, project: Project) -> ProjectCard:
    branches = await visit.plane.branches.all(project.id)
    return project_card(project, branches, await visit.plane.endpoints.all(project.id))


async def _size(visit: Visit, project: Project) -> int:
    total = 0
    for branch in await visit.plane.branches.all(project.id):
        if branch.state is BranchState.INIT:
            continue
        try:
            total += (await visit.plane.branches.history(project.id, branch.id)).own_bytes
        except NotFound:
            continue  # deleted while the others were looked at
    return total


SECTION: Final = Section(
    name="projects",
    nav=NavItem(name="projects", title="Projects", path="/projects"),
    pages=(
        Page(method="GET", path="/projects", handler=index),
        Page(method="GET", path="/projects/new", handler=new),
        Page(method="POST", path="/projects", handler=create),
        Page(method="GET", path="/projects/{project_id}/size", handler=size),
        Page(method="POST", path="/projects/{project_id}/delete", handler=delete),
        Page(method="POST", path="/projects/{project_id}/recover", handler=recover),
    ),
)
