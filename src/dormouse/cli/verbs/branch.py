"""`dormouse branch`"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dormouse.api.bodies import BranchCreate, BranchEndpoint, BranchUpdate
from dormouse.api.json_form import moment_text, to_json
from dormouse.api.records import Branch, Endpoint
from dormouse.cli.choosing import the_branch
from dormouse.cli.completing import branch_names
from dormouse.cli.confirming import confirm
from dormouse.cli.group import group
from dormouse.cli.moments import age, from_now
from dormouse.cli.options import Yes
from dormouse.cli.output import AskedWrongly, answer, answer_json, facts, table
from dormouse.cli.pinning import pin
from dormouse.cli.session import Session, in_project
from dormouse.cli.tree import drawn
from dormouse.names import BranchId, ProjectId

__all__ = ["branch"]

branch = group("Branches: each a database cluster of its own, made from another one's data.")

Named = Annotated[str, typer.Argument(metavar="BRANCH", help="Name or id.", autocompletion=branch_names)]
MaybeNamed = Annotated[
    str | None,
    typer.Argument(
        metavar="BRANCH",
        help="Name or id; default: the pinned one, or the default branch.",
        autocompletion=branch_names,
    ),
]


@branch.command("list")
@in_project()
def list_branches(session: Session) -> None:
    """Draw the tree of branches; `*` marks the pinned one.

    Example: dormouse branch list --project shop
    """
    project = session.project()
    found = session.client.branches(ProjectId(project.id)).branches
    if session.as_json:
        answer_json([to_json(each) for each in found])
        return
    computes = session.client.endpoints(ProjectId(project.id))
    now = datetime.now(UTC)
    answer(
        table(
            ("", "branch", "id", "age", "state", "compute", "marks"),
            [
                {
                    "": "*" if _is_pinned(session, each) else " ",
                    "branch": lines + each.name,
                    "id": each.id,
                    "age": age(each.created_at, now),
                    "state": each.pending_state or each.current_state,
                    "compute": _computes_of(each, computes),
                    "marks": ", ".join(_marks(each)),
                }
                for lines, each in drawn(found)
            ],
        )
    )


@branch.command("create")
@in_project(changes=True)
def create(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Default: its id.")] = None,
    *,
    parent: Annotated[
        str | None,
        typer.Option("--parent", help="Name or id; default: the default branch.", autocompletion=branch_names),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="When it goes by itself: 7d, 12h, 2026-12-01T00:00:00Z.")
    ] = None,
    protected: Annotated[bool, typer.Option("--protected", help="Refuse its deletion.")] = False,
    no_compute: Annotated[bool, typer.Option("--no-compute", help="Data alone: nobody can connect.")] = False,
    use: Annotated[bool, typer.Option("--use", help="Pin it for this folder.")] = False,
) -> None:
    """Make a branch from its parent's present data, with a compute of its own.

    Example: dormouse branch create pr-41 --expires 7d
    """
    moment = None if expires is None else _moment(expires)
    project = session.project()
    source = the_branch(session.client, project, parent)
    asked = BranchCreate(name=name, parent_id=source.id, expires_at=moment, protected=True if protected else None)
    endpoints = () if no_compute else (BranchEndpoint(type="read_write"),)
    made = session.change(lambda: session.client.create_branch(ProjectId(project.id), asked, endpoints=endpoints))
    now = session.client.branch(ProjectId(project.id), BranchId(made.branch.id))
    if use:
        pin(session, project, now)
    session.done(
        f"branch {now.name} ({now.id}) {now.current_state}, from {source.name}",
        {"branch": to_json(now), "endpoints": [to_json(each) for each in made.endpoints]},
        then="next: `dormouse env`" if use else f"next: `dormouse env {now.name}`",
    )


@branch.command("get")
@in_project()
def get(session: Session, name: MaybeNamed = None) -> None:
    """Show a branch.

    Example: dormouse branch get pr-41
    """
    project = session.project()
    found = session.branch(project, name)
    if session.as_json:
        answer_json(to_json(found))
        return
    names = {each.id: each.name for each in session.client.branches(ProjectId(project.id)).branches}
    computes = session.client.branch_endpoints(ProjectId(project.id), found.id)
    shown = {
        "name": found.name,
        "id": found.id,
        "project": f"{project.name} ({project.id})",
        "parent": names.get(found.parent_id, found.parent_id) if found.parent_id else "none",
        "state": found.pending_state or found.current_state,
        "marks": ", ".join(_marks(found)) or "none",
        "created": moment_text(found.created_at),
    }
    for each in computes:
        shown[each.type.replace("_", "-")] = f"{each.id} ({each.current_state}) {each.host}"
    answer(facts(shown))


@branch.command("rename")
@in_project(changes=True)
def rename(session: Session, name: Named, new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")]) -> None:
    """Give a branch another name; its id stays.

    Example: dormouse branch rename pr-41 pr-42
    """
    found, changed = _updated(session, name, BranchUpdate(name=new_name))
    session.done(f"branch {found.name} is now {changed.name}", to_json(changed))


@branch.command("delete")
@in_project(changes=True)
def delete(session: Session, name: Named, *, yes: Yes = False) -> None:
    """Delete a branch with its data and computes.

    Example: dormouse branch delete pr-41 --yes
    """
    project = session.project()
    found = session.branch(project, name)
    confirm(f"deleting branch {found.name} ({found.id}) of {project.name} at {session.platform.name}", yes=yes)
    session.change(lambda: session.client.delete_branch(ProjectId(project.id), found.id))
    if _is_pinned(session, found):
        pin(session, project, None)
        session.tell("no branch is pinned any more")
    session.done(f"branch {found.name} ({found.id}) deleted", to_json(found))


@branch.command("set-default")
@in_project(changes=True)
def set_default(session: Session, name: Named) -> None:
    """Make a branch the one that is meant where none is named.

    Example: dormouse branch set-default live
    """
    project = session.project()
    found = session.branch(project, name)
    changed = session.change(lambda: session.client.set_default_branch(ProjectId(project.id), found.id)).branch
    session.done(f"branch {changed.name} is the default of {project.name}", to_json(changed))


@branch.command("protect")
@in_project(changes=True)
def protect(session: Session, name: Named) -> None:
    """Have the deletion of a branch refused.

    Example: dormouse branch protect live
    """
    _, changed = _updated(session, name, BranchUpdate(protected=True))
    session.done(f"branch {changed.name} is protected", to_json(changed))


@branch.command("unprotect")
@in_project(changes=True)
def unprotect(session: Session, name: Named) -> None:
    """Allow the deletion of a branch again.

    Example: dormouse branch unprotect live
    """
    _, changed = _updated(session, name, BranchUpdate(protected=False))
    session.done(f"branch {changed.name} is not protected", to_json(changed))


@branch.command("expire")
@in_project(changes=True)
def expire(
    session: Session,
    name: Named,
    when: Annotated[str, typer.Argument(metavar="WHEN", help="7d, 12h, 2026-12-01T00:00:00Z, or never.")],
) -> None:
    """Say when a branch goes by itself.

    Example: dormouse branch expire pr-41 7d
    """
    never = when == "never"
    change = BranchUpdate(expires_at=None if never else _moment(when))
    _, changed = _updated(session, name, change, never_expires=never)
    session.done(
        f"branch {changed.name} "
        + (f"expires at {moment_text(changed.expires_at)}" if changed.expires_at else "does not expire"),
        to_json(changed),
    )


@branch.command("use")
@in_project()
def use_branch(session: Session, name: Named) -> None:
    """Pin a branch for this folder, in the file .neon that Neon's own tools share.

    Example: dormouse branch use pr-41
    """
    project = session.project()
    found = session.branch(project, name)
    pin(session, project, found)
    session.done(
        f"using branch {found.name} ({found.id}) of {project.name}",
        {"projectId": project.id, "branchId": found.id, "file": str(session.pinned.path)},
        then="next: `dormouse env`, `dormouse psql`",
    )


def _updated(
    session: Session, name: str, change: BranchUpdate, *, never_expires: bool = False
) -> tuple[Branch, Branch]:
    """The branch before and after."""
    project = session.project()
    found = session.branch(project, name)
    changed = session.change(
        lambda: session.client.update_branch(ProjectId(project.id), found.id, change, never_expires=never_expires)
    )
    return found, changed.branch


def _moment(text: str) -> datetime:
    try:
        return from_now(text, datetime.now(UTC))
    except ValueError as error:
        raise AskedWrongly(str(error)) from None


def _is_pinned(session: Session, found: Branch) -> bool:
    return found.project_id == session.pinned.project and session.pinned.branch in (found.id, found.name)


def _marks(found: Branch) -> list[str]:
    marks = ["default"] if found.default else []
    if found.protected:
        marks.append("protected")
    if found.expires_at is not None:
        marks.append(f"expires {moment_text(found.expires_at)}")
    return marks


def _computes_of(found: Branch, computes: tuple[Endpoint, ...]) -> str:
    """`active + 2 replicas`"""
    own = [each for each in computes if each.branch_id == found.id]
    primary = next((each.current_state for each in own if each.type == "read_write"), "none")
    replicas = sum(each.type == "read_only" for each in own)
    return primary + (f" + {replicas} replica{'s' if replicas > 1 else ''}" if replicas else "")
