"""Which project, branch, compute, role or database is meant: the named, else the pinned, else the only one.

Every refusal lists what there is.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from dormouse.api.client import Client
from dormouse.api.errors import Missing, Refused
from dormouse.api.records import Branch, Endpoint, Project, ProjectListItem
from dormouse.cli.pinned import Pinned
from dormouse.errors import UserError
from dormouse.names import BranchId, ProjectId

__all__ = [
    "AnyProject",
    "all_projects",
    "the_branch",
    "the_compute",
    "the_name",
    "the_project",
]

AnyProject = Project | ProjectListItem

T = TypeVar("T", ProjectListItem, Branch)

_PAGE: Final = 400
"""The most that the API gives at once."""
_LISTED: Final = 20
"""More names than this help nobody."""


def all_projects(client: Client, *, recoverable: bool = False) -> list[ProjectListItem]:
    """Every project of the key's owner; Neon wants them asked for organization by organization."""
    try:
        return list(_pages(client, None, recoverable=recoverable))
    except Refused as no:
        if "org_id is required" not in no.message:
            raise
    return [
        project
        for organization in client.organizations()
        for project in _pages(client, organization.id, recoverable=recoverable)
    ]


def the_project(client: Client, said: str | None, pinned: Pinned | None = None) -> AnyProject:
    """The named project, else the pinned one, else the only one. Raises UserError."""
    if said is None and pinned is not None and pinned.project is not None:
        try:
            return client.project(ProjectId(pinned.project))
        except Missing:
            raise UserError(
                f"there is no project {pinned.project!r}, which is pinned in {pinned.path}",
                "say another with --project, or pin another with `dormouse project use`",
            ) from None
    found = all_projects(client)
    if said and not any(said in (project.id, project.name) for project in found):
        # One that others share with us is in no list of ours.
        try:
            return client.project(ProjectId(said))
        except Refused:
            pass
    return _one("project", said, found, hint="make one with `dormouse project create`")


def the_branch(client: Client, project: AnyProject, said: str | None, pinned: Pinned | None = None) -> Branch:
    """The named branch, else the one pinned with this project, else the default branch. Raises UserError."""
    branches = client.branches(ProjectId(project.id)).branches
    if said is not None:
        return _one("branch", said, branches, hint="make one with `dormouse branch create`")
    if pinned is not None and pinned.branch and pinned.project == project.id:
        try:
            return _one("branch", pinned.branch, branches, hint="")
        except UserError as error:
            raise UserError(
                f"{error.message}; it is pinned in {pinned.path}",
                "say another with --branch, or pin another with `dormouse branch use`",
            ) from None
    default = next((branch for branch in branches if branch.default), None)
    return default or _one("branch", None, branches, hint="make one with `dormouse branch create`")


def the_compute(
    client: Client, project: AnyProject, branch: Branch, said: str | None, *, kind: str | None = None
) -> Endpoint:
    """The compute of that id or name in the project, else the branch's only one. Raises UserError.

    `kind` `read_only` or `read_write` looks at no other.
    """
    of_branch = client.branch_endpoints(ProjectId(project.id), BranchId(branch.id))
    word = "replica" if kind == "read_only" else "compute"

    def wanted(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
        return [each for each in endpoints if kind in (None, each.type) and said in (None, each.id, each.name)]

    found = wanted(of_branch)
    if said is not None and not found:
        found = [each for each in wanted(client.endpoints(ProjectId(project.id))) if each.id == said]
    if len(found) == 1:
        return found[0]
    there = [f"{each.id} ({each.type})" for each in of_branch if kind in (None, each.type)]
    if said is None and not found:
        raise UserError(
            f"branch {branch.name!r} has no {word}", f"add one: `dormouse {word} add --branch {branch.name}`"
        )
    if not found:
        raise UserError(f"there is no {word} {said!r}; found on branch {branch.name!r}: {_listed(there)}")
    raise UserError(f"branch {branch.name!r} has several {word}s: {_listed(there)}", "say which by its id")


def the_name(
    kind: str, said: str | None, found: Sequence[str], *, option: str = "", wished: str | None = None
) -> str:
    """That name, else the wished one if there is one, else the only one. Raises UserError.

    `kind` is `role` or `database`, chosen by `option`.
    """
    if said is not None and said in found:
        return said
    if said is not None:
        raise UserError(f"there is no {kind} {said!r}; found: {_listed(found)}")
    if wished is not None and wished in found:
        return wished
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(f"there is no {kind}", f"make one with `dormouse {kind} create`")
    raise UserError(f"there are several {kind}s: {_listed(found)}", f"choose one with {option or f'--{kind}'}")


def _pages(client: Client, organization: str | None, *, recoverable: bool) -> Iterator[ProjectListItem]:
    cursor: str | None = None
    while True:
        page = client.projects(limit=_PAGE, cursor=cursor, org_id=organization, recoverable=recoverable)
        yield from page.projects
        if len(page.projects) < _PAGE or page.pagination is None:
            return
        cursor = page.pagination.cursor


def _one(kind: str, said: str | None, found: Sequence[T], *, hint: str) -> T:
    """The one with that id, else with that name; or the only one."""
    fitting = [each for each in found if said in (None, each.id)] or [each for each in found if said == each.name]
    if len(fitting) == 1:
        return fitting[0]
    there = _listed([f"{each.name} ({each.id})" for each in fitting or found])
    if not found:
        raise UserError(f"there is no {kind}" + (f" {said!r}" if said else ""), hint)
    if not fitting:
        raise UserError(f"there is no {kind} {said!r}; found: {there}", hint)
    named = "" if said is None else f" named {said!r}"
    raise UserError(f"there are several {kind}{_plural(kind)}{named}: {there}", f"choose one with --{kind}")


def _plural(kind: str) -> str:
    return "es" if kind == "branch" else "s"


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none"
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
