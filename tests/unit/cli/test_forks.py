import pytest

from dormouse.cli.forks import LogEntry, made_from, nearest

KNOWN = ("main", "dev", "feature/x", "pr-41")


def log(*messages: str, at: int = 1000) -> list[LogEntry]:
    """Newest first, as git shows them; a minute apart, the oldest at `at`."""
    return [LogEntry(at=at + 60 * (len(messages) - 1 - n), message=message) for n, message in enumerate(messages)]


@pytest.mark.parametrize(
    ("created_from", "expected"),
    [
        ("dev", "dev"),
        ("refs/heads/feature/x", "feature/x"),
        ("origin/dev", "dev"),
        ("refs/remotes/origin/feature/x", "feature/x"),
        # Its own remote twin tells nothing of where it was forked.
        ("origin/pr-41", None),
        ("pr-41", None),
        ("v1.0", None),
        ("1f0d903f557036bcbe70462b4d6d4545eda7b4a8", None),
    ],
)
def test_the_first_entry_tells_where_it_was_made(created_from: str, expected: str | None) -> None:
    own = log("commit: 2", f"branch: Created from {created_from}")

    assert made_from("pr-41", own, [], KNOWN) == expected


def test_a_branch_made_of_what_was_checked_out() -> None:
    own = log("commit: 2", "branch: Created from HEAD")
    head = log("checkout: moving from pr-41 to main", "commit: 2", "checkout: moving from dev to pr-41")

    assert made_from("pr-41", own, head, KNOWN) == "dev"


def test_a_later_visit_from_elsewhere_does_not_count() -> None:
    own = log("branch: Created from HEAD")
    head = log("checkout: moving from main to pr-41", at=2000)

    assert made_from("pr-41", own, head, KNOWN) is None


def test_a_rename_does_not_hide_the_beginning() -> None:
    own = log("Branch: renamed refs/heads/one to refs/heads/pr-41", "branch: Created from dev")

    assert made_from("pr-41", own, [], KNOWN) == "dev"


def test_a_log_that_was_cut_tells_nothing() -> None:
    assert made_from("pr-41", log("commit: 2"), [], KNOWN) is None
    assert made_from("pr-41", [], [], KNOWN) is None


@pytest.mark.parametrize(
    ("own_commits", "expected"),
    [
        ({}, None),
        ({"main": 3, "dev": 1}, "dev"),
        ({"dev": 1, "main": 1}, "main"),
        ({"dev": 0, "beta": 0, "main": 2}, "beta"),
    ],
)
def test_the_nearest_lacks_the_fewest_commits(own_commits: dict[str, int], expected: str | None) -> None:
    assert nearest(own_commits, first="main") == expected
