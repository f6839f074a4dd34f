"""Keys of the API, beside the home's own."""

from typing import Final

from starlette.responses import Response

from dormouse.errors import RequestError
from dormouse.web import reading
from dormouse.web.console.desk import NavItem
from dormouse.web.console.forms import checked
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.requests import ApiKeyCreateBody

__all__ = ["SECTION"]

_PATH: Final = "/api-keys"


async def index(visit: Visit) -> Response:
    """All that were made and not revoked."""
    return visit.page(
        "keys/index.html",
        title="API keys",
        howto=HowTo(
            command='eval "$(dormouse env --format neonctl)"    # the home\'s own key',
            api="\n".join((curl("/api_keys", "POST", {"key_name": "NAME"}), curl("/api_keys/1", "DELETE"))),
            neonctl="# neonctl makes no keys; it takes one: NEON_API_KEY=… neonctl me",
            django="# a site needs no key of the API: DATABASE_URL is all it connects with",
        ),
        keys=await visit.plane.api_keys.all(),
    )


async def create(visit: Visit) -> Response:
    """Make one, and show it this once."""
    try:
        asked = checked(ApiKeyCreateBody, {"key_name": visit.form["name"]})
        made, secret = await visit.plane.api_keys.create(asked.key_name)
    except RequestError as error:
        return visit.go(_PATH, error.message, is_bad=True)
    return visit.go(_PATH, f"Key “{made.name}”. Copy it now: it is shown this once.", secret=secret)


async def revoke(visit: Visit) -> Response:
    """It opens nothing any more."""
    try:
        gone = await visit.plane.api_keys.revoke(reading.number_in_path(visit.request, "key_id"))
    except RequestError as error:
        return visit.go(_PATH, error.message, is_bad=True)
    return visit.go(_PATH, f"Key “{gone.name}” opens nothing any more.")


SECTION: Final = Section(
    name="keys",
    nav=NavItem(name="keys", title="API keys", path=_PATH),
    pages=(
        Page(method="GET", path=_PATH, handler=index),
        Page(method="POST", path=_PATH, handler=create),
        Page(method="POST", path=f"{_PATH}/{{key_id}}/revoke", handler=revoke),
    ),
)
