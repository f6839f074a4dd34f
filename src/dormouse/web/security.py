"""Who may speak to us at all: decided from the request's headers, before anything else looks at it.

A page of a stranger's site, open in the user's browser, can reach 127.0.0.1. Three fences keep it out:

- the `Host` must be one of our names. A stranger's own name that was made to point at 127.0.0.1 (DNS rebinding) is
  not, whatever the browser believes about its origin;
- an `Origin`, where a browser sends one, must be this very host;
- the API takes its key from the `Authorization` header alone. neonctl sends it as cookies too; those are not read,
  because a cookie is what a browser adds by itself to a stranger's request.
"""

import hmac
import ipaddress
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dormouse.api.local import LOCAL_ROOT
from dormouse.errors import RequestError
from dormouse.web.errors import Forbidden, Unauthorized, refusal

__all__ = ["API_ROOT", "Gate", "Names", "host_name", "is_same_origin", "key_in"]

API_ROOT: Final = "/api/v2"

_HEALTH: Final = f"{LOCAL_ROOT}/health"
"""Open to everyone on our host names: it says that we serve, and our version."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that this server answers to."""

    bind: str = "127.0.0.1"
    """The address we listen on. On all of them, any address in digits is ours: rebinding needs a name."""
    suffix: str
    """`dormouse.localhost`: it, and all below it."""
    more: Collection[str] = field(default_factory=frozenset)
    """Names that the user added, in lower case: a container's, for example."""

    def holds(self, name: str) -> bool:
        """Whether `name`, in lower case and without brackets, is ours."""
        if name in _LOOPBACK or name == self.bind or name in self.more:
            return True
        if name == self.suffix or name.endswith("." + self.suffix):
            return True
        return self.bind in _ANY_ADDRESS and _is_address(name)


def host_name(header: str) -> str | None:
    """The name in a `Host` header, in lower case, without port and brackets; None if it is not `name[:port]`."""
    try:
        parts = urlsplit("//" + header)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return None
    # Anything but an authority (a path, a user) makes the whole suspicious, not just the rest.
    if parts.netloc != header or "@" in header or not port_is_fine or not parts.hostname:
        return None
    return parts.hostname


def is_same_origin(origin: str, host: str) -> bool:
    """Whether an `Origin` header names the host of the `Host` header; `null` does not."""
    scheme, separator, authority = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and authority.lower() == host.lower()


def key_in(authorization: str | None) -> str | None:
    """The key that an `Authorization` header bears; None if it bears none."""
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


class Gate:
    """ASGI middleware: lets in what may speak to us, and answers the rest."""

    def __init__(self, app: ASGIApp, names: Names, api_key: str, opens: Callable[[str], bool]) -> None:
        """`api_key` is the platform's own; `opens` tells whether another one was made and not revoked."""
        self._app = app
        self._names = names
        self._api_key = api_key.encode()
        self._opens = opens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        no = self._refuse(scope["path"], Headers(scope=scope))
        if no is None:
            await self._app(scope, receive, send)
        else:
            await refusal(scope["state"]["request_id"], no)(scope, receive, send)

    def _refuse(self, path: str, headers: Headers) -> RequestError | None:
        host = headers.get("host", "")
        name = host_name(host)
        if name is None or not self._names.holds(name):
            return Forbidden(f"this host name is not served here; use localhost or {self._names.bind}")
        origin = headers.get("origin")
        if origin is not None and not is_same_origin(origin, host):
            return Forbidden("requests from other sites are not served")
        if _needs_key(path) and not self._is_key(key_in(headers.get("authorization"))):
            return Unauthorized("supplied credentials do not pass authentication")
        return None

    def _is_key(self, offered: str | None) -> bool:
        # The comparison takes equally long for every wrong key of our key's length.
        return offered is not None and (
            hmac.compare_digest(offered.encode(), self._api_key) or self._opens(offered)
        )


def _needs_key(path: str) -> bool:
    return _is_below(path, API_ROOT) or (_is_below(path, LOCAL_ROOT) and path != _HEALTH)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root + "/")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
