import pytest

from dormouse.control.model import OperationAction, OperationStatus
from dormouse.names import BranchId
from dormouse.web.console.operation_views import operation_row
from fix_values import operation

NAMES = {BranchId("br-main"): "main"}


@pytest.mark.parametrize(
    ("status", "kind", "took"),
    [
        (OperationStatus.SCHEDULING, "waking", "–"),
        (OperationStatus.RUNNING, "waking", "–"),
        (OperationStatus.FINISHED, "ready", "48 ms"),
        (OperationStatus.SKIPPED, "ready", "48 ms"),
        (OperationStatus.FAILED, "bad", "48 ms"),
        (OperationStatus.CANCELLED, "ready", "48 ms"),
    ],
)
def test_a_row(status: OperationStatus, kind: str, took: str) -> None:
    row = operation_row(operation(status, total_duration_ms=48), NAMES)

    assert (row.what, row.branch, row.compute) == ("Start compute", "main", "ep-a")
    assert (row.status, row.kind, row.duration) == (status.value, kind, took)


@pytest.mark.parametrize("action", OperationAction)
def test_every_action_has_words(action: OperationAction) -> None:
    assert operation_row(operation(OperationStatus.FINISHED, action=action), {}).what


def test_what_is_gone_keeps_its_id() -> None:
    row = operation_row(operation(OperationStatus.FAILED, endpoint_id=None, error="no room"), {})

    assert (row.branch, row.compute, row.error) == ("br-main", "", "no room")
