"""Operations as the console shows them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dormouse.control.model import Operation, OperationAction, OperationStatus
from dormouse.names import BranchId, OperationId
from dormouse.web.console.wording import duration

__all__ = ["OperationRow", "operation_row"]

_WORDS: Final = {
    OperationAction.CREATE_TIMELINE: "Create timeline",
    OperationAction.CREATE_BRANCH: "Create branch",
    OperationAction.CREATE_COMPUTE: "Create compute",
    OperationAction.START_COMPUTE: "Start compute",
    OperationAction.SUSPEND_COMPUTE: "Suspend compute",
    OperationAction.APPLY_CONFIG: "Apply configuration",
    OperationAction.DELETE_TIMELINE: "Delete timeline",
}
_ON_THE_WAY: Final = (OperationStatus.SCHEDULING, OperationStatus.RUNNING, OperationStatus.CANCELLING)
_FAILED: Final = (OperationStatus.FAILED, OperationStatus.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRow:
    """One line of the log."""

    id: OperationId
    what: str
    branch: str
    compute: str
    status: str
    kind: str
    """How its badge is drawn."""
    duration: str
    """A dash while it runs."""
    created_at: datetime
    error: str


def operation_row(operation: Operation, branches: Mapping[BranchId, str]) -> OperationRow:
    """With the names of the branches that are there."""
    runs = operation.status in _ON_THE_WAY
    failed = operation.status in _FAILED
    branch = operation.branch_id
    return OperationRow(
        id=operation.id,
        what=_WORDS[operation.action],
        branch="" if branch is None else branches.get(branch, branch),
        compute=operation.endpoint_id or "",
        status=operation.status.value,
        kind="waking" if runs else "bad" if failed else "ready",
        duration="–" if runs else duration(operation.total_duration_ms),
        created_at=operation.created_at,
        error=operation.error or "",
    )
