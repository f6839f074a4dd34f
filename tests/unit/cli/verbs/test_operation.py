import json
from typing import Any

from fake_api import FakeApi


def test_operations_newest_first(run: Any, api: FakeApi) -> None:
    run("compute", "start", "--branch", "dev")
    run("branch", "create", "pr-41")

    actions = [line.split()[1] for line in run("operation", "list").shown.splitlines()[1:]]

    assert actions == ["create_branch", "start_endpoint"]
    assert len(json.loads(run("operation", "list", "--limit", "1", "--json").shown)) == 1


def test_no_operation_is_no_failure(run: Any) -> None:
    assert (run("operation", "list").code, run("operation", "list").shown) == (0, "")


def test_one_operation(run: Any, api: FakeApi) -> None:
    run("branch", "create", "pr-41")
    identifier = api.operation_list[0].id

    assert "action    create_branch" in run("operation", "get", identifier).shown
    assert json.loads(run("operation", "get", identifier, "--json").shown)["status"] == "finished"


def test_an_unknown_operation_is_refused_in_the_servers_words(run: Any) -> None:
    done = run("operation", "get", "☃", "-q")

    assert (done.code, done.said) == (1, "dormouse: operation not found\n")


def test_operations_are_said_to_have_ended(run: Any) -> None:
    run("branch", "create", "pr-41")

    assert run("operation", "finish").shown.startswith("1 operation ended")
    assert json.loads(run("operation", "finish", "--json").shown) == {"operations": 1}
