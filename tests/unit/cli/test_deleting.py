import pytest

from dormouse.cli.deleting import obstacles
from dormouse.names import BranchId, ProjectId
from fake_api import branch_of

SHOP = ProjectId("cold-sea-00000001")
PARENT = branch_of(SHOP, 2, "dev")
CHILDREN = [branch_of(SHOP, number, f"pr-{number}", parent_id=PARENT.id) for number in (3, 4)]


def test_nothing_is_in_the_way_of_a_leaf() -> None:
    assert obstacles(PARENT, [PARENT]) is None


@pytest.mark.parametrize(
    ("more", "why"), [({"default": True}, "it is the default branch"), ({"protected": True}, "it is protected")]
)
def test_marks_are_in_the_way(more: dict[str, bool], why: str) -> None:
    found = obstacles(branch_of(SHOP, 2, "dev", **more), [])

    assert found is not None
    assert found[0] == why


def test_children_are_in_the_way() -> None:
    assert obstacles(PARENT, [PARENT, *CHILDREN]) == ("it has children: pr-3, pr-4", "delete them first")
    assert PARENT.id == BranchId("br-cold-sea-00000002")
