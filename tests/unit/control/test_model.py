from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from dormouse.control.model import (
    Endpoint,
    EndpointType,
    OperationAction,
    Role,
    StoredVerifier,
    suspend_timeout_s,
    whole_second,
)
from dormouse.names import BranchId, EndpointId, ProjectId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDPOINT = Endpoint(
    id=EndpointId("ep-a"),
    project_id=ProjectId("p"),
    branch_id=BranchId("br-a"),
    type=EndpointType.READ_WRITE,
    name="",
    autoscaling_limit_min_cu=0.25,
    autoscaling_limit_max_cu=0.25,
    suspend_timeout_seconds=0,
    disabled=False,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.mark.parametrize(("seconds", "expected"), [(0, 300.0), (-1, None), (1, 1.0), (604800, 604800.0)])
def test_when_a_compute_may_sleep(seconds: int, expected: float | None) -> None:
    assert suspend_timeout_s(replace(ENDPOINT, suspend_timeout_seconds=seconds)) == expected


def test_a_whole_second_is_in_utc_and_not_rounded_up() -> None:
    moment = datetime(2026, 1, 1, 2, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert whole_second(moment).isoformat() == "2026-01-01T00:00:00+00:00"


def test_records_hide_their_secrets() -> None:
    role = Role(
        branch_id=BranchId("br-a"), name="anna", password="secret", protected=False, created_at=NOW, updated_at=NOW
    )
    verifier = StoredVerifier(branch_id=BranchId("br-a"), role="anna", verifier="SCRAM-SHA-256$secret")

    assert "secret" not in repr([role, verifier])


def test_actions_are_those_that_every_client_knows() -> None:
    """neon-api 0.3.0 refuses a whole list of operations for one action that it has not heard of."""
    known = {
        "create_compute",
        "create_timeline",
        "start_compute",
        "suspend_compute",
        "apply_config",
        "check_availability",
        "delete_timeline",
        "create_branch",
        "timeline_archive",
        "timeline_unarchive",
        "detach_parent_branch",
    }

    assert {action.value for action in OperationAction} <= known
