"""Roles of a branch: who may log in."""

from typing import Final

from starlette.responses import Response

from dormouse.control.model import Branch, Project
from dormouse.errors import RequestError
from dormouse.web.console.desk import NavItem
from dormouse.web.console.forms import checked
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.requests import RoleCreateBody

__all__ = ["SECTION"]

_PATH: Final = "/projects/{project_id}/roles"


async def index(visit: Visit) -> Response:
    """Those of the API, and those made by SQL."""
    project = await visit.project()
    branch = await visit.branch(project)
    at = f"--project {project.id} --branch {branch.id}"
    api = f"/projects/{project.id}/branches/{branch.id}/roles"
    databases = await visit.plane.databases.all(project.id, branch.id)
    return visit.page(
        "roles/index.html",
        title="Roles",
        project=project,
        howto=HowTo(
            command=f"dormouse role create NAME {at}\ndormouse role reset-password NAME {at}",
            api="\n".join(
                (curl(api, "POST", {"role": {"name": "NAME"}}), curl(f"{api}/NAME/reset_password", "POST"))
            ),
            neonctl=f"neonctl roles create --name NAME --project-id {project.id} --branch {branch.id}",
            django="manage.py createdatabase    # a role, its database and its rights, on any Postgres",
        ),
        branch=branch,
        branches=await visit.plane.branches.all(project.id),
        roles=await visit.plane.roles.all(project.id, branch.id),
        owned={each.owner_name for each in databases},
        keeps_passwords=project.store_passwords,
    )


async def create(visit: Visit) -> Response:
    """Make one, and show its password."""
    project, branch, name = await _asked(visit)
    try:
        given = {"name": name, "no_login": visit.form.ticked("no_login")}
        asked = checked(RoleCreateBody, {"role": given}).role
        made, _ = await visit.plane.roles.create(
            project.id, branch.id, asked.name, no_login=asked.no_login is True
        )
    except RequestError as error:
        return _back(visit, project, branch, error.message, is_bad=True)
    if made.password is None:
        return _back(visit, project, branch, f"Role “{made.name}” is made.")
    return _back(visit, project, branch, f"Role “{made.name}” is made. Its password:", secret=made.password)


async def reset(visit: Visit) -> Response:
    """A new password, and show it."""
    project, branch, name = await _asked(visit)
    try:
        changed, _ = await visit.plane.roles.reset_password(project.id, branch.id, name)
    except RequestError as error:
        return _back(visit, project, branch, error.message, is_bad=True)
    said = f"Role “{changed.name}” has a new password:"
    if visit.form["back"] == "connect":
        here = href("/projects/{}", project.id, branch=branch.id, role=name)
        return visit.go(here, said, secret=changed.password or "")
    return _back(visit, project, branch, said, secret=changed.password or "")


async def delete(visit: Visit) -> Response:
    """Take it away; not while it owns a database."""
    project, branch, name = await _asked(visit)
    try:
        await visit.plane.roles.delete(project.id, branch.id, name)
    except RequestError as error:
        return _back(visit, project, branch, error.message, is_bad=True)
    return _back(visit, project, branch, f"Role “{name}” is deleted.")


async def _asked(visit: Visit) -> tuple[Project, Branch, str]:
    project = await visit.project()
    return project, await visit.branch(project), visit.form["role"]


def _back(
    visit: Visit, project: Project, branch: Branch, said: str, *, is_bad: bool = False, secret: str = ""
) -> Response:
    return visit.go(href("/projects/{}/roles", project.id, branch=branch.id), said, is_bad=is_bad, secret=secret)


SECTION: Final = Section(
    name="roles",
    nav=NavItem(name="roles", title="Roles", path=_PATH),
    pages=(
        Page(method="GET", path=_PATH, handler=index),
        Page(method="POST", path=_PATH, handler=create),
        Page(method="POST", path=f"{_PATH}/reset", handler=reset),
        Page(method="POST", path=f"{_PATH}/delete", handler=delete),
    ),
)
