"""Where a statement is asked: a branch, a database, a role. Chosen on the page, or the usual ones."""

from dataclasses import dataclass

from dormouse.control.model import Branch, Project
from dormouse.control.points import HEAD, Point
from dormouse.control.relation_model import Scope
from dormouse.errors import NotFound
from dormouse.web.console.visit import Visit

__all__ = ["Choices", "Place", "place_of"]

Choices = list[tuple[str, str]]
"""Pairs of a value and its label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was chosen of what there is."""

    project: Project
    branch: Branch
    branches: tuple[Branch, ...]
    database: str
    databases: tuple[str, ...]
    role: str
    roles: tuple[str, ...]
    """Those that may log in."""

    @property
    def branch_choices(self) -> Choices:
        """For a select."""
        return [(each.id, each.name) for each in self.branches]

    @property
    def database_choices(self) -> Choices:
        """For a select."""
        return [(each, each) for each in self.databases]

    @property
    def role_choices(self) -> Choices:
        """For a select."""
        return [(each, each) for each in self.roles]

    @property
    def query(self) -> dict[str, str]:
        """What links from page to page carry along."""
        return {"branch": self.branch.id, "database": self.database, "role": self.role}

    def scope(self, point: Point = HEAD) -> Scope:
        """The same for the control plane."""
        return Scope(
            project=self.project.id, branch=self.branch.id, database=self.database, role=self.role, point=point
        )


async def place_of(visit: Visit) -> Place:
    """What the form or the address names; a database that the branch has not is its first one.

    Without a word the role is the owner of the database. Raises NotFound for a branch without database or role.
    """
    project = await visit.project()
    branch = await visit.branch(project)
    owners = {each.name: each.owner_name for each in await visit.plane.databases.all(project.id, branch.id)}
    if not owners:
        raise NotFound(f"branch {branch.name} has no database", "dormouse database create NAME")
    roles = tuple(each.name for each in await visit.plane.roles.all(project.id, branch.id) if not each.no_login)
    if not roles:
        raise NotFound(f"branch {branch.name} has no role that may log in", "dormouse role create NAME")
    database = _one_of(tuple(owners), visit.form["database"] or visit.asked("database"))
    return Place(
        project=project,
        branch=branch,
        branches=tuple(await visit.plane.branches.all(project.id)),
        database=database,
        databases=tuple(owners),
        role=_one_of(roles, visit.form["role"] or visit.asked("role") or owners[database]),
        roles=roles,
    )


def _one_of(names: tuple[str, ...], wanted: str) -> str:
    return wanted if wanted in names else names[0]
