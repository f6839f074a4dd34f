from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from dormouse.api.client import Client
from dormouse.api.errors import refusal
from dormouse.cli.choosing import all_projects, the_branch, the_compute, the_name, the_project
from dormouse.cli.pinned import Pinned
from dormouse.errors import UserError
from dormouse.names import ProjectId
from fake_api import FakeApi, branch_of, endpoint_of, project_of

SHOP = "cold-sea-00000001"
FILE = Path("/work/.neon")


def client(api: FakeApi) -> Client:
    return cast("Client", api)


def pinned(project: str | None = SHOP, branch: str | None = None) -> Pinned:
    return Pinned(path=FILE, project=project, branch=branch)


@pytest.mark.parametrize("said", [None, "shop", SHOP])
def test_a_project_by_name_by_id_or_because_it_is_the_only_one(said: str | None, api: FakeApi) -> None:
    assert the_project(client(api), said).id == SHOP


def test_the_pinned_project_is_meant_where_none_is_said(api: FakeApi) -> None:
    api.project_list.append(project_of(2, "blog"))

    assert the_project(client(api), None, pinned()).name == "shop"
    assert the_project(client(api), "blog", pinned()).name == "blog"


def test_an_id_wins_over_a_name(api: FakeApi) -> None:
    api.project_list.append(project_of(2, SHOP))

    assert the_project(client(api), SHOP).name == "shop"


@pytest.mark.parametrize(
    ("names", "said", "message", "hint"),
    [
        ([], None, "there is no project", "make one with `dormouse project create`"),
        ([], "☃", "there is no project '☃'", "make one with `dormouse project create`"),
        (
            ["shop", "blog"],
            "☃",
            "there is no project '☃'; found: shop (cold-sea-00000000), blog (cold-sea-00000001)",
            "make one with `dormouse project create`",
        ),
        (
            ["shop", "blog"],
            None,
            "there are several projects: shop (cold-sea-00000000), blog (cold-sea-00000001)",
            "choose one with --project",
        ),
        (
            ["shop", "blog", "shop"],
            "shop",
            "there are several projects named 'shop': shop (cold-sea-00000000), shop (cold-sea-00000002)",
            "choose one with --project",
        ),
    ],
)
def test_a_refusal_lists_what_there_is(
    names: list[str], said: str | None, message: str, hint: str, api: FakeApi
) -> None:
    api.project_list = [project_of(at, name) for at, name in enumerate(names)]

    with pytest.raises(UserError) as caught:
        the_project(client(api), said)

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_but_not_hundreds_of_names(api: FakeApi) -> None:
    api.project_list = [project_of(at, f"p{at}") for at in range(300)]

    with pytest.raises(UserError) as caught:
        the_project(client(api), None)

    assert caught.value.message.endswith("p19 (cold-sea-00000019) and 280 more")


def test_a_pinned_project_that_is_not_there_names_the_file(api: FakeApi) -> None:
    with pytest.raises(UserError) as caught:
        the_project(client(api), None, pinned("old-hat-1"))

    assert caught.value.message == "there is no project 'old-hat-1', which is pinned in /work/.neon"
    assert "dormouse project use" in caught.value.hint


def test_all_pages_are_read(api: FakeApi) -> None:
    api.project_list = [project_of(at, f"p{at}") for at in range(801)]

    assert len(all_projects(client(api))) == 801


def test_where_projects_belong_to_organizations_each_is_asked(api: FakeApi) -> None:
    projects = api.projects

    def by_organization(**said: Any) -> Any:
        if said["org_id"] is None:
            raise refusal(400, "", "org_id is required, you can find it on your organization settings page", "")
        return projects(**said)

    api.projects = by_organization  # type: ignore[method-assign]

    assert [each.name for each in all_projects(client(api))] == ["shop"]


def test_a_project_that_others_share_is_found_by_its_id(api: FakeApi) -> None:
    api.projects = lambda **_: FakeApi.projects(FakeApi(), cursor=SHOP)  # type: ignore[method-assign]

    assert the_project(client(api), SHOP).name == "shop"


