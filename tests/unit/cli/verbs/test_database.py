import json
from typing import Any

from fake_api import FakeApi


def test_databases(run: Any) -> None:
    assert run("database", "list").shown.split() == ["database", "owner", "shop", "anna"]
    assert [each["name"] for each in json.loads(run("database", "list", "--json").shown)] == ["shop"]


def test_a_database_is_made_for_the_only_role(run: Any, api: FakeApi) -> None:
    done = run("database", "create", "blog", "--branch", "dev")

    assert api.database_names == ["shop", "blog"]
    assert done.shown.startswith("database blog of anna made on branch dev")
    assert "next: `dormouse env dev --database blog`" in done.said


def test_of_several_roles_the_owner_is_wanted(run: Any, api: FakeApi) -> None:
    api.role_names.append("bert")

    done = run("database", "create", "blog")
    assert (done.code, api.calls) == (1, [])
    assert "there are several roles: anna, bert\n  choose one with --owner" in done.said

    assert json.loads(run("database", "create", "blog", "--owner", "bert", "--json").shown)["owner_name"] == "bert"


def test_a_database_is_renamed_and_deleted(run: Any, api: FakeApi) -> None:
    assert run("database", "rename", "shop", "store").shown.startswith("database shop is now store")
    assert api.database_names == ["store"]

    assert run("database", "delete", "store", "--yes").shown.startswith("database store deleted")
    assert api.database_names == []
