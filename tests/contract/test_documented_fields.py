"""What Neon's specification says that may be asked for, field by field, beside what we take.

An unknown field of a request is passed over without a word: who asks for one that we forgot would never know.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from api_coverage import METHODS, shape, table_of_routes

from dormouse.web.openapi import document_of
from dormouse.web.security import API_ROOT

PASSED_OVER: Final[Mapping[str, str]] = {
    "?timeout": "a list takes some milliseconds",
    "org_id": "there is one account with one organization",
    "region_id": "of a compute: that of its project",
    "provisioner": "deprecated; there are no clusters here",
    "pooler_enabled": "deprecated; the pooler is chosen by host name",
    "pooler_mode": "deprecated; there is one",
    "passwordless_access": "for connections that Neon's own site makes",
    "pgbouncer_settings": "deprecated, and by the specification itself gone since 2026-06-20",
}
"""What means nothing here, by the last part of its path, and why. The reference says so too."""


def resolved(schema: Any, root: Mapping[str, Any]) -> Any:
    while "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def fields(schema: Any, root: Mapping[str, Any], at: str = "", seen: tuple[int, ...] = ()) -> Iterator[str]:
    """The paths of all properties: `project.settings.quota.active_time_seconds`, `endpoints[].type`."""
    schema = resolved(schema, root)
    if id(schema) in seen:
        return
    seen = (*seen, id(schema))
    for union in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(union, ()):
            yield from fields(each, root, at, seen)
    for name, each in schema.get("properties", {}).items():
        yield f"{at}{name}"
        yield from fields(each, root, f"{at}{name}.", seen)
    if "items" in schema:
        yield from fields(schema["items"], root, f"{at.removesuffix('.')}[].", seen)


def asked(operation: Any, root: Mapping[str, Any]) -> set[str]:
    """Fields of the body and parameters of the query."""
    body = resolved(operation.get("requestBody", {}), root).get("content", {}).get("application/json", {})
    query = (resolved(each, root) for each in operation.get("parameters", ()))
    return set(fields(body.get("schema", {}), root)) | {
        f"?{each['name']}" for each in query if each["in"] == "query"
    }


OURS: Final[Any] = document_of(table_of_routes(), (), version="0")


@pytest.mark.parametrize("route", table_of_routes(), ids=lambda route: f"{route.method} {route.path}")
def test_every_documented_field_of_a_request_is_taken(document: Any, route: Any) -> None:
    method = route.method.lower()
    mine = asked(OURS["paths"][API_ROOT + route.path][method], OURS)
    theirs: set[str] = set()
    for path, item in document.whole["paths"].items():
        if shape(path) == shape(route.path) and method in item:
            shared = [*item.get("parameters", ()), *item[method].get("parameters", ())]
            theirs |= asked({**item[method], "parameters": shared}, document.whole)

    assert {each for each in theirs - mine if each.rpartition(".")[2] not in PASSED_OVER} == set()


def test_nothing_is_passed_over_that_is_taken_everywhere(document: Any) -> None:
    theirs = {
        each.rpartition(".")[2]
        for item in document.whole["paths"].values()
        for method in METHODS
        if method in item
        for each in asked(item[method], document.whole)
    }

    assert PASSED_OVER.keys() <= theirs
