import dataclasses
from datetime import UTC, datetime

import pytest

from dormouse.api.json_form import to_json
from dormouse.control import model
from dormouse.names import BranchId, EndpointId, Incarnation, ProjectId
from dormouse.web.rendering import Rendering, api_key, new_api_key, revoked_api_key

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


def test_settings_of_a_project_are_shown_as_they_are_kept() -> None:
    kept = model.ProjectSettings(
        allowed_ips=model.AllowedIps(ips=("::1",), protected_branches_only=True), enable_logical_replication=True
    )
    shown = to_json(RENDERING.project(dataclasses.replace(PROJECT, settings=kept)))["settings"]

    assert shown == {
        "allowed_ips": {"ips": ["::1"], "protected_branches_only": True},
        "enable_logical_replication": True,
        "block_public_connections": False,
        "block_vpc_connections": False,
    }


def test_deleted_project_says_until_when_it_can_be_recovered() -> None:
    gone = to_json(RENDERING.project_in_list(dataclasses.replace(PROJECT, deleted_at=NOW)))

    assert (gone["deleted_at"], gone["recoverable_until"]) == ("2026-01-01T12:00:00Z", "2026-01-08T12:00:00Z")
    assert "deleted_at" not in to_json(RENDERING.project_in_list(PROJECT))


def test_branch_says_where_it_begins_and_when_it_ends() -> None:
    child = dataclasses.replace(
        BRANCH,
        parent_id=BranchId("br-parent"),
        parent_lsn="0/1",
        parent_timestamp=NOW,
        expires_at=NOW,
        ttl_interval_seconds=60,
    )
    shown = to_json(RENDERING.branch(child))

    assert (shown["parent_lsn"], shown["parent_timestamp"]) == ("0/1", "2026-01-01T12:00:00Z")
    assert (shown["expires_at"], shown["ttl_interval_seconds"]) == ("2026-01-01T12:00:00Z", 60)
    assert {"parent_lsn", "parent_timestamp", "expires_at"}.isdisjoint(to_json(RENDERING.branch(BRANCH)))


def test_text_of_a_key_is_shown_once() -> None:
    key = model.ApiKey(id=1, name="robot", digest="d", created_at=NOW)

    assert new_api_key(key, "napi_secret").key == "napi_secret"
    assert "napi_secret" not in repr(new_api_key(key, "napi_secret"))
    assert "key" not in to_json(api_key(key)) and "digest" not in to_json(api_key(key))
    assert revoked_api_key(key).revoked is True
