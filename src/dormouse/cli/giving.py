"""Giving a git branch its database branch: the one that it has, or a new one."""

from dataclasses import dataclass
from typing import Any, Final

from dormouse.api.bodies import BranchCreate, BranchEndpoint
from dormouse.api.errors import Exists
from dormouse.api.json_form import to_json
from dormouse.api.records import Branch
from dormouse.cli.choosing import AnyProject
from dormouse.cli.git import Checkout
from dormouse.cli.git_branches import How, Known, find, look_around, parent_of
from dormouse.cli.made_branches import MadeBranch, remember
from dormouse.cli.placing import the_place
from dormouse.cli.points import HEAD
from dormouse.cli.session import Session
from dormouse.errors import UserError
from dormouse.names import BranchId, ProjectId

__all__ = ["Given", "give", "the_git_branch"]

_LISTED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The database branch of a git branch."""

    git_branch: str
    project: AnyProject
    branch: Branch
    how: How | None
    """None: it was made just now."""
    source: Branch | None = None
    """What it was made from."""

    @property
    def told(self) -> str:
        """For people: `git branch pr-41 has database branch pr-41 (br-…), made from main`."""
        words = {
            How.MAIN: "the default branch",
            How.MADE: "",
            How.RENAMED: "as under its old name",
            How.NAMED: "which was there",
        }
        how = f"made from {self.source.name}" if self.source else words[self.how] if self.how else ""
        return f"git branch {self.git_branch} has database branch {self.branch.name} ({self.branch.id})" + (
            f", {how}" if how else ""
        )

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "git_branch": self.git_branch,
            "branch": to_json(self.branch),
            "created": self.source is not None,
            "parent": None if self.source is None else self.source.name,
        }


def the_git_branch(checkout: Checkout, said: str | None) -> str:
    """The named one, else the one that is checked out. Raises UserError for none, and on a detached head."""
    if said is None and checkout.branch is None:
        raise UserError(
            f"no git branch is checked out in {checkout.top}: HEAD is detached at {checkout.head}",
            "name one: `dormouse checkout GIT_BRANCH`; or make one here: `git switch -c NAME`",
        )
    there = checkout.branches()
    if said is not None and said not in there:
        listed = ", ".join(there[:_LISTED])
        raise UserError(f"there is no git branch {said!r}; found: {listed}", f"make it: `git switch -c {said}`")
    return said or checkout.branch or ""


def give(session: Session, checkout: Checkout, name: str, parent: str | None) -> Given:
    """The database branch of a git branch, made if it has none yet.

    `parent` is what it is made from, as `the_place` reads it; None leaves it to git. Raises UserError for a
    `parent` of one that is made already.
    """
    project = session.project()
    project_id = ProjectId(project.id)
    known = look_around(checkout, project_id, session.client.branches(project_id).branches)
    found = find(known, name)
    if found is not None and parent is not None:
        raise UserError(
            f"git branch {name!r} has database branch {found.branch.name!r} already; --parent is for first use",
            f"`dormouse branch restore {found.branch.name} --to {parent}` gives it that data",
        )
    if found is None:
        return _make(session, checkout, known, project, name, parent)
    if found.how is How.RENAMED:
        remember(checkout, MadeBranch(git_branch=name, project_id=project_id, branch_id=found.branch.id))
    return Given(git_branch=name, project=project, branch=found.branch, how=found.how)


def _make(
    session: Session, checkout: Checkout, known: Known, project: AnyProject, git_branch: str, parent: str | None
) -> Given:
    if parent is None:
        source, point = parent_of(checkout, known, git_branch), HEAD
    else:
        source, point = the_place(session, project, parent)
    asked = BranchCreate(
        name=known.name_for(git_branch),
        parent_id=source.id,
        parent_lsn=point.lsn,
        parent_timestamp=point.time,
    )
    project_id = ProjectId(project.id)
    try:
        made = session.change(
            lambda: session.client.create_branch(project_id, asked, endpoints=(BranchEndpoint(type="read_write"),))
        ).branch
    except Exists:
        # Another checkout, or a colleague, was faster by a moment.
        there = session.client.branches(project_id).branches
        faster = next((each for each in there if each.name == asked.name), None)
        if faster is None:
            raise
        return Given(git_branch=git_branch, project=project, branch=faster, how=How.NAMED)
    remember(checkout, MadeBranch(git_branch=git_branch, project_id=project_id, branch_id=made.id))
    now = session.client.branch(project_id, BranchId(made.id))
    return Given(git_branch=git_branch, project=project, branch=now, how=None, source=source)
