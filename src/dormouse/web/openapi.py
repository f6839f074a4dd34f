"""Our own OpenAPI document, from the table of routes.

It says what this platform takes. What the answers look like is said by Neon's own document, which they obey.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic.json_schema import models_json_schema

from dormouse.api.local import LOCAL_ROOT
from dormouse.web.route_table import ApiRoute
from dormouse.web.security import API_ROOT

__all__ = ["document_of"]

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_SCHEMAS: Final = "#/components/schemas/"
_OPEN: Final = f"{LOCAL_ROOT}/health"

_ERROR: Final[Mapping[str, object]] = {
    "type": "object",
    "required": ["code", "message", "request_id"],
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "request_id": {"type": "string"},
    },
}


def document_of(api: Iterable[ApiRoute], local: Iterable[ApiRoute], *, version: str) -> dict[str, object]:
    """OpenAPI 3.1, as JSON's values: the routes of the API, and those of the platform itself."""
    table = [(API_ROOT, each) for each in api] + [(LOCAL_ROOT, each) for each in local]
    bodies = sorted({each.body for _, each in table if each.body is not None}, key=lambda body: body.__name__)
    _, schemas = models_json_schema([(body, "validation") for body in bodies], ref_template=_SCHEMAS + "{model}")
    paths: dict[str, dict[str, object]] = {}
    for root, route in table:
        paths.setdefault(root + route.path, {})[route.method.lower()] = _operation(root, route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dormouse", "version": version},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.get("$defs", {}) | {"Error": _ERROR},
        },
    }


def _operation(root: str, route: ApiRoute) -> dict[str, object]:
    path = root + route.path
    operation: dict[str, object] = {
        "operationId": f"{route.method.lower()} {path}",
        "summary": (route.handler.__doc__ or "").strip().partition("\n")[0],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in _PARAMETER.findall(path)
        ]
        + [
            {"name": each.name, "in": "query", "required": each.required, "schema": dict(each.schema)}
            for each in route.query
        ],
        "responses": _responses(route),
    }
    if route.body is not None:
        content = {"application/json": {"schema": {"$ref": _SCHEMAS + route.body.__name__}}}
        operation["requestBody"] = {"required": route.body_required, "content": content}
    if path == _OPEN:
        operation["security"] = []
    return operation


def _responses(route: ApiRoute) -> dict[str, object]:
    error = {
        "description": "What is wrong.",
        "content": {"application/json": {"schema": {"$ref": _SCHEMAS + "Error"}}},
    }
    fine = {"description": "As asked.", "content": {"application/json": {"schema": {}}}}
    return {str(route.status): fine, "default": error}
