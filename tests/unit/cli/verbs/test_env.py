import json
from pathlib import Path
from typing import Any

import pytest

from fake_api import FakeApi

PRIMARY, OF_DEV, FIRST, SECOND = (f"ep-cold-sea-{number:08}" for number in (1, 2, 3, 4))


def found(run: Any, *asked: str) -> dict[str, str]:
    return dict(json.loads(run("env", "--format", "json", *asked).shown))


def test_three_variables(run: Any) -> None:
    variables = found(run)

    assert list(variables) == ["DATABASE_URL", "DATABASE_URL_UNPOOLED", "DATABASE_REPLICA_URL"]
    assert f"@{PRIMARY}.dormouse.localhost:55432/shop?" in variables["DATABASE_URL"]
    assert variables["DATABASE_URL"] == variables["DATABASE_URL_UNPOOLED"]
    assert [FIRST in url or SECOND in url for url in variables["DATABASE_REPLICA_URL"].split()] == [True, True]


def test_pooled_leaves_one_that_is_not(run: Any) -> None:
    variables = found(run, "--pooled")

    assert f"@{PRIMARY}-pooler." in variables["DATABASE_URL"]
    assert f"@{PRIMARY}." in variables["DATABASE_URL_UNPOOLED"]


def test_the_replica_instead_of_the_primary(run: Any) -> None:
    assert f"@{FIRST}." in found(run, "--replica")["DATABASE_URL"]


@pytest.mark.parametrize(
    "asked", [("dev",), ("--branch", "dev"), ("br-cold-sea-00000002",), ("dev", "--branch", "dev")]
)
def test_of_a_branch(asked: tuple[str, ...], run: Any) -> None:
    variables = found(run, *asked)

    assert OF_DEV in variables["DATABASE_URL"]
    assert "DATABASE_REPLICA_URL" not in variables


def test_of_the_pinned_branch(run: Any, folder: Path) -> None:
    (folder.parent / ".neon").write_text('{"projectId": "cold-sea-00000001", "branch": "dev"}')

    assert OF_DEV in found(run)["DATABASE_URL"]
    assert PRIMARY in found(run, "main")["DATABASE_URL"]


def test_two_branches_are_asked_wrongly(run: Any) -> None:
    assert run("env", "dev", "--branch", "main").code == 2


def test_as_json_has_the_variables_too(run: Any, api: FakeApi) -> None:
    details = json.loads(run("env", "--json").shown)

    assert details["endpoint_id"] == PRIMARY
    assert details["ca"] is None
    assert details["DATABASE_URL_UNPOOLED"] == details["url"]


def test_neonctl_is_pointed_to_the_same_platform(run: Any) -> None:
    assert run("env", "--format", "neonctl").shown == (
        "export NEON_API_HOST=http://127.0.0.1:55433/api/v2\nexport NEON_API_KEY=napi_secret\n"
    )
