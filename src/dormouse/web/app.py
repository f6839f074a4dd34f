"""The HTTP side put together: the API below `/api/v2`, the platform itself below `/_local`, the console at `/`.

A request passes, from the outside in:

    Envelope    gives it an id, its answer careful headers, and any surprise an answer
    Gate        host name, origin, key
    routes      one module per group of objects; known errors become Neon's error body here
    console     pages, errors too: whatever is not below the API's root or the platform's own

This is Starlette by itself. FastAPI on top of it would add nearly 0.2 s of imports to the 0.6 s in which
`dormouse up` is to serve, and what it gives for that (documents and dependency injection) is not used here.
"""

import random
import time
from collections.abc import Callable, Collection

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, Router

from dormouse.api.local import LOCAL_ROOT
from dormouse.control.plane import ControlPlane
from dormouse.names import DEFAULT_HOST_SUFFIX
from dormouse.web.about import About
from dormouse.web.entrance import Entrance
from dormouse.web.envelope import Envelope
from dormouse.web.errors import HANDLERS
from dormouse.web.local import Local, LocalRoutes, health
from dormouse.web.past import Past
from dormouse.web.rendering import Rendering
from dormouse.web.resources.account import Account
from dormouse.web.resources.branches import Branches
from dormouse.web.resources.databases import Databases
from dormouse.web.resources.endpoints import Endpoints
from dormouse.web.resources.operations import Operations
from dormouse.web.resources.permissions import Permissions
from dormouse.web.resources.projects import Projects
from dormouse.web.resources.restores import Restores
from dormouse.web.resources.roles import Roles
from dormouse.web.resources.schemas import Schemas
from dormouse.web.resources.snapshots import Snapshots
from dormouse.web.route_table import ApiRoute, starlette_routes
from dormouse.web.security import API_ROOT, Gate, Names

__all__ = ["api_routes", "create_app"]


def create_app(
    plane: ControlPlane,
    *,
    api_key: str,
    local: Local | None = None,
    host_suffix: str = DEFAULT_HOST_SUFFIX,
    bind: str = "127.0.0.1",
    allowed_hosts: Collection[str] = (),
    about: About | None = None,
    clock: Callable[[], float] = time.monotonic,
    chance: random.Random | None = None,
) -> Starlette:
    """An ASGI application over `plane`.

    `api_key` must not be empty; the keys that the plane made open too. Without `local`, what it does answers 501.
    `bind` is the address listened on; `allowed_hosts` are further names under which
    clients come, without ports. `about` is told on pages of the console.
    `clock` goes only forward, in seconds: sessions of the console end by it. `chance` makes request ids; the
    system's by default.
    """
    if not api_key:
        raise ValueError("an empty API key would let everyone in")
    names = Names(
        bind=bind.lower(),
        suffix=host_suffix.lower(),
        more=frozenset(name.lower() for name in allowed_hosts),
    )
    rendering = Rendering(host=plane.connections.host, proxy_host=host_suffix)
    api = api_routes(plane, rendering)
    console = Entrance(plane, local, about=about or About(), clock=clock)
    ours = LocalRoutes(local, api, console.new_link, Past(plane, rendering).routes()).routes()
    app = Starlette(
        # To Neon's clients "/projects/" is not "/projects"; a redirect would only hide their mistake.
        routes=[
            Mount(API_ROOT, app=Router(starlette_routes(api), redirect_slashes=False)),
            Mount(LOCAL_ROOT, app=Router(starlette_routes(ours), redirect_slashes=False)),
            # The roots themselves are no pages of the console either.
            *(Route(root, Router(redirect_slashes=False)) for root in (API_ROOT, LOCAL_ROOT)),
            Route("/health", health),
            Mount("/", app=console),
        ],
        middleware=[
            Middleware(Envelope, chance or random.SystemRandom()),
            Middleware(Gate, names, api_key, plane.api_keys.opens),
        ],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False
    return app


def api_routes(plane: ControlPlane, rendering: Rendering) -> list[ApiRoute]:
    """All that is served below the API's root; `plane` is first asked when a request comes."""
    resources = (
        Projects, Permissions, Operations, Branches, Restores, Snapshots, Schemas, Endpoints, Roles, Databases
    )  # fmt: skip
    served = [route for resource in resources for route in resource(plane, rendering).routes()]
    return [*Account(plane).routes(), *served]
