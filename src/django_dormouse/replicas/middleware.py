"""The middleware: what a request says about its reads, and what its writes mean for the next ones.

    MIDDLEWARE = ["django_dormouse.replicas.Middleware", ...]

First in the list it covers all others. Whoever has written gets the position of the primary's log in a signed
cookie, and is answered by a replica again once that has replayed so far. Never by a clock.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_dormouse.alias import replicas_of
from django_dormouse.replicas import asking, context
from django_dormouse.replicas.position import Position

__all__ = ["COOKIE", "Middleware"]

logger = logging.getLogger("django_dormouse.replicas")

COOKIE: Final = "dormouse_position"

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_UNKNOWN: Final = Position(incarnation="", lsn=None)


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
        """The response, with a position in its cookie if the request has written."""
        if self.is_async:
            return self._acall(request)
        scope = _arrive(request)
        response: HttpResponseBase = self.get_response(request)
        if _owes_position(scope):
            _remember(_take_position(), request, response)
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        scope = _arrive(request)
        response: HttpResponseBase = await self.get_response(request)
        if _owes_position(scope):
            # On the thread where the request's other queries ran, and so on the same connection.
            _remember(await sync_to_async(_take_position, thread_sensitive=True)(), request, response)
        return response


def _arrive(request: HttpRequest) -> context.Scope:
    needs = _needs(request.COOKIES.get(COOKIE))
    scope = context.Scope(
        unsafe=request.method not in _SAFE,
        needs=needs,
        needs_outlived=needs is not None and needs.lsn is None,
    )
    context.begin(scope)
    return scope


def _needs(cookie: str | None) -> Position | None:
    if cookie is None:
        return None
    try:
        return Position.from_token(_signer().unsign(cookie)) or _UNKNOWN
    except BadSignature:
        # Made up, or signed with a key that has changed since. Its owner may have written: the primary
        # answers, and the response carries a good one.
        return _UNKNOWN


def _owes_position(scope: context.Scope) -> bool:
    return (scope.has_written or scope.needs_outlived) and bool(
        replicas_of(DEFAULT_DB_ALIAS, connections.settings)
    )


def _take_position() -> Position:
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.in_atomic_block:
        # What this request wrote is not committed yet, so no position covers it.
        return _UNKNOWN
    try:
        return asking.position(connection)
    except (DatabaseError, InterfaceError) as error:
        logger.warning(
            "The position of the primary could not be read; its user reads from the primary",
            extra={"action": "position_unknown", "reason": str(error)},
        )
        return _UNKNOWN


def _remember(position: Position, request: HttpRequest, response: HttpResponseBase) -> None:
    response.set_cookie(
        COOKIE,
        _signer().sign(position.token()),
        httponly=True,
        samesite="Lax",
        secure=request.is_secure() or settings.SESSION_COOKIE_SECURE,
    )


def _signer() -> Signer:
    return Signer(salt="django_dormouse.replicas.position")
