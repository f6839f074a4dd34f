from pathlib import Path

import pytest

from dormouse.names import BranchId, EndpointId, Incarnation, ProjectId
from dormouse.storage import layout
from dormouse.storage.layout import Layout

HOME = Path("/home/anna/100% o'clock")
LAYOUT = Layout(HOME)
BRANCH = LAYOUT.branch(ProjectId("p"), BranchId("br-a"), Incarnation("0f"))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (LAYOUT.api_key, "api-key"),
        (LAYOUT.catalog, "catalog.sqlite"),
        (LAYOUT.run, "run"),
        (LAYOUT.lock, "run/lock"),
        (LAYOUT.platform_json, "run/platform.json"),
        (LAYOUT.log, "run/dormouse.log"),
        (LAYOUT.tls, "tls"),
        (LAYOUT.postgres, "postgres"),
        (LAYOUT.templates, "templates"),
        (LAYOUT.spares, "spares"),
        (LAYOUT.building, "building"),
        (LAYOUT.projects, "projects"),
        (LAYOUT.project(ProjectId("p")), "projects/p"),
        (BRANCH.root, "projects/p/branches/br-a/0f"),
        (BRANCH.data, "projects/p/branches/br-a/0f/data"),
        (BRANCH.wal, "projects/p/branches/br-a/0f/wal"),
        (BRANCH.bases, "projects/p/branches/br-a/0f/bases"),
        (BRANCH.replicas, "projects/p/branches/br-a/0f/replicas"),
        (BRANCH.replica_data(EndpointId("ep-r")), "projects/p/branches/br-a/0f/replicas/ep-r/data"),
    ],
)
def test_places_below_the_home(found: Path, expected: str) -> None:
    assert found == HOME / expected


def test_what_is_in_the_home_is_drawn() -> None:
    drawing = layout.__doc__ or ""
    kinds = [name for name, kind in vars(Layout).items() if isinstance(kind, property)]

    assert kinds
    assert [name for name in kinds if getattr(LAYOUT, name).name not in drawing] == []


def test_two_lives_of_a_branch_share_no_folder() -> None:
    other = LAYOUT.branch(ProjectId("p"), BranchId("br-a"), Incarnation("1f"))

    assert not other.root.is_relative_to(BRANCH.root)
    assert not BRANCH.root.is_relative_to(other.root)
