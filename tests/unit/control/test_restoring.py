from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dormouse.control.changes import Put
from dormouse.control.model import Branch, BranchState, EndpointDefaults, Project
from dormouse.control.past import Copies, KeptBecause
from dormouse.control.restoring import as_kept, taken_back
from dormouse.names import BranchId, Incarnation, OperationId, ProjectId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = ProjectId("p")
OWNER = Project(
    id=PROJECT,
    name="p",
    pg_version=17,
    region_id="local",
    store_passwords=True,
    history_retention_seconds=60,
    default_endpoint_settings=EndpointDefaults(),
    created_at=NOW,
    updated_at=NOW,
)


def branch(name: str, parent: str | None = None) -> Branch:
    return Branch(
        id=BranchId(name),
        project_id=PROJECT,
        name=name,
        incarnation=Incarnation(f"{name}-1"),
        state=BranchState.READY,
        default=False,
        protected=False,
        created_at=NOW,
        updated_at=NOW,
        parent_id=None if parent is None else BranchId(parent),
    )


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([branch("main")], "main"),
        ([], None),
        # The parent was restored from it since, and would become its own ancestor.
        ([branch("main", "dev")], None),
        ([branch("main", "old"), branch("old", "dev")], None),
    ],
    ids=["is there", "was deleted", "is its child now", "is its grandchild now"],
)
def test_what_is_taken_back_has_its_parent_again(others: list[Branch], expected: str | None) -> None:
    kept = as_kept(OperationId("o"), OWNER, branch("dev", "main"), Copies(), KeptBecause.RESTORE, NOW)
    present = replace(branch("dev", "sibling"), incarnation=Incarnation("dev-2"))

    changes = taken_back(kept, present, Copies(), [present, *others], NOW)

    (back,) = (each.record for each in changes if isinstance(each, Put) and isinstance(each.record, Branch))
    assert (back.incarnation, back.parent_id) == ("dev-1", expected)
