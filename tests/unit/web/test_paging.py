import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.model import (
    Branch,
    BranchState,
    EndpointDefaults,
    Operation,
    OperationAction,
    OperationStatus,
    Project,
)
from dormouse.errors import Invalid
from dormouse.names import BranchId, Incarnation, OperationId, ProjectId
from dormouse.web.paging import BranchOrder, found, page_of_branches, page_of_operations, page_of_projects

START = datetime(2026, 1, 1, tzinfo=UTC)


def project(id: str, name: str = "") -> Project:
    return Project(
        id=ProjectId(id),
        name=name,
        pg_version=17,
        region_id="r",
        store_passwords=True,
        history_retention_seconds=0,
        default_endpoint_settings=EndpointDefaults(),
        created_at=START,
        updated_at=START,
    )


def branch(id: str, name: str = "b", minute: int = 0) -> Branch:
    return Branch(
        id=BranchId(id),
        project_id=ProjectId("p"),
        name=name,
        incarnation=Incarnation("0" * 32),
        state=BranchState.READY,
        default=False,
        protected=False,
        created_at=START,
        updated_at=START + timedelta(minutes=minute),
    )


def operation(id: str, second: int) -> Operation:
    return Operation(
        id=OperationId(id),
        project_id=ProjectId("p"),
        branch_id=None,
        endpoint_id=None,
        action=OperationAction.APPLY_CONFIG,
        status=OperationStatus.FINISHED,
        created_at=START + timedelta(seconds=second),
        updated_at=START,
    )


def walk(turn: Any) -> list[str]:
    """All ids, page by page, until a page is empty or has no cursor."""
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(1000):
        page, cursor = turn(cursor)
        seen += [each.id for each in page]
        if not page or cursor is None:
            return seen
    raise AssertionError("the pages do not end")


@given(st.sets(st.text("abc-", min_size=1)), st.integers(1, 5))
def test_pages_of_projects_are_all_projects(ids: set[str], limit: int) -> None:
    projects = [project(id) for id in ids]

    assert walk(lambda cursor: page_of_projects(projects, limit=limit, cursor=cursor)) == sorted(ids)


@given(st.lists(st.integers(0, 3)), st.integers(1, 5))
def test_pages_of_operations_are_all_operations_in_their_order(seconds: list[int], limit: int) -> None:
    newest_first = [operation(f"o{at}", second) for at, second in enumerate(sorted(seconds, reverse=True))]

    seen = walk(lambda cursor: page_of_operations(newest_first, limit=limit, cursor=cursor))
    assert seen == [each.id for each in newest_first]


@given(
    st.dictionaries(st.text("ab1", min_size=1), st.tuples(st.text("xyü"), st.integers(0, 2))),
    st.integers(1, 4),
    st.sampled_from(["name", "created_at", "updated_at"]),
    st.sampled_from(["asc", "desc"]),
)
def test_pages_of_branches_are_all_branches_in_order(
    made: dict[str, tuple[str, int]], limit: int, by: Any, order: Any
) -> None:
    branches = [branch(id, name, minute) for id, (name, minute) in made.items()]
    how = BranchOrder(by=by, order=order)

    whole, end = page_of_branches(branches, how, limit=None, cursor=None)
    seen = walk(lambda cursor: page_of_branches(branches, how, limit=limit, cursor=cursor))

    assert end is None
    assert seen == [each.id for each in whole]
    values = [getattr(each, by) for each in whole]
    assert values == sorted(values, reverse=order == "desc")


def test_cursor_of_projects_survives_the_removal_of_its_project() -> None:
    _, cursor = page_of_projects([project("a"), project("b"), project("c")], limit=2, cursor=None)

    page, _ = page_of_projects([project("a"), project("c")], limit=2, cursor=cursor)
    assert [each.id for each in page] == ["c"]


def test_cursor_of_operations_is_a_moment_in_microseconds() -> None:
    first = dataclasses.replace(operation("a", 0), created_at=datetime(2022, 12, 7, 0, 45, 5, 262011, tzinfo=UTC))

    assert page_of_operations([first], limit=1, cursor=None)[1] == "2022-12-07T00:45:05.262011Z"


def test_empty_pages_have_no_cursor() -> None:
    assert page_of_projects([], limit=1, cursor=None) == ([], None)
    assert page_of_operations([], limit=1, cursor=None) == ([], None)


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24=", "WzEsIDJd", "e30=", "W1tbW1tb" * 9999])
def test_cursor_of_another_server(cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        page_of_branches([], BranchOrder(), limit=1, cursor=cursor)


def test_search_looks_at_names_and_ids_in_any_letter_case() -> None:
    items = [project("long-forest-1", "Shop"), project("cold-sea-2", "blog")]

    assert found(items, "SHOP") == [items[0]]
    assert found(items, "sea") == [items[1]]
    assert found(items, "") == items
