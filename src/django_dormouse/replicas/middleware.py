"""The middleware: what a request says about its reads, and what it did means for its user's next ones.

    MIDDLEWARE = ["django_dormouse.replicas.Middleware", ...]

First in the list it covers all others. Whoever has written gets the position of the primary's log in a signed
cookie, and in a header for clients that keep no cookies, and is answered by a replica again once that has replayed
so far. Never by a clock.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_dormouse import settings as ours
from django_dormouse.replicas import context, settling, tokens
from django_dormouse.replicas.context import Unit
from django_dormouse.replicas.position import Token
from django_dormouse.replicas.seeing import server_timing

__all__ = ["COOKIE", "HEADER", "Middleware"]

COOKIE: Final = "dormouse_position"

HEADER: Final = "Dormouse-Position"
"""Of responses that tell a position, and of the requests that bring it back."""

# As WSGI and ASGI requests have it; `request.headers` would first read all the others.
_META: Final = "HTTP_DORMOUSE_POSITION"

_TIMING: Final = "Server-Timing"

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Middleware:
    """Sync and async."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """The response, with a position if its client is to bring it back."""
        if self.is_async:
            return self._acall(request)
        unit = _arrive(request)
        response: HttpResponseBase = self.get_response(request)
        _tell(settling.settled(unit), unit, request, response)
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        unit = _arrive(request)
        response: HttpResponseBase = await self.get_response(request)
        if settling.is_owed(unit):
            # On the thread where the request's other queries ran, and so on the same connection.
            token = await sync_to_async(settling.settled, thread_sensitive=True)(unit)
        else:
            token = settling.settled(unit)
        _tell(token, unit, request, response)
        return response


def _arrive(request: HttpRequest) -> Unit:
    unit = Unit(
        is_unsafe=request.method not in _SAFE,
        came_with=tokens.unsign(request.COOKIES.get(COOKIE, "")),
        statements=[] if _times() else None,
    )
    brought = request.META.get(_META)
    if brought is not None:
        unit.require(tokens.unsign(brought))
    context.begin(unit)
    return unit


def _tell(token: Token, unit: Unit, request: HttpRequest, response: HttpResponseBase) -> None:
    if unit.statements and _times():
        others = response.headers.get(_TIMING)
        response.headers[_TIMING] = ", ".join(filter(None, (others, server_timing(unit.statements))))
    brought = request.META.get(_META) or request.COOKIES.get(COOKIE, "")
    told = tokens.sign(token)
    if not told or told == brought:
        return
    if not unit.has_written and _is_for_everybody(response):
        # What was seen is no secret of this user's, and a cookie would keep the page out of shared caches.
        return
    response.headers[HEADER] = told
    response.set_cookie(
        COOKIE,
        told,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure() or settings.SESSION_COOKIE_SECURE,
    )


def _times() -> bool:
    wanted = ours.current().server_timing
    return settings.DEBUG if wanted is None else wanted


def _is_for_everybody(response: HttpResponseBase) -> bool:
    directives = response.headers.get("Cache-Control", "").lower().split(",")
    return "public" in (directive.strip() for directive in directives)
