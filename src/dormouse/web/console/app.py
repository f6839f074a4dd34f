"""The console as one application: who is let in, what the pages are, and what is said when something is wrong.

GET  /              in: the projects; else what this is, and how to get in
GET  /open?link=…   a one-time link of `dormouse open`: the way in
POST /leave         the way out
GET  /static/…      style, script, picture: the same for everybody
all else            the pages of `sections`, for those who are in
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from dormouse.control.plane import ControlPlane
from dormouse.errors import ComputeError, NotFound, RequestError
from dormouse.web import reading
from dormouse.web.about import About
from dormouse.web.console.desk import Desk
from dormouse.web.console.doors import Doors, Session
from dormouse.web.console.forms import EMPTY, form_of
from dormouse.web.console.sections import SECTIONS
from dormouse.web.console.templating import load_static, prepare, render
from dormouse.web.console.visit import Page, Section, Visit, html
from dormouse.web.errors import Forbidden, internal_error
from dormouse.web.local import Local
from dormouse.web.request_id import request_id_of

__all__ = ["Console"]

log = logging.getLogger("dormouse.web.console")

_NO_PAGE: Final = "There is no such page"
_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}


class Console:
    """An ASGI application."""

    def __init__(
        self,
        plane: ControlPlane,
        local: Local | None,
        *,
        doors: Doors,
        clock: Callable[[], float],
        about: About,
        sections: tuple[Section, ...] = SECTIONS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        navigation = tuple(each.nav for each in sections if each.nav is not None)
        self._desk = Desk(
            plane=plane, local=local, doors=doors, clock=clock, now=now, about=about, navigation=navigation
        )
        pages = [self._route(section, page) for section in sections for page in section.pages]
        # Who comes first is shown this; what it is made of is read now, while only `dormouse open` waits.
        prepare("projects/index.html")
        self._router = Router(
            [
                Route("/", self._home),
                Route("/open", self._open),
                Route("/leave", self._leave, methods=["POST"]),
                Route("/static/{digest}/{name}", self._static),
                *pages,
            ],
            redirect_slashes=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await self._router(scope, receive, send)
        except HTTPException:
            # The router's own: no such page, or not by this method.
            is_in = self._session(Request(scope)) is not None
            await self._page(404, _NO_PAGE, is_in=is_in)(scope, receive, send)

    def _route(self, section: Section, page: Page) -> Route:
        async def serve(request: Request) -> Response:
            return await self._serve(request, section, page)

        return Route(page.path, serve, methods=[page.method])

    async def _serve(self, request: Request, section: Section, page: Page) -> Response:
        session = self._session(request)
        if session is None:
            return self._shut(request)
        try:
            form = EMPTY
            if page.method == "POST":
                form = await form_of(request)
                _must_be_ours(form.raw("csrf"), session.is_ours)
            visit = Visit(request=request, desk=self._desk, session=session, section=section, form=form)
            return await page.handler(visit)
        except NotFound as error:
            return self._page(404, "This is not there", error.message)
        except RequestError as error:
            return self._page(error.status, "That cannot be done", error.message, error.hint)
        except ComputeError as error:
            facts = {"action": "compute_error", "request_id": request_id_of(request), "path": request.url.path}
            log.error("a compute failed a page", exc_info=error, extra=facts)
            return self._page(500, "A compute did not do what it should", error.message, error.hint)
        except Exception as error:  # a page of ours, and not JSON, for the one who waits for it
            request_id = request_id_of(request)
            internal_error(request_id, error, method=request.method, path=request.url.path)
            return self._page(
                500, "Something went wrong here", f"The log has it, under {request_id}.", "dormouse logs"
            )

    async def _home(self, request: Request) -> Response:
        if self._session(request) is not None:
            return RedirectResponse("/projects", 303)
        return html(render("welcome.html"))

    async def _open(self, request: Request) -> Response:
        """Let a browser in. The page that follows sends it on.

        Not a redirect: where the link was clicked on another site's page (a terminal in the browser), the cookie
        would not go along with it, as little as with any request that another site began.
        """
        secret = self._desk.doors.redeem(request.query_params.get("link", ""), self._desk.clock())
        if secret is None:
            if self._session(request) is not None:
                return RedirectResponse("/projects", 303)
            return self._shut(request, "This link was used already, or is too old.")
        response = html(render("opened.html"))
        response.set_cookie(_cookie(request), secret, path="/", httponly=True, samesite="strict")
        return response

    async def _leave(self, request: Request) -> Response:
        session = self._session(request)
        if session is not None:
            try:
                _must_be_ours((await form_of(request)).raw("csrf"), session.is_ours)
            except RequestError as error:
                return self._page(error.status, "That cannot be done", error.message)
            self._desk.doors.leave(request.cookies[_cookie(request)])
        response = RedirectResponse("/", 303)
        response.delete_cookie(_cookie(request), path="/", httponly=True, samesite="strict")
        return response

    async def _static(self, request: Request) -> Response:
        found = load_static().get(reading.name_in_path(request, "name"))
        if found is None or request.url.path != found.path:
            return self._page(404, _NO_PAGE, is_in=self._session(request) is not None)
        return Response(found.content, media_type=found.media_type, headers=_FOR_EVER)

    def _session(self, request: Request) -> Session | None:
        secret = request.cookies.get(_cookie(request))
        return None if secret is None else self._desk.doors.find(secret, self._desk.clock())

    def _shut(
        self, request: Request, why: str = "This browser is not signed in, or its session is over."
    ) -> Response:
        response = self._page(403, "The console is closed here", why, is_in=False, how_to_get_in=True)
        if request.headers.get("hx-request") == "true":
            # A part of a page that looks for news: the whole page is to say so.
            response.headers["hx-refresh"] = "true"
        return response

    def _page(
        self,
        status: int,
        title: str,
        message: str = "",
        hint: str = "",
        *,
        is_in: bool = True,
        how_to_get_in: bool = False,
    ) -> Response:
        text = render(
            "error.html",
            status=status,
            title=title,
            message=message,
            hint=hint,
            is_in=is_in,
            how_to_get_in=how_to_get_in,
        )
        return html(text, status)


def _must_be_ours(token: str, is_ours: Callable[[str], bool]) -> None:
    """Raises Forbidden for a form that is not one of this session's."""
    if not is_ours(token):
        raise Forbidden("this form is not one of your session's", "open its page anew, and send it from there")


def _cookie(request: Request) -> str:
    """Cookies know no ports: two platforms on one machine would put each other's visitors out."""
    return f"dormouse_{request.url.port or 80}"
