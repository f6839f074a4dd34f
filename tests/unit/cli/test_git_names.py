import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.cli.git_names import database_name, usual_default


@pytest.mark.parametrize(
    ("git_branch", "expected"),
    [
        ("pr-41", "pr-41"),
        ("feature/login", "feature/login"),
        ("JIRA-7_x.y", "JIRA-7_x.y"),
        ("41", "41"),
        # Would be taken for a point, an id, a position; a shell would trip.
        ("me@home", "me-home-8b858697"),
        ("br-my-own-thing", "my-own-thing-bf7ce5f0"),
        ("dead/beef", "dead/beef-67bba3a6"),
        ("a$(b)", "a-b-22181ad0"),
        ("☃", "git-51643361"),
        ("fix-☃", "fix-70e7ca46"),
        ("-x", "x-a4209624"),
        ("br@", "git-15d9ed2c"),
        ("br-br-x@y", "x-y-8eac6db6"),
        # Ends like a hash, and could be another one's.
        ("fix-deadbeef", "fix-deadbeef-4df4b325"),
    ],
)
def test_names(git_branch: str, expected: str) -> None:
    assert database_name(git_branch) == expected


def test_a_long_name_is_shortened_and_stays_itself() -> None:
    one, other = database_name("x" * 200 + "1"), database_name("x" * 200 + "2")

    assert one != other
    assert len(one) < 100


def test_a_name_that_no_git_branch_is_to_get_is_avoided() -> None:
    assert database_name("production", not_to_be={"production"}) == "production-ab8e18ef"


GIT_BRANCHES = st.text(st.sampled_from("abrf018-/._@BR☃$"), min_size=1, max_size=14)


@given(st.lists(GIT_BRANCHES, unique=True, max_size=20))
def test_no_two_git_branches_get_one_name(git_branches: list[str]) -> None:
    assert len({database_name(each) for each in git_branches}) == len(git_branches)


@given(GIT_BRANCHES)
def test_names_are_safe(git_branch: str) -> None:
    name = database_name(git_branch)

    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._/-]*", name)
    assert not name.startswith("br-")


@pytest.mark.parametrize(("name", "expected"), [("main", True), ("master", True), ("Main", False), ("dev", False)])
def test_the_usual_main_branches(name: str, expected: bool) -> None:
    assert usual_default(name) is expected
