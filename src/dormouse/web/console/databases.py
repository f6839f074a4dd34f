"""Databases of a branch."""

from typing import Final

from starlette.responses import Response

from dormouse.control.model import Branch, Project
from dormouse.errors import RequestError
from dormouse.web.console.desk import NavItem
from dormouse.web.console.forms import checked
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.requests import DatabaseCreateBody, DatabaseUpdateBody

__all__ = ["SECTION"]

_PATH: Final = "/projects/{project_id}/databases"


async def index(visit: Visit) -> Response:
    """Those of the API, and those made by SQL."""
    project = await visit.project()
    branch = await visit.branch(project)
    at = f"--project {project.id} --branch {branch.id}"
    api = f"/projects/{project.id}/branches/{branch.id}/databases"
    roles = await visit.plane.roles.all(project.id, branch.id)
    return visit.page(
        "databases/index.html",
        title="Databases",
        project=project,
        howto=HowTo(
            command=f"dormouse database create NAME --owner ROLE {at}",
            api=curl(api, "POST", {"database": {"name": "NAME", "owner_name": "ROLE"}}),
            neonctl=f"neonctl databases create --name NAME --owner-name ROLE --project-id {project.id}"
            f" --branch {branch.id}",
            django="manage.py createdatabase    # a role, its database and its rights, on any Postgres",
        ),
        branch=branch,
        branches=await visit.plane.branches.all(project.id),
        databases=await visit.plane.databases.all(project.id, branch.id),
        owners=[(each.name, each.name) for each in roles],
    )


async def create(visit: Visit) -> Response:
    """Make one, owned by a role."""
    project, branch = await _asked(visit)
    try:
        given = {"name": visit.form["name"], "owner_name": visit.form["owner"]}
        asked = checked(DatabaseCreateBody, {"database": given}).database
        made, _ = await visit.plane.databases.create(project.id, branch.id, asked.name, owner=asked.owner_name)
    except RequestError as error:
        return _back(visit, project, branch, error.message, is_bad=True)
    return _back(visit, project, branch, f"Database “{made.name}” is made.")


async def update(visit: Visit) -> Response:
    """Rename it, give it to another role."""
    project, branch = await _asked(visit)
    present = visit.form["database"]
    try:
        given = {"name": visit.form.given("name"), "owner_name": visit.form.given("owner")}
        asked = checked(DatabaseUpdateBody, {"database": given}).database
        name = None if asked.name == present else asked.name
        changed, _ = await visit.plane.databases.update(
            project.id, branch.id, present, name=name, owner=asked.owner_name
        )
    except RequestError as error:
        return _back(visit, project, branch, error.message, is_bad=True)
    return _back(visit, project, branch, f"Database “{changed.name}” is changed.")


async def delete(visit: Visit) -> Response:
    """Take it away with all that is in it."""
    project, branch = await _asked(visit)
    name = visit.form["database"]
    try:
        await visit.plane.databases.delete(project.id, branch.id, name)
    except RequestError as error:
        return _back(visit, project, branch, error.message, is_bad=True)
    said = f"Database “{name}” is deleted. The branch can go back to before that."
    return _back(visit, project, branch, said)


async def _asked(visit: Visit) -> tuple[Project, Branch]:
    project = await visit.project()
    return project, await visit.branch(project)


def _back(visit: Visit, project: Project, branch: Branch, said: str, *, is_bad: bool = False) -> Response:
    return visit.go(href("/projects/{}/databases", project.id, branch=branch.id), said, is_bad=is_bad)


SECTION: Final = Section(
    name="databases",
    nav=NavItem(name="databases", title="Databases", path=_PATH),
    pages=(
        Page(method="GET", path=_PATH, handler=index),
        Page(method="POST", path=_PATH, handler=create),
        Page(method="POST", path=f"{_PATH}/update", handler=update),
        Page(method="POST", path=f"{_PATH}/delete", handler=delete),
    ),
)
