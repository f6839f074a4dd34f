"""Which database branches a sweep deletes: those made for git branches that are gone, and nothing else. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dormouse.api.records import Branch
from dormouse.cli.made_branches import MadeBranch

__all__ = ["Sweep", "plan_sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What is to be done about what was made for git branches that are gone."""

    goes: tuple[tuple[MadeBranch, Branch], ...]
    """To be deleted, a child before its parent."""
    stays: tuple[tuple[MadeBranch, Branch, str], ...]
    """With the reason: `it is protected`."""
    forgotten: tuple[MadeBranch, ...]
    """There is no such database branch any more."""


def plan_sweep(
    made: Iterable[MadeBranch],
    git_branches: Collection[str],
    claims: Mapping[str, str],
    branches: Sequence[Branch],
) -> Sweep:
    """What of `made`, all of one project, is to go; `branches` are all of that project.

    `claims` are the database branches that git's settings give to git branches: what one that is there claims
    belongs to a git branch that was renamed. A parent all of whose children go, goes after them.
    """
    claimed = {branch for git_branch, branch in claims.items() if git_branch in git_branches}
    gone = [each for each in made if each.git_branch not in git_branches and each.branch_id not in claimed]
    there = {branch.id: branch for branch in branches}
    found = [(each, there[each.branch_id]) for each in gone if each.branch_id in there]
    children: dict[str, list[Branch]] = {}
    for branch in branches:
        if branch.parent_id is not None:
            children.setdefault(branch.parent_id, []).append(branch)
    goes: list[tuple[MadeBranch, Branch]] = []
    # Each round takes those that the rounds before have left without children.
    while now := [
        (each, branch)
        for each, branch in found
        if (each, branch) not in goes and not _reason(branch, _left(children, branch, goes))
    ]:
        goes += now
    stays = tuple(
        (each, branch, _reason(branch, _left(children, branch, goes)))
        for each, branch in found
        if (each, branch) not in goes
    )
    return Sweep(
        goes=tuple(goes), stays=stays, forgotten=tuple(each for each in gone if each.branch_id not in there)
    )


def _left(
    children: Mapping[str, Sequence[Branch]], branch: Branch, goes: Iterable[tuple[MadeBranch, Branch]]
) -> list[str]:
    """The names of the children that stay."""
    going = {other.id for _, other in goes}
    return [child.name for child in children.get(branch.id, ()) if child.id not in going]


def _reason(branch: Branch, children: Sequence[str]) -> str:
    """Why it stays; empty if nothing holds it."""
    if branch.default:
        return "it is the default branch"
    if branch.protected:
        return "it is protected"
    if children:
        return f"it has children: {', '.join(children)}"
    return ""
