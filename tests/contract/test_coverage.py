"""The page that says what of Neon's API is served, compared with the code."""

from typing import Any

import pytest
from api_coverage import PAGE, page, shape, table_of_routes


def test_page_is_as_the_code_makes_it(document: Any) -> None:
    assert PAGE.read_text() == page(document.whole), "stale; make it anew with tests/api_coverage.py"


def test_every_route_is_the_documents_or_an_older_clients(document: Any) -> None:
    theirs = {(method.upper(), shape(path)) for path, item in document.whole["paths"].items() for method in item}
    beyond = {
        (each.method, each.path) for each in table_of_routes() if (each.method, shape(each.path)) not in theirs
    }

    assert beyond == {
        ("DELETE", "/projects/{project_id}/permissions"),
        ("POST", "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reveal_password"),
        ("POST", "/projects/{project_id}/branches/{branch_id}/set_as_primary"),
    }


@pytest.mark.parametrize("route", table_of_routes(), ids=lambda route: f"{route.method} {route.path}")
def test_success_is_one_that_the_document_knows(document: Any, route: Any) -> None:
    for path, item in document.whole["paths"].items():
        if shape(path) == shape(route.path) and route.method.lower() in item:
            assert str(route.status) in item[route.method.lower()]["responses"]


def test_no_route_is_there_twice() -> None:
    keys = [(each.method, shape(each.path)) for each in table_of_routes()]

    assert len(keys) == len(set(keys))
