"""A name for each request, in its answer and in the log."""

import random
import re
import uuid
from typing import Final

from starlette.requests import Request

__all__ = ["HEADER", "choose_request_id", "request_id_of"]

HEADER: Final = "x-neon-ret-request-id"
"""Read by neonctl from failed requests."""

# What may stand in a header and in a log line as it is. A UUID has 36 characters; twice that is generous.
_ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._-]{1,72}")


def choose_request_id(offered: str | None, chance: random.Random) -> str:
    """The caller's own `X-Request-ID`, if it is fit to be repeated; else a fresh UUID."""
    if offered is not None and _ACCEPTABLE.fullmatch(offered):
        return offered
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def request_id_of(request: Request) -> str:
    """The name that `envelope` gave to this request."""
    request_id: str = request.state.request_id
    return request_id
