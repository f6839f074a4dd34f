"""What is asked of a branch while something is being made of it."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from fix_past import (
    Diary,
    branched,
    diary_of,
    failure_of,
    is_swept,
    restored,
    until_at_rest,
)
from fix_platform import Platform, rows, wait_until

from dormouse.api.errors import Missing, Refused
from dormouse.names import BranchId


@pytest.fixture
def dev(platform: Platform) -> Diary:
    """A branch below the default one, with rows, awake."""
    diary = Diary(branched(platform, platform.create(), "dev"))
    diary.write(6)
    return diary


@pytest.mark.parametrize("asleep", [False, True], ids=["parent awake", "parent asleep"])
def test_a_parent_stays_while_a_child_is_cloned(platform: Platform, dev: Diary, asleep: bool) -> None:
    made = dev.made
    if asleep:
        platform.put_to_sleep(made)

    children = [branched(platform, made), branched(platform, made), branched(platform, made, lsn=dev.lsn_of(2))]
    with pytest.raises(Refused, match=f"cannot delete branch that has children: {children[0].branch}"):
        platform.client.delete_branch(made.project, made.branch)

    assert [diary_of(each.url) for each in children] == [[*range(6)], [*range(6)], [0, 1, 2]]


def test_a_model_is_deleted_while_its_schema_is_copied(platform: Platform, dev: Diary) -> None:
    """It is no parent: the copy is whole, or says why it is not."""
    made = dev.made
    bare = branched(platform, made, "bare", schema_only=True)
    platform.client.delete_branch(made.project, made.branch)
    until_at_rest(platform, made)

    there = {each.name for each in platform.client.branches(made.project).branches}
    if "bare" in there:
        assert diary_of(bare.url) == []
    else:
        assert re.search("deleted or restored meanwhile|does not exist any more", failure_of(platform, made))
    assert "dev" not in there
    platform.client.recover_branch(made.project, made.branch)
    assert diary_of(made.url) == [*range(6)]


@pytest.mark.parametrize("asleep", [False, True], ids=["parent awake", "parent asleep"])
def test_a_parent_is_restored_while_children_are_cloned(platform: Platform, dev: Diary, asleep: bool) -> None:
    """They get what they were promised, from whoever has it by then."""
    made = dev.made
    if asleep:
        platform.put_to_sleep(made)

    head, past = branched(platform, made, "head"), branched(platform, made, "past", lsn=dev.lsn_of(3))
    restored(platform, made, made.branch, time=dev.marks[1].time_after, preserve="old")
    until_at_rest(platform, made)

    assert diary_of(made.url) == [0, 1]
    assert diary_of(head.url) == [*range(6)]
    assert diary_of(past.url) == [*range(4)]
    there = {each.name: each for each in platform.client.branches(made.project).branches}
    assert {there[name].parent_id for name in ("head", "past")} == {there["old"].id}
    # What they were made of is another branch's now, and so is its past, which they share.
    assert diary_of(branched(platform, head, time=dev.marks[2].time_after).url) == [0, 1, 2]


def test_two_restores_at_once_are_one_after_the_other(platform: Platform, dev: Diary) -> None:
    """In either order it ends at the earlier moment, and both states that were are kept."""
    made = dev.made

    def restore(number: int) -> None:
        restored(platform, made, made.branch, time=dev.marks[number].time_after, preserve=f"old {number}")

    with ThreadPoolExecutor(2) as both:
        list(both.map(restore, [1, 4]))

    assert diary_of(made.url) == [0, 1]
    old = [
        diary_of(branched(platform, replace(made, branch=BranchId(each.id))).url)
        for each in platform.client.branches(made.project).branches
        if each.name.startswith("old")
    ]
    assert sorted(old) in ([[0, 1], [*range(6)]], [[*range(5)], [*range(6)]])


def test_a_branch_is_deleted_while_it_is_made(platform: Platform, dev: Diary) -> None:
    made = dev.made
    child = branched(platform, made, lsn=dev.lsn_of(2))

    platform.client.delete_branch(made.project, child.branch, hard=True)

    until_at_rest(platform, made)
    with pytest.raises(Missing):
        platform.client.branch(made.project, child.branch)
    with pytest.raises(psycopg.OperationalError, match="endpoint could not be found"):
        rows(child.url)
    wait_until(lambda: is_swept(platform), "nothing is half built")
    assert not list(platform.home.glob(f"projects/*/branches/{child.branch}"))
