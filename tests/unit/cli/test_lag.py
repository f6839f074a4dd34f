from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dormouse.api.records import Endpoint, ReplicaLag
from dormouse.cli.lag import behind
from dormouse.names import BranchId, EndpointId, ProjectId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REPLICA = Endpoint(
    id=EndpointId("ep-a"),
    project_id=ProjectId("p"),
    branch_id=BranchId("br-a"),
    host="ep-a.localhost",
    proxy_host="localhost",
    region_id="aws-eu-central-1",
    type="read_only",
    current_state="active",
    autoscaling_limit_min_cu=0.25,
    autoscaling_limit_max_cu=0.25,
    settings={},
    pooler_enabled=False,
    pooler_mode="transaction",
    disabled=False,
    passwordless_access=True,
    suspend_timeout_seconds=0,
    provisioner="k8s-neonvm",
    creation_source="console",
    created_at=NOW,
    updated_at=NOW,
)


@pytest.mark.parametrize(
    ("lag", "text"),
    [
        (None, ""),
        (ReplicaLag(lag_bytes=0, lag_ms=0), "0 B"),
        (ReplicaLag(lag_bytes=3_400_000, lag_ms=120), "3.4 MB, 120 ms"),
    ],
)
def test_a_lag_is_told_in_bytes_and_milliseconds(lag: ReplicaLag | None, text: str) -> None:
    assert behind(replace(REPLICA, dormouse=lag)) == text
