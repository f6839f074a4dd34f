"""What is answered when something goes wrong: Neon's error body, and a status by the kind of error.

RequestError          its own status and message: the caller's business
ComputeError          500 and its message: a Postgres failed, and the caller should know what of
anything else         500 `internal error`: only the log knows, under the request's id
"""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dormouse.api.bodies import ErrorBody
from dormouse.errors import ComputeError, NotFound, RequestError
from dormouse.web.answers import answer
from dormouse.web.request_id import request_id_of

__all__ = [
    "HANDLERS",
    "NO_SUCH_ROUTE",
    "Forbidden",
    "NotYet",
    "PasswordNotStored",
    "TooLarge",
    "Unauthorized",
    "error_answer",
    "internal_error",
    "refusal",
]

NO_SUCH_ROUTE = "this route does not exist"
"""neonctl probes for features: a 404 with "does not exist" is "not offered here" to it, any other a failure."""

log = logging.getLogger("dormouse.web")


class Unauthorized(RequestError):
    """No key, or not ours."""

    status = 401


class Forbidden(RequestError):
    """The request comes from where none should: a foreign host name or origin."""

    status = 403


class PasswordNotStored(RequestError):
    """The project keeps no passwords, so there is none to reveal."""

    status = 412


class NotYet(RequestError):
    """Neon has it, and this platform will."""

    status = 501

    def __init__(self, what: str) -> None:
        # neonctl and @neon/sdk take "not available" for "is not offered here", and go on without it.
        super().__init__(f"{what} is not available on this platform yet")


class TooLarge(RequestError):
    """The body is larger than any that the API knows."""

    status = 413


def error_answer(request_id: str, status: int, message: str, code: str = "") -> Response:
    """Neon's error body; `code` is empty, as it nearly always is there."""
    return answer(ErrorBody(message=message, code=code, request_id=request_id), status)


def refusal(request_id: str, error: RequestError) -> Response:
    """The answer to a request that cannot be carried out."""
    response = error_answer(request_id, error.status, error.message, error.code)
    if error.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def internal_error(request_id: str, error: Exception, *, method: str, path: str) -> Response:
    """The answer to our own failure; what it was stands in the log alone."""
    facts = {"action": "internal_error", "request_id": request_id, "method": method, "path": path}
    log.error("a request failed unexpectedly", exc_info=error, extra=facts)
    return error_answer(request_id, 500, "internal error")


async def _on_request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return refusal(request_id_of(request), error)


async def _on_compute_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ComputeError)
    request_id = request_id_of(request)
    facts = {"action": "compute_error", "request_id": request_id, "path": request.url.path}
    log.error("a compute failed a request", exc_info=error, extra=facts)
    return error_answer(request_id, 500, error.message)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path, or no such method on it, which to Neon's clients is the same."""
    assert isinstance(error, HTTPException)
    if error.status_code in (404, 405):
        return refusal(request_id_of(request), NotFound(NO_SUCH_ROUTE))
    return error_answer(request_id_of(request), error.status_code, error.detail)


HANDLERS = {
    RequestError: _on_request_error,
    ComputeError: _on_compute_error,
    HTTPException: _on_http_exception,
}