@pytest.mark.parametrize(
    ("said", "pins", "expected"),
    [
        (None, None, "main"),
        ("dev", None, "dev"),
        ("br-cold-sea-00000002", None, "dev"),
        (None, pinned(branch="dev"), "dev"),
        (None, pinned(branch="br-cold-sea-00000002"), "dev"),
        ("main", pinned(branch="dev"), "main"),
        # What is pinned with another project says nothing about this one.
        (None, pinned("old-hat-1", "dev"), "main"),
    ],
)
def test_a_branch(said: str | None, pins: Pinned | None, expected: str, api: FakeApi) -> None:
    assert the_branch(client(api), api.project_list[0], said, pins).name == expected


def test_branches_are_listed_too(api: FakeApi) -> None:
    with pytest.raises(UserError) as caught:
        the_branch(client(api), api.project_list[0], "prod")

    assert caught.value.message == (
        "there is no branch 'prod'; found: main (br-cold-sea-00000001), dev (br-cold-sea-00000002)"
    )


def test_a_pinned_branch_that_is_gone_names_the_file(api: FakeApi) -> None:
    with pytest.raises(UserError) as caught:
        the_branch(client(api), api.project_list[0], None, pinned(branch="pr-41"))

    assert "there is no branch 'pr-41'" in caught.value.message
    assert "/work/.neon" in caught.value.message


def test_branches_of_one_name(api: FakeApi) -> None:
    api.branch_list.append(branch_of(ProjectId(SHOP), 7, "dev"))

    with pytest.raises(UserError, match="there are several branches named 'dev'"):
        the_branch(client(api), api.project_list[0], "dev")


@pytest.mark.parametrize(
    ("branch", "said", "kind", "expected"),
    [
        ("dev", None, None, 2),
        ("main", "ep-cold-sea-00000003", None, 3),
        ("main", None, "read_write", 1),
        # An id is an id, on whatever branch.
        ("main", "ep-cold-sea-00000002", None, 2),
    ],
)
def test_a_compute(branch: str, said: str | None, kind: str | None, expected: int, api: FakeApi) -> None:
    project = api.project_list[0]
    found = the_compute(client(api), project, the_branch(client(api), project, branch), said, kind=kind)

    assert found.id == f"ep-cold-sea-{expected:08}"


@pytest.mark.parametrize(
    ("branch", "said", "kind", "message"),
    [
        ("dev", None, "read_only", "branch 'dev' has no replica"),
        (
            "main",
            None,
            "read_only",
            "branch 'main' has several replicas: ep-cold-sea-00000003 (read_only), ep-cold-sea-00000004",
        ),
        ("dev", "☃", None, "there is no compute '☃'; found on branch 'dev': ep-cold-sea-00000002 (read_write)"),
        (
            "dev",
            "ep-cold-sea-00000002",
            "read_only",
            "there is no replica 'ep-cold-sea-00000002'; found on branch",
        ),
    ],
)
def test_no_compute(branch: str, said: str | None, kind: str | None, message: str, api: FakeApi) -> None:
    project = api.project_list[0]

    with pytest.raises(UserError) as caught:
        the_compute(client(api), project, the_branch(client(api), project, branch), said, kind=kind)

    assert caught.value.message.startswith(message)


def test_a_compute_by_its_name(api: FakeApi) -> None:
    main = api.branch_list[0]
    api.endpoint_list.append(replace(endpoint_of(main, 8, "read_only"), name="reports"))

    assert the_compute(client(api), api.project_list[0], main, "reports").id == "ep-cold-sea-00000008"


@pytest.mark.parametrize(
    ("said", "found", "expected"),
    [(None, ["anna"], "anna"), ("anna", ["bert", "anna"], "anna")],
)
def test_a_name(said: str | None, found: list[str], expected: str) -> None:
    assert the_name("role", said, found) == expected


@pytest.mark.parametrize(
    ("said", "found", "message", "hint"),
    [
        ("☃", ["anna"], "there is no role '☃'; found: anna", ""),
        ("☃", [], "there is no role '☃'; found: none", ""),
        (None, [], "there is no role", "make one with `dormouse role create`"),
        (None, ["anna", "bert"], "there are several roles: anna, bert", "choose one with --role"),
    ],
)
def test_no_name(said: str | None, found: list[str], message: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        the_name("role", said, found)

    assert (caught.value.message, caught.value.hint) == (message, hint)
