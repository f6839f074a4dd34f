"""From a request to typed values: its path, its query and its body.

Whatever does not fit is an Invalid, worded as Neon words it.
"""

from typing import Final, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from dormouse.control.past import SnapshotId
from dormouse.errors import Invalid
from dormouse.names import BranchId, EndpointId, OperationId, ProjectId
from dormouse.web.errors import TooLarge

__all__ = [
    "MAX_BODY_BYTES",
    "body_of",
    "branch_id",
    "choice",
    "content_of",
    "endpoint_id",
    "flag",
    "integer",
    "name_in_path",
    "number_in_path",
    "operation_id",
    "project_id",
    "query_of",
    "required",
    "snapshot_id",
]

MAX_BODY_BYTES: Final = 1024 * 1024
"""The largest documented request is a few kilobytes; a megabyte leaves room, and is nothing to hold in memory."""

Model = TypeVar("Model", bound=BaseModel)
Choice = TypeVar("Choice", bound=str)


def project_id(request: Request) -> ProjectId:
    """`{project_id}`; whether there is such a project is another question."""
    return ProjectId(name_in_path(request, "project_id"))


def branch_id(request: Request) -> BranchId:
    """`{branch_id}`"""
    return BranchId(name_in_path(request, "branch_id"))


def endpoint_id(request: Request) -> EndpointId:
    """`{endpoint_id}`"""
    return EndpointId(name_in_path(request, "endpoint_id"))


def operation_id(request: Request) -> OperationId:
    """`{operation_id}`"""
    return OperationId(name_in_path(request, "operation_id"))


def snapshot_id(request: Request) -> SnapshotId:
    """`{snapshot_id}`"""
    return name_in_path(request, "snapshot_id")


def name_in_path(request: Request, parameter: str) -> str:
    """One segment of the path, its percent escapes undone: any text, also with slashes."""
    try:
        return unquote(request.path_params[parameter], errors="strict")
    except UnicodeDecodeError:
        raise Invalid(f"invalid request: decode path: invalid: {parameter} (not UTF-8)") from None


def number_in_path(request: Request, parameter: str) -> int:
    """One segment of the path that is an id in digits, of 63 bits."""
    value = name_in_path(request, parameter)
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else None
    if number is None or number >= 2**63:
        raise Invalid(f"invalid request: decode path: invalid: {parameter} (must be a number)")
    return number


def required(request: Request, parameter: str) -> str:
    """A query parameter that must be there."""
    value = request.query_params.get(parameter)
    if not value:
        raise _invalid_query(parameter, "field required")
    return value


def integer(request: Request, parameter: str, *, least: int, most: int) -> int | None:
    """A query parameter that is a number from `least` to `most`; None if it is absent."""
    value = request.query_params.get(parameter)
    if value is None:
        return None
    # isdecimal is true of digits of other scripts too, which int would read; nobody sends those in earnest.
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
    if number is None or not least <= number <= most:
        raise _invalid_query(parameter, f"must be a number from {least} to {most}")
    return number


def flag(request: Request, parameter: str) -> bool:
    """A query parameter that is true or false, in any letter case: neon-api writes `False`. Absent is false."""
    match request.query_params.get(parameter, "false").lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise _invalid_query(parameter, "must be true or false")


def choice(request: Request, parameter: str, choices: tuple[Choice, ...], default: Choice) -> Choice:
    """A query parameter that is one of `choices`, in lower case."""
    value = request.query_params.get(parameter, default).lower()
    for each in choices:
        if each == value:
            return each
    raise _invalid_query(parameter, f"must be one of {', '.join(choices)}")


def query_of(request: Request, model: type[Model]) -> Model:
    """The whole query as a `model` of texts; an empty parameter counts as absent. Raises Invalid."""
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Invalid(f"invalid request: decode query: {_complaint(error)}") from None


async def body_of(request: Request, model: type[Model]) -> Model:
    """The JSON body as a `model`. Raises TooLarge, or Invalid with every place that is wrong.

    An absent body counts as `{}`.
    """
    content = await content_of(request)
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        raise Invalid(f"invalid request: decode application/json: {_complaint(error)}") from None


async def content_of(request: Request) -> bytes:
    """The whole body. Raises TooLarge."""
    too_large = TooLarge(f"the request body is larger than {MAX_BODY_BYTES} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise too_large
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise too_large
    return bytes(content)


def _complaint(error: ValidationError) -> str:
    """`invalid: project (field required), project.name (…)`. Never what was sent: that may be a password."""
    places = [
        (".".join(map(str, each["loc"])), _in_sentence(each["msg"]))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    if any(not place for place, _ in places):
        return "; ".join(complaint for _, complaint in places)
    return "invalid: " + ", ".join(f"{place} ({complaint})" for place, complaint in places)


def _in_sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _invalid_query(parameter: str, complaint: str) -> Invalid:
    return Invalid(f"invalid request: decode query: invalid: {parameter} ({complaint})")
