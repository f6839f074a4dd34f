"""`/users/me`, `/organizations`, `/auth`, `/regions`, `/api_keys`: whose platform this is, and who may use it."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dormouse.api.bodies import Organizations, Regions
from dormouse.api.records import Region
from dormouse.control.making import DEFAULT_REGION
from dormouse.control.plane import ControlPlane
from dormouse.errors import NotFound
from dormouse.web import reading, rendering
from dormouse.web.account import AUTH, ORGANIZATION, USER
from dormouse.web.answers import answer, answer_list
from dormouse.web.requests import ApiKeyCreateBody
from dormouse.web.route_table import ApiRoute, text

__all__ = ["Account"]

_REGIONS: Final = Regions(
    regions=(Region(region_id=DEFAULT_REGION, name="This machine", default=True, geo_lat="", geo_long=""),)
)
"""One: this machine, under an id that Neon's clients know."""


@dataclass(frozen=True, slots=True)
class Account:
    """The requests about the account; all but those about keys have constant answers."""

    plane: ControlPlane

    def routes(self) -> list[ApiRoute]:
        """Below the API's root."""
        return [
            ApiRoute(method="GET", path="/users/me", handler=self.me),
            ApiRoute(method="GET", path="/users/me/organizations", handler=self.organizations),
            ApiRoute(method="GET", path="/organizations/{org_id}", handler=self.organization),
            ApiRoute(method="GET", path="/auth", handler=self.auth),
            ApiRoute(method="GET", path="/regions", handler=self.regions, query=(text("org_id"),)),
            ApiRoute(method="GET", path="/api_keys", handler=self.keys),
            ApiRoute(method="POST", path="/api_keys", handler=self.create_key, body=ApiKeyCreateBody),
            ApiRoute(method="DELETE", path="/api_keys/{key_id}", handler=self.revoke_key),
        ]

    async def me(self, _request: Request) -> Response:
        """Whom the key belongs to."""
        return answer(USER)

    async def organizations(self, _request: Request) -> Response:
        """The one organization."""
        return answer(Organizations(organizations=(ORGANIZATION,)))

    async def organization(self, request: Request) -> Response:
        """The one organization, by its id."""
        if reading.name_in_path(request, "org_id") != ORGANIZATION.id:
            raise NotFound("organization not found")
        return answer(ORGANIZATION)

    async def auth(self, _request: Request) -> Response:
        """How the request proved who it comes from."""
        return answer(AUTH)

    async def regions(self, _request: Request) -> Response:
        """The one region."""
        return answer(_REGIONS)

    async def keys(self, _request: Request) -> Response:
        """The keys beside the platform's own, in a bare list, without their texts."""
        return answer_list(map(rendering.api_key, await self.plane.api_keys.all()))

    async def create_key(self, request: Request) -> Response:
        """A new key, and for once its text."""
        asked = await reading.body_of(request, ApiKeyCreateBody)
        key, secret = await self.plane.api_keys.create(asked.key_name)
        return answer(rendering.new_api_key(key, secret))

    async def revoke_key(self, request: Request) -> Response:
        """The key as it was; it opens nothing any more."""
        key = await self.plane.api_keys.revoke(reading.number_in_path(request, "key_id"))
        return answer(rendering.revoked_api_key(key))
