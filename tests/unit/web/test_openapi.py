from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from dormouse.web.openapi import document_of
from dormouse.web.route_table import ApiRoute, flag, number, one_of, text


class Inner(BaseModel):
    size: int


class Body(BaseModel):
    inner: Inner


async def handle(_request: Request) -> Response:
    """Do the thing.

    More of it.
    """
    return Response()


def operation(route: ApiRoute) -> Any:
    document: Any = document_of([route], [], version="1")
    return document["paths"]["/api/v2" + route.path][route.method.lower()]


def test_parameters_of_path_and_query() -> None:
    query = (number("limit", least=1, most=9), flag("pooled"), one_of("by", ("a", "b")), text("q", required=True))
    found = operation(ApiRoute(method="GET", path="/things/{thing_id}", handler=handle, query=query))

    assert found["summary"] == "Do the thing."
    assert [(each["in"], each["name"], each["required"]) for each in found["parameters"]] == [
        ("path", "thing_id", True),
        ("query", "limit", False),
        ("query", "pooled", False),
        ("query", "by", False),
        ("query", "q", True),
    ]
    assert found["parameters"][1]["schema"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert "requestBody" not in found


def test_body_is_the_models_schema_with_what_it_holds() -> None:
    route = ApiRoute(method="POST", path="/things", handler=handle, status=201, body=Body, body_required=False)
    document: Any = document_of([route], [], version="1")
    found = document["paths"]["/api/v2/things"]["post"]

    assert found["requestBody"]["required"] is False
    assert found["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Body"}
    assert document["components"]["schemas"]["Body"]["properties"]["inner"] == {
        "$ref": "#/components/schemas/Inner"
    }
    assert document["components"]["schemas"]["Inner"]["required"] == ["size"]
    assert found["responses"].keys() == {"201", "default"}


def test_health_alone_needs_no_key() -> None:
    local = [ApiRoute(method="GET", path=path, handler=handle) for path in ("/health", "/diagnose")]
    document: Any = document_of([], local, version="1")

    assert document["security"] == [{"key": []}]
    assert document["paths"]["/_local/health"]["get"]["security"] == []
    assert "security" not in document["paths"]["/_local/diagnose"]["get"]
