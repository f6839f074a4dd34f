"""What can go wrong between a client and the API, as one tree.

    ApiError
    ├── Refused          the server answered, and said no
    │   ├── NotAuthenticated   401: the key is missing or wrong
    │   ├── Missing            404: no such object, or no such route
    │   ├── Exists             409: there is one already
    │   └── Busy               423: conflicting operations are running; later it will work
    ├── NoAnswer         nobody there, or not in time
    └── Malformed        an answer that is not the Neon API's

No message ever holds a key or a request's headers.
"""

from dormouse.errors import DormouseError

__all__ = [
    "ApiError",
    "Busy",
    "Exists",
    "Malformed",
    "Missing",
    "NoAnswer",
    "NotAuthenticated",
    "Refused",
    "refusal",
]


class ApiError(DormouseError):
    """A call of the API did not give what was asked."""


class Refused(ApiError):
    """The server's no: its status, its `code` (mostly empty), and the id by which its log knows the request."""

    def __init__(self, status: int, code: str, message: str, request_id: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class NotAuthenticated(Refused):
    """The key is missing or wrong."""


class Missing(Refused):
    """No such object, or no such route."""


class Exists(Refused):
    """There is one already."""


class Busy(Refused):
    """Conflicting operations are running."""


class NoAnswer(ApiError):
    """Nobody answered, or not in time. The request may have been carried out."""


class Malformed(ApiError):
    """What came is not what the API promises: `branch.created_at: expected a moment, found 3`."""


_KINDS: dict[int, type[Refused]] = {401: NotAuthenticated, 404: Missing, 409: Exists, 423: Busy}


def refusal(status: int, code: str, message: str, request_id: str) -> Refused:
    """The error for an answer with `status`, as narrow as the tree has it."""
    return _KINDS.get(status, Refused)(status, code, message, request_id)
