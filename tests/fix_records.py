"""Records of the control plane for tables of tests: whole ones, of which a test says what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dormouse.control.model import (
    Branch,
    BranchState,
    Endpoint,
    EndpointDefaults,
    EndpointState,
    EndpointType,
    Operation,
    OperationAction,
    OperationStatus,
    Project,
)
from dormouse.control.past import History
from dormouse.names import BranchId, EndpointId, Incarnation, OperationId, ProjectId

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def minutes(count: float) -> datetime:
    """So many after the beginning."""
    return NOW + timedelta(minutes=count)


def project(**more: Any) -> Project:
    usual = Project(
        id=ProjectId("cold-sea-12345678"),
        name="shop",
        pg_version=18,
        region_id="aws-us-east-2",
        store_passwords=True,
        history_retention_seconds=86400,
        default_endpoint_settings=EndpointDefaults(),
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(usual, **more)


def branch(name: str, parent: str | None = None, **more: Any) -> Branch:
    """Called `br-` and its name."""
    usual = Branch(
        id=BranchId(f"br-{name}"),
        project_id=ProjectId("cold-sea-12345678"),
        name=name,
        incarnation=Incarnation("0" * 32),
        state=BranchState.READY,
        default=parent is None,
        protected=False,
        created_at=NOW,
        updated_at=NOW,
        parent_id=None if parent is None else BranchId(f"br-{parent}"),
    )
    return replace(usual, **more)


def endpoint(name: str = "a", **more: Any) -> Endpoint:
    """Asleep, and of the branch `main`."""
    usual = Endpoint(
        id=EndpointId(f"ep-{name}"),
        project_id=ProjectId("cold-sea-12345678"),
        branch_id=BranchId("br-main"),
        type=EndpointType.READ_WRITE,
        name="",
        autoscaling_limit_min_cu=0.25,
        autoscaling_limit_max_cu=0.25,
        suspend_timeout_seconds=0,
        disabled=False,
        created_at=NOW,
        updated_at=NOW,
        current_state=EndpointState.IDLE,
    )
    return replace(usual, **more)


def operation(status: OperationStatus, **more: Any) -> Operation:
    usual = Operation(
        id=OperationId("6f1c5c70-0000-4000-8000-000000000000"),
        project_id=ProjectId("cold-sea-12345678"),
        branch_id=BranchId("br-main"),
        endpoint_id=EndpointId("ep-a"),
        action=OperationAction.START_COMPUTE,
        status=status,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(usual, **more)


def history(**more: Any) -> History:
    usual = History(earliest_lsn=0x1000000, earliest_time=NOW, head_lsn=0x1FA22C0, own_bytes=4_200_000, bases=1)
    return replace(usual, **more)
