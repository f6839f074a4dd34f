"""Settings of a project, and its end."""

from typing import Final

from starlette.responses import Response

from dormouse.errors import RequestError
from dormouse.web.console.compute_views import suspend_choices
from dormouse.web.console.desk import NavItem
from dormouse.web.console.forms import EMPTY, Form, checked
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.errors import NotYet
from dormouse.web.requests import LatencyProfileBody, ProjectUpdateBody

__all__ = ["SECTION"]

_PATH: Final = "/projects/{project_id}/settings"
_PROFILES: Final = (
    ("immediate", "At once"),
    ("timed", "After a second, as at Neon"),
    ("manual", "When they are told to: dormouse operation finish"),
)


async def index(visit: Visit) -> Response:
    """What holds."""
    return await _show(visit, EMPTY)


async def update(visit: Visit) -> Response:
    """What is to hold from now on; computes keep the settings that they were made with."""
    project, form = await visit.project(), visit.form
    try:
        hours = form.number("history_hours", float)
        asked = checked(
            ProjectUpdateBody,
            {
                "project": {
                    "name": form.given("name"),
                    "history_retention_seconds": None if hours is None else round(hours * 3600),
                    "default_endpoint_settings": {
                        "autoscaling_limit_min_cu": form.number("min_cu", float),
                        "autoscaling_limit_max_cu": form.number("max_cu", float),
                        "suspend_timeout_seconds": form.number("suspend"),
                    },
                }
            },
        )
        changed, _ = await visit.plane.projects.update(project.id, asked.change(project))
    except RequestError as error:
        return await _show(visit, form, error)
    return visit.go(href("/projects/{}/settings", project.id), f"Project “{changed.name}” is changed.")


async def follow(visit: Visit) -> Response:
    """Another latency profile, of the whole platform."""
    project, local = await visit.project(), visit.desk.local
    if local is None:
        raise NotYet("this")
    asked = checked(LatencyProfileBody, {"profile": visit.form["profile"]})
    await local.follow(asked.profile)
    return visit.go(
        href("/projects/{}/settings", project.id), f"Operations end by the profile “{asked.profile}” from now on."
    )


async def _show(visit: Visit, form: Form, error: RequestError | None = None) -> Response:
    project, local = await visit.project(), visit.desk.local
    usual = project.default_endpoint_settings
    return visit.page(
        "settings/index.html",
        title="Settings",
        project=project,
        howto=HowTo(
            command=f"dormouse project list\ndormouse project delete {project.id}\n"
            f"dormouse project recover {project.id}\ndormouse operation profile timed",
            api=curl(f"/projects/{project.id}", "PATCH", {"project": {"history_retention_seconds": 86400}}),
            neonctl=f"neonctl projects update {project.id} --name NAME",
            django="# nothing to change: DATABASE_URL stays the same",
        ),
        status=200 if error is None else error.status,
        problem="" if error is None else error.message,
        form=form,
        history_hours=form["history_hours"] or f"{project.history_retention_seconds / 3600:g}",
        min_cu=form["min_cu"] or f"{usual.autoscaling_limit_min_cu:g}",
        max_cu=form["max_cu"] or f"{usual.autoscaling_limit_max_cu:g}",
        suspend=form["suspend"] or str(usual.suspend_timeout_seconds),
        suspend_choices=suspend_choices(usual.suspend_timeout_seconds),
        profiles=_PROFILES,
        profile="immediate" if local is None else local.operations_profile,
    )


SECTION: Final = Section(
    name="settings",
    nav=NavItem(name="settings", title="Settings", path=_PATH),
    pages=(
        Page(method="GET", path=_PATH, handler=index),
        Page(method="POST", path=_PATH, handler=update),
        Page(method="POST", path=f"{_PATH}/profile", handler=follow),
    ),
)
