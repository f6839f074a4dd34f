import dataclasses
from datetime import UTC, datetime

import pytest

from dormouse.api.json_form import to_json
from dormouse.control import model
from dormouse.names import BranchId, EndpointId, Incarnation, ProjectId
from dormouse.web.rendering import Rendering

NOW = datetime(2026, 1, 1, 12, 0, 0, 987654, tzinfo=UTC)
RENDERING = Rendering(host=lambda endpoint: f"{endpoint}.db.test:5433", proxy_host="db.test")

PROJECT = model.Project(
    id=ProjectId("p"),
    name="n",
    pg_version=17,
    region_id="r",
    store_passwords=True,
    history_retention_seconds=0,
    default_endpoint_settings=model.EndpointDefaults(),
    created_at=NOW,
    updated_at=NOW,
)
BRANCH = model.Branch(
    id=BranchId("br"),
    project_id=PROJECT.id,
    name="main",
    incarnation=Incarnation("0" * 32),
    state=model.BranchState.READY,
    default=True,
    protected=False,
    created_at=NOW,
    updated_at=NOW,
)
ENDPOINT = model.Endpoint(
    id=EndpointId("ep"),
    project_id=PROJECT.id,
    branch_id=BRANCH.id,
    type=model.EndpointType.READ_WRITE,
    name="",
    autoscaling_limit_min_cu=0.25,
    autoscaling_limit_max_cu=0.25,
    suspend_timeout_seconds=0,
    disabled=False,
    created_at=NOW,
    updated_at=NOW,
)


def test_endpoint_has_its_host_and_its_projects_region() -> None:
    shown = to_json(RENDERING.endpoint(ENDPOINT, PROJECT))

    assert (shown["host"], shown["proxy_host"], shown["region_id"]) == ("ep.db.test:5433", "db.test", "r")
    assert shown["created_at"] == "2026-01-01T12:00:00Z"


@pytest.mark.parametrize("field", ["name", "pending_state", "last_active", "started_at", "suspended_at"])
def test_what_an_endpoint_does_not_have_is_absent(field: str) -> None:
    assert field not in to_json(RENDERING.endpoint(ENDPOINT, PROJECT))


@pytest.mark.parametrize(
    ("state", "pending"), [("init", "ready"), ("resetting", "ready"), ("ready", None), ("archived", None)]
)
def test_branch_on_its_way_says_where_to(state: str, pending: str | None) -> None:
    branch = dataclasses.replace(BRANCH, state=model.BranchState(state))
    shown = to_json(RENDERING.branch(branch))

    assert (shown["current_state"], shown.get("pending_state")) == (state, pending)


def test_primary_is_the_old_name_of_default() -> None:
    assert RENDERING.branch(BRANCH).primary is RENDERING.branch(BRANCH).default is True


def test_project_in_a_list_has_active_time_and_alone_has_the_counters() -> None:
    assert to_json(RENDERING.project_in_list(PROJECT))["active_time"] == 0
    assert "active_time" not in to_json(RENDERING.project(PROJECT))
    assert to_json(RENDERING.project(PROJECT))["consumption_period_start"] == "0001-01-01T00:00:00Z"


def test_role_shows_its_password_only_when_told_to() -> None:
    role = model.Role(
        branch_id=BRANCH.id, name="anna", password="secret", protected=False, created_at=NOW, updated_at=NOW
    )

    assert "password" not in to_json(RENDERING.role(role))
    assert to_json(RENDERING.role(role, with_password=True))["password"] == "secret"
