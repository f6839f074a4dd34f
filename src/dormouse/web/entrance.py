"""The console's place in the server: imported when a browser first comes; and links for whoever has the key.

Templates and pages take some 100 ms to import, and `dormouse up` is to serve within 600: so the first request for
the console brings them in. Mostly that is the one of `dormouse open` for a link, before there is anyone to wait.
"""

import secrets
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from dormouse.control.plane import ControlPlane
from dormouse.web.about import About
from dormouse.web.console.doors import Doors
from dormouse.web.local import Local

__all__ = ["Entrance"]


class Entrance:
    """An ASGI application that is made when it is first needed."""

    def __init__(
        self,
        plane: ControlPlane,
        local: Local | None,
        *,
        about: About,
        clock: Callable[[], float],
    ) -> None:
        self._plane = plane
        self._local = local
        self._about = about
        self._clock = clock
        self._doors = Doors(lambda: secrets.token_urlsafe(32))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._console(scope, receive, send)

    def new_link(self) -> str:
        """The path of a one-time link, below the server's root."""
        _ = self._console  # made now, and not while a browser waits
        return f"/open?link={self._doors.issue(self._clock())}"

    @cached_property
    def _console(self) -> ASGIApp:
        console: Any = import_module("dormouse.web.console.app")
        found: ASGIApp = console.Console(
            self._plane, self._local, doors=self._doors, clock=self._clock, about=self._about
        )
        return found
