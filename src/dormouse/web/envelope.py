"""What is around every answer: a request id, headers that keep browsers careful, and an end to every error.

It is the outermost layer, so also refusals and failures come in this envelope.
"""

import random
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dormouse.web.errors import internal_error
from dormouse.web.request_id import HEADER, choose_request_id

__all__ = ["Envelope"]

_CAREFUL: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    # Answers hold passwords, and states that are old in a second.
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
"""Set unless the answer brings its own."""


class Envelope:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, chance: random.Random) -> None:
        self._app = app
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = choose_request_id(Headers(scope=scope).get("x-request-id"), self._chance)
        scope.setdefault("state", {})["request_id"] = request_id
        # Routes are matched on the path as it was sent: a role may be called "a/b", and %2F is no slash.
        scope["path"] = scope["raw_path"].decode("ascii")
        started = False

        async def send_in_envelope(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[HEADER] = request_id
                for name, value in _CAREFUL.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_in_envelope)
        except Exception as error:
            response = internal_error(request_id, error, method=scope["method"], path=scope["path"])
            # With half an answer sent there is nothing left to say; the server will cut the connection.
            if not started:
                await response(scope, receive, send_in_envelope)
