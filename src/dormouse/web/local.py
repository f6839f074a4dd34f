"""What this platform tells of itself, and how all of it is thrown away: the routes below `/_local`.

Health needs no key, because whoever waits for the platform has none yet; the others need one like the API.
"""

import importlib.metadata
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api.local import (
    RESET_CONFIRMATION,
    ConsoleLink,
    Diagnosis,
    FaultRequest,
    FaultsInForce,
    Finished,
    Health,
    LatencyProfile,
    PostgresFound,
    Reset,
)
from dormouse.control.telling import Profile
from dormouse.errors import Invalid
from dormouse.web import reading
from dormouse.web.answers import answer
from dormouse.web.errors import NotYet
from dormouse.web.openapi import document_of
from dormouse.web.requests import FaultBody, LatencyProfileBody, ResetBody
from dormouse.web.route_table import ApiRoute

__all__ = ["Diagnosis", "Local", "LocalRoutes", "PostgresFound", "health"]


class Local(Protocol):
    """The platform as one process on one machine."""

    async def diagnose(self) -> Diagnosis:
        """On what it runs, and how much of it."""
        ...

    async def reset(self) -> int:
        """Delete all projects for good, those that wait to be recovered too; how many there were."""
        ...

    async def finish_operations(self) -> int:
        """Say of all operations that have ended that they have; how many there were."""
        ...

    @property
    def operations_profile(self) -> Profile:
        """When operations are said to have ended."""
        ...

    async def follow(self, profile: Profile) -> None:
        """Say from now on, and until the platform stops, by this profile when operations have ended."""
        ...

    async def metrics(self) -> tuple[bytes, str]:
        """What is measured, as Prometheus reads it, and the type of that text."""
        ...

    async def cause(self, fault: FaultRequest) -> FaultsInForce:
        """Let something go wrong on purpose; what does from now on. Raises NotFound, RuleViolation."""
        ...

    async def faults(self) -> FaultsInForce:
        """What goes wrong on purpose now."""
        ...


@dataclass(frozen=True)
class LocalRoutes:
    """The requests about the platform itself."""

    local: Local | None
    api: Iterable[ApiRoute]
    """What is served below the API's root."""
    new_link: Callable[[], str]
    """The path of a one-time link to the console."""
    past: tuple[ApiRoute, ...] = ()
    """What else is served below the local root: the past of projects."""

    def routes(self) -> list[ApiRoute]:
        """Below the local root."""
        return [
            ApiRoute(method="GET", path="/health", handler=health),
            ApiRoute(method="GET", path="/diagnose", handler=self.diagnose),
            ApiRoute(method="POST", path="/reset", handler=self.reset, body=ResetBody),
            ApiRoute(method="POST", path="/operations/finish", handler=self.finish_operations),
            ApiRoute(
                method="POST", path="/operations/profile", handler=self.choose_profile, body=LatencyProfileBody
            ),
            ApiRoute(method="GET", path="/metrics", handler=self.metrics),
            ApiRoute(method="GET", path="/faults", handler=self.faults),
            ApiRoute(method="POST", path="/faults", handler=self.cause, body=FaultBody),
            ApiRoute(method="POST", path="/console_links", handler=self.console_link, status=201),
            *self.past,
            ApiRoute(method="GET", path="/openapi.json", handler=self.openapi),
        ]

    async def diagnose(self, _request: Request) -> Response:
        """Versions, storage, computes, disk and ports."""
        return answer(await self._there().diagnose())

    async def reset(self, request: Request) -> Response:
        """Delete everything, if that is what the body says in so many words."""
        asked = await reading.body_of(request, ResetBody)
        if asked.confirm != RESET_CONFIRMATION:
            raise Invalid(f'to delete all projects for good, send {{"confirm": "{RESET_CONFIRMATION}"}}')
        return answer(Reset(projects=await self._there().reset()))

    async def finish_operations(self, _request: Request) -> Response:
        """Say that operations have ended, for whoever wants to decide when."""
        return answer(Finished(operations=await self._there().finish_operations()))

    async def choose_profile(self, request: Request) -> Response:
        """Choose when operations are said to have ended."""
        local = self._there()
        await local.follow((await reading.body_of(request, LatencyProfileBody)).profile)
        return answer(LatencyProfile(profile=local.operations_profile))

    async def metrics(self, _request: Request) -> Response:
        """Connections, wakes, bytes, refusals, waits, lags: the text that Prometheus reads."""
        text, media_type = await self._there().metrics()
        return Response(text, headers={"content-type": media_type})

    async def faults(self, _request: Request) -> Response:
        """What goes wrong on purpose."""
        return answer(await self._there().faults())

    async def cause(self, request: Request) -> Response:
        """Let something go wrong with a compute, so that an application can be tried."""
        asked = await reading.body_of(request, FaultBody)
        return answer(await self._there().cause(asked.fault()))

    async def console_link(self, _request: Request) -> Response:
        """A link that opens the console in one browser, once, within ten minutes."""
        return answer(ConsoleLink(path=self.new_link()), 201)

    async def openapi(self, _request: Request) -> Response:
        """This document."""
        return Response(self._document, media_type="application/json; charset=utf-8")

    @cached_property
    def _document(self) -> bytes:
        return json.dumps(document_of(self.api, self.routes(), version=_version())).encode()

    def _there(self) -> Local:
        if self.local is None:
            raise NotYet("this")
        return self.local


async def health(_request: Request) -> Response:
    """That the platform serves, and its version."""
    return answer(Health(status="ok", version=_version()))


def _version() -> str:
    return importlib.metadata.version("django-dormouse")
