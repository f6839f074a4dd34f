import json
from typing import Any

from fake_api import FakeApi


def test_roles(run: Any) -> None:
    assert run("role", "list").shown.split() == ["role", "marks", "anna"]
    assert [each["name"] for each in json.loads(run("role", "list", "--json").shown)] == ["anna"]


def test_a_new_password_stands_alone_on_standard_output(run: Any, api: FakeApi) -> None:
    made = run("role", "create", "reports", "--branch", "dev")
    assert made.shown == "npg_new\n"
    assert "role reports made on branch dev" in made.said
    assert "npg" not in made.said
    assert api.role_names == ["anna", "reports"]

    reset = run("role", "reset-password", "reports", "--yes")
    assert reset.shown == "npg_newer\n"
    assert "npg" not in reset.said


def test_a_new_role_for_programs(run: Any) -> None:
    made = json.loads(run("role", "create", "reports", "--json").shown)

    assert (made["name"], made["password"]) == ("reports", "npg_new")


def test_a_password_is_shown_to_who_asks(run: Any) -> None:
    assert run("role", "password").shown == "npg_secret\n"
    assert json.loads(run("role", "password", "anna", "--json").shown) == {
        "name": "anna",
        "password": "npg_secret",
    }


def test_a_role_is_deleted(run: Any, api: FakeApi) -> None:
    assert run("role", "delete", "anna", "--yes").shown.startswith("role anna deleted")
    assert api.role_names == []
