"""What can go wrong, as one tree. Callers catch a branch, never a text.

    DormouseError
    ├── UserError            the person at the keyboard can mend it: one sentence and a hint, exit 1
    │   ├── HomeError            the home cannot be made, written or entered
    │   ├── AlreadyRunning       another platform holds this home
    │   ├── NotRunning           no platform serves this home
    │   ├── PortTaken            an address is in use
    │   └── PostgresNotFound     no Postgres of that version on this machine
    ├── RequestError         the caller of the API, or of the proxy, asked for what cannot be given
    │   ├── Invalid              400
    │   ├── NotFound             404
    │   │   ├── EndpointNotFound
    │   │   └── DatabaseNotFound
    │   ├── PoolerMissing        422
    │   ├── Conflict             409
    │   ├── RuleViolation        422
    │   │   ├── EndpointDisabled
    │   │   └── LimitExceeded
    │   └── Locked               423
    └── ComputeError         a Postgres did not do what it should
        ├── StartFailed          with the last lines of its log
        └── StorageError         files: disk full, copy failed
            ├── CloneStopped         whoever had asked for the clone wants it no more
            └── WalLost              of the past: missing, or not to be read

`message` may be shown to a stranger: it never holds a password, a key or a connection string with one.
"""

__all__ = [
    "AlreadyRunning",
    "CloneStopped",
    "ComputeError",
    "Conflict",
    "DatabaseNotFound",
    "DormouseError",
    "EndpointDisabled",
    "EndpointNotFound",
    "HomeError",
    "Invalid",
    "LimitExceeded",
    "Locked",
    "NotFound",
    "NotRunning",
    "PoolerMissing",
    "PortTaken",
    "PostgresNotFound",
    "RequestError",
    "RuleViolation",
    "StartFailed",
    "StorageError",
    "UserError",
    "WalLost",
]


class DormouseError(Exception):
    """The root. `message` says what was found and what was expected; `hint` what to do next, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UserError(DormouseError):
    """The person at the keyboard can mend it."""


class HomeError(UserError):
    """The home cannot be made, written, or entered by the user that Postgres runs as."""


class AlreadyRunning(UserError):
    """Another platform holds this home."""


class NotRunning(UserError):
    """No platform serves this home."""


class PortTaken(UserError):
    """An address that we were to listen on is in use."""


class PostgresNotFound(UserError):
    """No Postgres, or none of the version asked for."""


class RequestError(DormouseError):
    """A request that cannot be carried out; `status` and `code` are the API's."""

    status = 400
    code = ""


class Invalid(RequestError):
    """The request is malformed or breaks a type."""

    status = 400


class NotFound(RequestError):
    """The object does not exist: `branch not found`."""

    status = 404


class EndpointNotFound(NotFound):
    """No such endpoint; the proxy has words of its own for it."""


class DatabaseNotFound(NotFound):
    """No such database, in Postgres's words: `database "shop" does not exist`."""


class PoolerMissing(RequestError):
    """A pooled host was asked for, and this machine has no pooler for it."""

    status = 422


class Conflict(RequestError):
    """There is one already: `branch already exists`."""

    status = 409


class RuleViolation(RequestError):
    """Well-formed, and against a rule of the platform."""

    status = 422


class EndpointDisabled(RuleViolation):
    """The endpoint exists and refuses connections."""


class LimitExceeded(RuleViolation):
    """One more than the settings allow; `code` names which: `BRANCHES_LIMIT_EXCEEDED`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Locked(RequestError):
    """Conflicting operations are running; `neonctl` waits and tries again by itself."""

    status = 423


class ComputeError(DormouseError):
    """A Postgres did not do what it should."""


class StartFailed(ComputeError):
    """A server did not become ready; `log_tail` are the last lines that it wrote."""

    def __init__(self, message: str, log_tail: str = "") -> None:
        super().__init__(message, hint=log_tail)
        self.log_tail = log_tail


class StorageError(ComputeError):
    """A data directory could not be made, copied or removed."""


class CloneStopped(StorageError):
    """A clone was told to stop; what it had made is for its caller to delete."""


class WalLost(StorageError):
    """WAL that a past state is made from is missing, or cannot be read."""
