from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dormouse.api.records import Branch
from dormouse.cli.tree import drawn
from dormouse.names import BranchId, ProjectId
from fake_api import branch_of

SHOP = ProjectId("cold-sea-00000001")


def branch(number: int, parent: int | None = None, **more: object) -> Branch:
    above = None if parent is None else BranchId(f"br-cold-sea-{parent:08}")
    return branch_of(SHOP, number, f"b{number}", parent_id=above, **more)


def lines(*branches: Branch) -> list[str]:
    return [before + each.name for before, each in drawn(branches)]


def test_nothing_is_drawn_of_nothing() -> None:
    assert lines() == []


def test_children_stand_below_their_parent_the_older_first() -> None:
    assert lines(branch(4, 1), branch(1), branch(3, 2), branch(2, 1)) == ["b1", "├─ b2", "│  └─ b3", "└─ b4"]


def test_the_default_branch_comes_first() -> None:
    assert lines(branch(1), branch(2, default=True)) == ["b2", "b1"]


def test_an_orphan_is_a_root() -> None:
    assert lines(branch(2, 1)) == ["b2"]


def test_who_is_its_own_parent_is_drawn_all_the_same() -> None:
    odd = branch(1)
    assert lines(replace(odd, parent_id=odd.id)) == ["b1"]


@given(st.lists(st.integers(min_value=-1, max_value=20), max_size=20))
def test_every_branch_is_drawn_once(parents: list[int]) -> None:
    # Each parent is older than its child, as in any project.
    branches = [branch(at, None if parent < 0 or parent >= at else parent) for at, parent in enumerate(parents)]

    found = [each.id for _, each in drawn(branches)]

    assert sorted(found) == sorted(each.id for each in branches)
