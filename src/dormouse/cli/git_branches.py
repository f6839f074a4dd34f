"""The database branch of a git branch: found, or where it is to be made from.

The main git branch (`main`, `master`, and what `origin` calls its main one) has the default branch. Every other
has what was made for it; else the branch of its name, if there is one, which a colleague may have made.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dormouse.api.records import Branch
from dormouse.cli.forks import made_from, nearest
from dormouse.cli.git import Checkout
from dormouse.cli.git_names import database_name, usual_default
from dormouse.cli.made_branches import MadeBranch, claims_of, made_for, read_made, renamed
from dormouse.errors import UserError
from dormouse.names import ProjectId

__all__ = ["Found", "How", "Known", "find", "look_around", "parent_of"]


class How(StrEnum):
    """How a git branch came to its database branch."""

    MAIN = "main"
    """The main one has the default one."""
    MADE = "made"
    """It was made for this git branch, here."""
    RENAMED = "renamed"
    """The same, when the git branch had another name."""
    NAMED = "named"
    """It was there, under this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The database branch of a git branch."""

    branch: Branch
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What git, the repository's memory and the platform know."""

    project: ProjectId
    branches: Sequence[Branch]
    """All of the project."""
    git_branches: Collection[str]
    main: Collection[str]
    """The git branches that have the default branch."""
    made: Sequence[MadeBranch]
    claims: Mapping[str, str]

    @property
    def default(self) -> Branch:
        """The default branch. Raises UserError where the project has none."""
        for branch in self.branches:
            if branch.default:
                return branch
        raise UserError("the project has no default branch", "name one: `dormouse branch set-default NAME`")

    def name_for(self, git_branch: str) -> str:
        """What its database branch is called; never like one that somebody protects, or the default one."""
        return database_name(
            git_branch, not_to_be={each.name for each in self.branches if each.default or each.protected}
        )


def look_around(checkout: Checkout, project: ProjectId, branches: Sequence[Branch]) -> Known:
    """Ask git, and read what the repository remembers. Raises UserError."""
    git_branches = checkout.branches()
    by_remote = checkout.default_branch()
    return Known(
        project=project,
        branches=branches,
        git_branches=git_branches,
        main={each for each in git_branches if usual_default(each) or each == by_remote},
        made=read_made(checkout),
        claims=claims_of(checkout),
    )


def find(known: Known, git_branch: str) -> Found | None:
    """The database branch of a git branch; None if it has none yet. Pure."""
    if git_branch in known.main:
        return Found(branch=known.default, how=How.MAIN)
    there = {branch.id: branch for branch in known.branches}
    own = made_for(git_branch, known.made, known.project)
    if own is not None and own.branch_id in there:
        return Found(branch=there[own.branch_id], how=How.MADE)
    old = renamed(known.claims.get(git_branch), known.made, known.project, known.git_branches)
    if old is not None and old.branch_id in there:
        return Found(branch=there[old.branch_id], how=How.RENAMED)
    name = known.name_for(git_branch)
    named = next((branch for branch in known.branches if branch.name == name), None)
    return None if named is None else Found(branch=named, how=How.NAMED)


def parent_of(checkout: Checkout, known: Known, git_branch: str) -> Branch:
    """The database branch of the git branch that this one was forked from, or of that one's; else the default one.

    Raises UserError where git cannot be asked.
    """
    head_log = checkout.head_log()
    seen: set[str] = set()
    current: str | None = git_branch
    while current is not None and current not in seen:
        seen.add(current)
        others = [each for each in known.git_branches if each not in seen]
        current = made_from(current, checkout.log_of(current), head_log, others) or _nearest(
            checkout, known, current, others
        )
        if current is not None and (found := find(known, current)) is not None:
            return found.branch
    return known.default


def _nearest(checkout: Checkout, known: Known, git_branch: str, others: Collection[str]) -> str | None:
    """Among those that have a database branch: others could not be made from anyway."""
    candidates = [each for each in others if find(known, each) is not None]
    lacking = {each: checkout.lacks(each, git_branch) for each in candidates}
    first = next((each for each in candidates if each in known.main), None)
    return nearest({each: count for each, count in lacking.items() if count is not None}, first=first)
