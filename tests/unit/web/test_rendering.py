import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from dormouse.api.json_form import to_json
from dormouse.control import model, past
from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId
from dormouse.web.rendering import (
    Rendering,
    annotation,
    api_key,
    history,
    kept_state,
    new_api_key,
    revoked_api_key,
    schedule_item,
    snapshot,
)

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


KEPT = past.Kept(
    id=OperationId("op"),
    project_id=PROJECT.id,
    branch=BRANCH,
    copies=past.Copies(),
    endpoints=(),
    because=past.KeptBecause.DELETE,
    kept_at=NOW,
    kept_until=NOW + timedelta(days=7),
)


@pytest.mark.parametrize(
    ("expires_at", "method"), [(None, "user"), (NOW + timedelta(seconds=1), "user"), (NOW, "ttl")]
)
def test_a_deleted_branch_says_until_when_it_can_be_recovered(expires_at: datetime | None, method: str) -> None:
    kept = dataclasses.replace(KEPT, branch=dataclasses.replace(BRANCH, expires_at=expires_at))

    assert to_json(RENDERING.deleted_branch(kept))["recovery"] == {
        "deleted_at": "2026-01-01T12:00:00Z",
        "recoverable_until": "2026-01-08T12:00:00Z",
        "deletion_method": method,
    }


def test_a_branch_says_where_its_data_came_from() -> None:
    branch = dataclasses.replace(
        BRANCH,
        init_source="schema-only",
        last_reset_at=NOW,
        restored_from="snap-1",
        restored_as=BranchId("br-old"),
        restore_status="restored",
    )
    shown = to_json(RENDERING.branch(branch))

    assert (shown["init_source"], shown["last_reset_at"]) == ("schema-only", "2026-01-01T12:00:00Z")
    assert (shown["restored_from"], shown["restored_as"], shown["restore_status"]) == (
        "snap-1",
        "br-old",
        "restored",
    )
    unrestored = to_json(RENDERING.branch(BRANCH))
    assert not {"last_reset_at", "restored_from", "restored_as", "restore_status", "recovery"} & unrestored.keys()


def test_annotation_of_a_branch() -> None:
    shown = to_json(annotation(dataclasses.replace(BRANCH, annotation={"git": "x"})))

    assert (shown["object"], shown["value"]) == ({"type": "console/branch", "id": "br"}, {"git": "x"})


def test_snapshot_is_shown_in_whole_seconds() -> None:
    kept = past.Snapshot(
        id="snap-1",
        project_id=PROJECT.id,
        name="s",
        source_branch_id=BRANCH.id,
        lsn="0/1",
        timestamp=NOW,
        created_at=NOW,
        copies=past.Copies(),
    )

    assert to_json(snapshot(kept)) == {
        "id": "snap-1",
        "name": "s",
        "lsn": "0/1",
        "timestamp": "2026-01-01T12:00:00Z",
        "source_branch_id": "br",
        "created_at": "2026-01-01T12:00:00Z",
        "manual": True,
    }


def test_line_of_a_schedule_holds_what_was_said() -> None:
    item = past.ScheduleItem(frequency="daily", hour=0, retention_seconds=3600)

    assert to_json(schedule_item(item)) == {"frequency": "daily", "hour": 0, "retention_seconds": 3600}


def test_history_and_kept_states_are_exact() -> None:
    found = past.History(earliest_lsn=0x16B374D848, earliest_time=NOW, head_lsn=0x16B374D900, own_bytes=7, bases=2)

    assert to_json(history(BRANCH.id, found)) == {
        "branch_id": "br",
        "earliest_lsn": "16/B374D848",
        # Whole seconds would name a moment that is too early.
        "earliest_time": "2026-01-01T12:00:00.987654Z",
        "head_lsn": "16/B374D900",
        "own_bytes": 7,
        "bases": 2,
    }
    assert to_json(kept_state(KEPT)) == {
        "id": "op",
        "branch_id": "br",
        "branch_name": "main",
        "because": "delete",
        "kept_at": "2026-01-01T12:00:00.987654Z",
        "kept_until": "2026-01-08T12:00:00Z",
    }


def test_settings_are_shown_as_they_are_kept() -> None:
    settings = model.ProjectSettings(
        quota=model.Quota(active_time_seconds=0, logical_size_bytes=5),
        maintenance_window=model.MaintenanceWindow(weekdays=(1, 7), start_time="01:00", end_time="02:00"),
        hipaa=False,
        audit_log_level=model.AuditLogLevel.FULL,
        preload_libraries=model.PreloadLibraries(use_defaults=False, enabled_libraries=("auto_explain",)),
    )
    usual = model.EndpointDefaults(pg_settings={"jit": "off"})
    project = dataclasses.replace(PROJECT, settings=settings, default_endpoint_settings=usual)
    shown = to_json(RENDERING.project(project))

    assert shown["settings"] == {
        "allowed_ips": {"ips": [], "protected_branches_only": False},
        "enable_logical_replication": False,
        "block_public_connections": False,
        "block_vpc_connections": False,
        "quota": {"active_time_seconds": 0, "logical_size_bytes": 5},
        "maintenance_window": {"weekdays": [1, 7], "start_time": "01:00", "end_time": "02:00"},
        "hipaa": False,
        "audit_log_level": "full",
        "preload_libraries": {"use_defaults": False, "enabled_libraries": ["auto_explain"]},
    }
    assert shown["default_endpoint_settings"]["pg_settings"] == {"jit": "off"}
    of_nobody = to_json(RENDERING.project(PROJECT))
    assert (
        not {"quota", "hipaa", "maintenance_window", "audit_log_level", "preload_libraries"}
        & of_nobody["settings"].keys()
    )
    assert "pg_settings" not in of_nobody["default_endpoint_settings"]


def test_settings_of_an_endpoint() -> None:
    settings = model.EndpointSettings(pg_settings={"jit": "off"}, preload_libraries=model.PreloadLibraries())
    shown = to_json(RENDERING.endpoint(dataclasses.replace(ENDPOINT, settings=settings), PROJECT))

    assert shown["settings"] == {
        "pg_settings": {"jit": "off"},
        "preload_libraries": {"use_defaults": True, "enabled_libraries": ()},
    }
    assert to_json(RENDERING.endpoint(ENDPOINT, PROJECT))["settings"] == {}
