"""From which branch a git branch was forked. Pure.

Git itself does not keep this. What it keeps mostly tells it: the reflog of the branch begins with where it was
made (`branch: Created from dev`), and that of HEAD says what was checked out then (`checkout: moving from dev to
pr-41`). Where the reflog is gone, or speaks of a remote, the branch that has most of its commits is taken.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["LogEntry", "made_from", "nearest"]

_CREATED: Final = re.compile(r"branch: Created from (.+)")
_MOVING: Final = re.compile(r"checkout: moving from (\S+) to (\S+)")
_AT_ONCE_S: Final = 2
"""`git checkout -b` writes both logs in one breath; a second may begin between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A line of a reflog."""

    at: int
    """Seconds since 1970."""
    message: str


def made_from(
    git_branch: str, own_log: Sequence[LogEntry], head_log: Sequence[LogEntry], known: Collection[str]
) -> str | None:
    """The one of the `known` git branches that this one was made from, as the logs (newest first) tell it.

    None if they do not, or name none that is known.
    """
    created = next((entry for entry in reversed(own_log) if _CREATED.fullmatch(entry.message)), None)
    if created is None:
        return None
    source = created.message.partition(" from ")[2]
    if source == "HEAD":
        source = _left_for(git_branch, created.at, head_log) or ""
    for name in (source, source.removeprefix("refs/heads/"), _without_remote(source)):
        if name in known and name != git_branch:
            return name
    return None


def nearest(own_commits: Mapping[str, int], *, first: str | None) -> str | None:
    """The candidate that lacks the fewest commits of a branch; of several, `first`, else the first by name.

    `own_commits` is how many commits of the branch each candidate lacks.
    """
    if not own_commits:
        return None
    return min(own_commits, key=lambda name: (own_commits[name], name != first, name))


def _left_for(git_branch: str, at: int, head_log: Sequence[LogEntry]) -> str | None:
    """What was checked out when `git checkout -b` left it for the new branch."""
    for entry in reversed(head_log):
        moved = _MOVING.fullmatch(entry.message)
        if moved and moved[2] == git_branch and abs(entry.at - at) <= _AT_ONCE_S:
            return moved[1]
    return None


def _without_remote(source: str) -> str:
    """`origin/dev` and `refs/remotes/origin/dev` are `dev`, of which there may be a branch here too."""
    name = source.removeprefix("refs/remotes/")
    return name.partition("/")[2]
