import json
from typing import Any

import pytest

from fake_api import FakeApi


def test_computes_as_a_table(run: Any) -> None:
    rows = [line.split()[:4] for line in run("compute", "list").shown.splitlines()[1:]]

    assert ["ep-cold-sea-00000002", "dev", "read_write", "idle"] in rows
    assert len(json.loads(run("compute", "list", "--json").shown)) == 4


@pytest.mark.parametrize(("verb", "state"), [("start", "active"), ("suspend", "idle"), ("restart", "active")])
def test_a_compute_is_set_going(verb: str, state: str, run: Any, api: FakeApi) -> None:
    done = run("compute", verb, "--branch", "dev")

    assert api.calls == [f"{verb}_endpoint"]
    assert done.shown.startswith("compute ep-cold-sea-00000002 ")
    assert f": {state} · " in done.shown


def test_for_programs_as_it_is_then(run: Any) -> None:
    found = json.loads(run("compute", "start", "ep-cold-sea-00000001", "--json").shown)

    assert found["current_state"] == "active"
