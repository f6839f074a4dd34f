"""One request of somebody who is in: what was asked, and the ways to answer.

A page of a section is a function from a `Visit` to a response, and a row of `Page`. Who may come in at all, and
that a form brings its session's token, is settled before (`app`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dormouse.control.model import Branch, Project
from dormouse.control.plane import ControlPlane
from dormouse.names import BranchId
from dormouse.web import reading
from dormouse.web.console.desk import Desk, NavItem
from dormouse.web.console.doors import Flash, Session
from dormouse.web.console.forms import EMPTY, Form
from dormouse.web.console.howto import HowTo
from dormouse.web.console.templating import href, render

__all__ = ["POLICY", "Crumb", "Handler", "Page", "Section", "Visit", "html"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline, nothing from elsewhere, in nobody's frame. Forms go to this server alone."""

_HEADERS: Final = {
    "content-security-policy": POLICY,
    # With `no-referrer`, which the API's answers have, a browser says `Origin: null` of our forms (Fetch, 3.1).
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """A step of the way to a page."""

    title: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What is around the content of a page."""

    title: str
    crumbs: tuple[Crumb, ...]
    navigation: tuple[NavItem, ...]
    section: str
    howto: HowTo | None
    flashes: tuple[Flash, ...]
    project: Project | None
    exposed: str
    """The address that is listened on, if others than this machine reach it; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request with its session."""

    request: Request
    desk: Desk
    session: Session
    section: "Section"
    form: Form = field(default_factory=lambda: EMPTY)
    """Empty but for a POST."""

    @property
    def plane(self) -> ControlPlane:
        """What everything is asked of."""
        return self.desk.plane

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of the page alone."""
        return self.request.headers.get("hx-request") == "true"

    def asked(self, name: str) -> str:
        """A parameter after the `?`; empty if it is not there."""
        return self.request.query_params.get(name, "").strip()

    def in_path(self, name: str) -> str:
        """A segment of the path."""
        return reading.name_in_path(self.request, name)

    async def project(self) -> Project:
        """`{project_id}`. Raises NotFound."""
        return await self.plane.projects.get(reading.project_id(self.request))

    async def branch(self, project: Project) -> Branch:
        """`?branch=`, or the form's field of that name; else the default one. Raises NotFound."""
        wanted = self.form["branch"] or self.asked("branch")
        if wanted:
            return await self.plane.branches.get(project.id, BranchId(wanted))
        return next(each for each in await self.plane.branches.all(project.id) if each.default)

    def page(
        self,
        template: str,
        *,
        title: str,
        howto: HowTo,
        project: Project | None = None,
        status: int = 200,
        **content: Any,
    ) -> Response:
        """A whole page."""
        frame = _Frame(
            title=title,
            crumbs=self._way(project, title),
            navigation=self.desk.navigation,
            section=self.section.name,
            howto=howto,
            flashes=self.session.take_flashes(),
            project=project,
            exposed=self.desk.about.exposed,
        )
        text = render(template, frame=frame, csrf=self.session.csrf, now=self.desk.now(), **content)
        return html(text, status)

    def fragment(self, template: str, **content: Any) -> Response:
        """A part of a page, for htmx to put in its place."""
        return html(render(template, csrf=self.session.csrf, now=self.desk.now(), **content))

    def go(self, path: str, said: str = "", *, is_bad: bool = False, secret: str = "") -> Response:
        """To another page, which says what was done: the end of every POST."""
        if said:
            self.session.flashes.append(Flash(text=said, is_bad=is_bad, secret=secret))
        return RedirectResponse(path, 303, headers=_HEADERS)

    def _way(self, project: Project | None, title: str) -> tuple[Crumb, ...]:
        if project is None:
            own = self.section.nav
            return () if own is None or own.title == title else (Crumb(title=own.title, path=own.path),)
        way = [Crumb(title="Projects", path="/projects")]
        way.append(Crumb(title=project.name, path=href("/projects/{}", project.id)))
        own = self.section.nav
        if own is not None and own.of_project and own.title != title:
            way.append(Crumb(title=own.title, path=own.path.replace("{project_id}", quote(project.id, safe=""))))
        return tuple(way)


Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One method on one path."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Pages that belong together. `sections` lists them all."""

    name: str
    pages: tuple[Page, ...]
    nav: NavItem | None = None
    """Its line of the navigation."""


def html(text: str, status: int = 200) -> Response:
    """A page with its headers."""
    return HTMLResponse(text, status, headers=_HEADERS)
