"""What is served, as data: the server, its own document and the coverage of Neon's are made from these rows."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["ApiRoute", "Handler", "Query", "flag", "number", "one_of", "starlette_routes", "text"]

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parameter after the `?`."""

    name: str
    schema: Mapping[str, object]
    """As in OpenAPI."""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRoute:
    """One method on one path below its root. What it does is the first line of its handler's docstring."""

    method: str
    path: str
    """With `{project_id}` and the like where an id or a name stands."""
    handler: Handler
    status: int = 200
    """Of a success."""
    body: type[BaseModel] | None = None
    body_required: bool = True
    query: tuple[Query, ...] = ()


def text(name: str, *, required: bool = False) -> Query:
    """Any text."""
    return Query(name=name, schema={"type": "string"}, required=required)


def number(name: str, *, least: int, most: int) -> Query:
    """A whole number from `least` to `most`."""
    return Query(name=name, schema={"type": "integer", "minimum": least, "maximum": most})


def flag(name: str) -> Query:
    """True or false."""
    return Query(name=name, schema={"type": "boolean"})


def one_of(name: str, choices: Iterable[str]) -> Query:
    """One of a few words."""
    return Query(name=name, schema={"type": "string", "enum": list(choices)})


def starlette_routes(table: Iterable[ApiRoute]) -> list[Route]:
    """For a router, in the order of the table: the first that fits a path is taken."""
    return [Route(each.path, each.handler, methods=[each.method]) for each in table]
