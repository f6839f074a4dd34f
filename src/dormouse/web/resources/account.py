"""`/users/me`, `/auth` and `/regions`: whose platform this is, and where it runs."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dormouse.api.bodies import Organizations, Regions
from dormouse.api.records import Region
from dormouse.control.making import DEFAULT_REGION
from dormouse.web.account import AUTH, ORGANIZATION, USER
from dormouse.web.answers import answer

__all__ = ["routes"]

_REGIONS: Final = Regions(
    regions=(Region(region_id=DEFAULT_REGION, name="This machine", default=True, geo_lat="", geo_long=""),)
)
"""One: this machine, under an id that Neon's clients know."""


def routes() -> list[Route]:
    """Constant answers."""
    return [
        Route("/users/me", _me),
        Route("/users/me/organizations", _organizations),
        Route("/auth", _auth),
        Route("/regions", _regions),
    ]


async def _me(_request: Request) -> Response:
    return answer(USER)


async def _organizations(_request: Request) -> Response:
    return answer(Organizations(organizations=(ORGANIZATION,)))


async def _auth(_request: Request) -> Response:
    return answer(AUTH)


async def _regions(_request: Request) -> Response:
    return answer(_REGIONS)
