"""What the proxy says when it refuses: situation, SQLSTATE, text.

The texts are Neon's, to the letter (single quotes around a role among it), because people search for them and
clients match them. There are two profiles for the rest:

    postgres   severity FATAL, and the SQLSTATE that Postgres has for the situation, so that a program can tell
               "wrong password" from "try again"
    neon       severity ERROR and XX000 for everything, also for what the compute refused at startup, as Neon does
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from dormouse.errors import (
    ComputeError,
    DatabaseNotFound,
    DormouseError,
    EndpointDisabled,
    EndpointNotFound,
    Locked,
    NotFound,
    PoolerMissing,
    RequestError,
    RuleViolation,
)
from dormouse.wire.messages import ErrorResponse, NoticeResponse, ProtocolViolation
from dormouse.wire.startup import UnsupportedProtocol

__all__ = [
    "AUTHENTICATION_TIMED_OUT",
    "COMPUTE_UNREACHABLE",
    "CONTROL_PLANE_FAILED",
    "DENIED",
    "ENDPOINT_DISABLED",
    "ENDPOINT_MISSING",
    "ENDPOINT_NOT_FOUND",
    "INSECURE",
    "STOPPING",
    "TOO_MANY_ATTEMPTS",
    "TOO_MANY_TO_ENDPOINT",
    "USER_MISSING",
    "USER_UNREADABLE",
    "ErrorProfile",
    "Refusal",
    "inconsistent_endpoints",
    "invalid_endpoint",
    "notice",
    "passed_on",
    "refusal_for",
    "wrong_password",
]

ErrorProfile = Literal["postgres", "neon"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a connection ends. All of it may be shown to the client."""

    sqlstate: str
    message: str
    detail: str = ""
    """Only in the profile `postgres`."""

    def encode(self, profile: ErrorProfile) -> bytes:
        """The ErrorResponse."""
        if profile == "neon":
            return _neon_error(self.message)
        fields = {"S": "FATAL", "V": "FATAL", "C": self.sqlstate, "M": self.message}
        if self.detail:
            fields["D"] = self.detail
        return ErrorResponse(fields).encode()


INSECURE: Final = Refusal("28000", "connection is insecure (try using `sslmode=require`)")
USER_MISSING: Final = Refusal("28000", "Parameter 'user' is missing in startup packet.")
USER_UNREADABLE: Final = Refusal("22021", "Parameter 'user' in startup packet is not valid UTF-8.")
ENDPOINT_MISSING: Final = Refusal(
    "08004",
    "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support or "
    "pass the endpoint ID (first part of the domain name) as a parameter: '?options=endpoint%3D<endpoint-id>'. "
    "See more at https://neon.tech/sni",
)
ENDPOINT_NOT_FOUND: Final = Refusal(
    "08004",
    "The requested endpoint could not be found, or you don't have access to it. "
    "Please check the provided ID and try again.",
)
# Postgres's word for a database that is there and does not allow connections is 55000; for a client, the role that
# it came as is not let in: 28000, as a report of 2026 has it from Neon.
ENDPOINT_DISABLED: Final = Refusal("28000", "The endpoint has been disabled. Enable it using the API and retry.")
AUTHENTICATION_TIMED_OUT: Final = Refusal("57014", "Authentication timed out")
CONTROL_PLANE_FAILED: Final = Refusal("57P03", "Control plane request failed")
COMPUTE_UNREACHABLE: Final = Refusal("57P03", "Couldn't connect to compute node")
TOO_MANY_TO_ENDPOINT: Final = Refusal("53300", "Too many connections to this endpoint. Please try again later.")
TOO_MANY_ATTEMPTS: Final = Refusal(
    "53300",
    "Failed to acquire permit to connect to the database. "
    "Too many database connection attempts are currently ongoing.",
)
DENIED: Final = Refusal(
    "57P03",
    "Couldn't connect to compute node",
    "Denied on purpose by `dormouse fault deny`; `dormouse fault clear` ends it.",
)
STOPPING: Final = Refusal("57P01", "terminating connection due to administrator command")

_POOLER_PARAMETER: Final = "unsupported startup parameter"
_POOLER_ADVICE: Final = (
    ". Please use unpooled connection or remove this parameter from the startup package. More details: "
    "https://neon.tech/docs/connect/connection-errors#unsupported-startup-parameter"
)


def wrong_password(role: str) -> Refusal:
    """Also for a role that does not exist."""
    return Refusal("28P01", f"password authentication failed for user '{role}'")


def inconsistent_endpoints(by_name: str, by_option: str) -> Refusal:
    """The host name says one endpoint, the options another."""
    return Refusal(
        "08004", f"Inconsistent project name inferred from SNI ('{by_name}') and project option ('{by_option}')."
    )


def invalid_endpoint(given: str) -> Refusal:
    """What was given cannot be an endpoint's id."""
    return Refusal("08004", f"Project name ('{given}') must contain only alphanumeric characters and hyphen.")


def refusal_for(error: DormouseError, role: str = "") -> Refusal:
    """What a client is told of an error of the directory, or of its own."""
    match error:
        case UnsupportedProtocol():
            return Refusal("0A000", error.message)
        case ProtocolViolation():
            return Refusal("08P01", error.message)
        case DatabaseNotFound():
            return Refusal("3D000", error.message)
        case EndpointNotFound() | NotFound():
            return ENDPOINT_NOT_FOUND
        case EndpointDisabled():
            return ENDPOINT_DISABLED
        case PoolerMissing():
            return Refusal("57P03", error.message, error.hint)
        case Locked() | RuleViolation():
            return Refusal(CONTROL_PLANE_FAILED.sqlstate, CONTROL_PLANE_FAILED.message, error.message)
        case RequestError():  # the role's password was changed since it was checked
            return wrong_password(role)
        case ComputeError():
            return Refusal(COMPUTE_UNREACHABLE.sqlstate, COMPUTE_UNREACHABLE.message, error.message)
        case _:
            return CONTROL_PLANE_FAILED


def passed_on(fields: Mapping[str, str], profile: ErrorProfile, *, pooled: bool) -> bytes:
    """An error of the compute (or of its pooler) at startup, as the client gets it."""
    message = fields.get("M", "")
    if pooled and message.startswith(_POOLER_PARAMETER):
        message += _POOLER_ADVICE
    if profile == "neon":
        return _neon_error(message)
    return ErrorResponse({**fields, "M": message}).encode()


def notice(text: str) -> bytes:
    """The NoticeResponse that tells `text`."""
    return NoticeResponse({"S": "NOTICE", "V": "NOTICE", "C": "00000", "M": text}).encode()


def _neon_error(message: str) -> bytes:
    return ErrorResponse({"S": "ERROR", "C": "XX000", "M": message}).encode()
