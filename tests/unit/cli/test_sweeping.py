from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dormouse.api.records import Branch
from dormouse.cli.made_branches import MadeBranch
from dormouse.cli.sweeping import plan_sweep
from dormouse.names import BranchId, ProjectId
from fake_api import branch_of

SHOP = ProjectId("cold-sea-00000001")


def identifier(number: int) -> BranchId:
    return BranchId(f"br-cold-sea-{number:08}")


def branch(number: int, parent: int | None = None, **more: Any) -> Branch:
    above = None if parent is None else identifier(parent)
    return branch_of(SHOP, number, f"b{number}", parent_id=above, **more)


def made(number: int) -> MadeBranch:
    """For the git branch g1, g2, …"""
    return MadeBranch(git_branch=f"g{number}", project_id=SHOP, branch_id=identifier(number))


MAIN = branch(1, default=True)


def test_what_was_made_for_a_git_branch_that_is_gone_goes() -> None:
    plan = plan_sweep([made(2), made(3)], ["main", "g3"], {}, [MAIN, branch(2, 1), branch(3, 1), branch(4, 1)])

    assert plan.goes == ((made(2), branch(2, 1)),)
    assert (plan.stays, plan.forgotten) == ((), ())


def test_the_default_a_protected_one_and_a_parent_stay() -> None:
    there = [MAIN, branch(2, 1, protected=True), branch(3, 1), branch(4, 3)]

    plan = plan_sweep([made(1), made(2), made(3)], [], {}, there)

    assert plan.goes == ()
    assert [(each.git_branch, why) for each, _, why in plan.stays] == [
        ("g1", "it is the default branch"),
        ("g2", "it is protected"),
        ("g3", "it has children: b4"),
    ]


def test_a_parent_goes_after_its_children() -> None:
    plan = plan_sweep([made(2), made(3), made(4)], [], {}, [MAIN, branch(2, 1), branch(3, 2), branch(4, 3)])

    assert [each.git_branch for each, _ in plan.goes] == ["g4", "g3", "g2"]


def test_a_renamed_git_branch_keeps_its_database_branch() -> None:
    claims = {"new-name": identifier(2), "gone": identifier(3)}

    plan = plan_sweep([made(2), made(3)], ["new-name"], claims, [MAIN, branch(2, 1), branch(3, 1)])

    assert [each.git_branch for each, _ in plan.goes] == ["g3"]


def test_what_is_gone_on_both_sides_is_forgotten() -> None:
    plan = plan_sweep([made(2), made(3)], ["g3"], {}, [MAIN])

    assert (plan.goes, plan.forgotten) == ((), (made(2),))


@given(
    parents=st.lists(st.integers(1, 12), min_size=1, max_size=12),
    remembered=st.sets(st.integers(1, 12)),
    git=st.sets(st.integers(1, 12)),
    protected=st.sets(st.integers(1, 12)),
)
def test_nothing_goes_that_must_stay(
    parents: list[int], remembered: set[int], git: set[int], protected: set[int]
) -> None:
    there = [MAIN] + [
        branch(at, min(parent, at - 1), protected=at in protected) for at, parent in enumerate(parents, start=2)
    ]

    plan = plan_sweep([made(each) for each in sorted(remembered)], [f"g{each}" for each in git], {}, there)

    alive = {each.id: each for each in there}
    for record, gone in plan.goes:
        assert record.git_branch not in {f"g{each}" for each in git}
        assert not (gone.default or gone.protected)
        assert all(each.parent_id != gone.id for each in alive.values())
        del alive[gone.id]
    for _, kept, why in plan.stays:
        assert kept.id in alive
        assert why
