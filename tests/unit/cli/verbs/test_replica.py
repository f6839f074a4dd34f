import json
from typing import Any

from fake_api import FakeApi


def test_replicas_as_a_table(run: Any) -> None:
    lines = run("replica", "list").shown.splitlines()

    assert [line.split()[:2] for line in lines[1:]] == [
        ["ep-cold-sea-00000003", "idle"],
        ["ep-cold-sea-00000004", "idle"],
    ]


def test_a_branch_without_replicas_says_how_to_add_one(run: Any) -> None:
    done = run("replica", "list", "--branch", "dev")

    assert (done.code, done.shown) == (0, "")
    assert "`dormouse replica add` makes one" in done.said
    assert json.loads(run("replica", "list", "--branch", "dev", "--json").shown) == []


def test_a_replica_is_added(run: Any, api: FakeApi) -> None:
    done = run("replica", "add", "--branch", "dev")

    made = api.endpoint_list[-1]
    assert (made.type, made.branch_id) == ("read_only", "br-cold-sea-00000002")
    assert done.shown.startswith(f"replica {made.id} of branch dev made")
    assert "next: `dormouse env dev --replica`" in done.said


def test_a_replica_is_removed(run: Any, api: FakeApi) -> None:
    assert run("replica", "remove", "ep-cold-sea-00000003", "--yes").code == 0
    assert "ep-cold-sea-00000003" not in {each.id for each in api.endpoint_list}


def test_of_several_replicas_the_id_is_wanted(run: Any, api: FakeApi) -> None:
    done = run("replica", "remove", "--yes")

    assert (done.code, api.calls) == (1, [])
    assert "branch 'main' has several replicas: ep-cold-sea-00000003" in done.said


def test_a_primary_is_no_replica(run: Any, api: FakeApi) -> None:
    assert run("replica", "remove", "ep-cold-sea-00000001", "--yes").code == 1
    assert api.calls == []
