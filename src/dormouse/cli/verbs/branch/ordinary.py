"""The verbs about a branch as it is: made, shown, renamed, deleted, used."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dormouse.api.bodies import BranchCreate, BranchEndpoint, BranchUpdate
from dormouse.api.errors import Refused
from dormouse.api.json_form import moment_text, to_json
from dormouse.api.records import Branch
from dormouse.cli.choosing import AnyProject
from dormouse.cli.completing import branch_names, deleted_branch_names
from dormouse.cli.confirming import confirm
from dormouse.cli.connections import Target
from dormouse.cli.deleting import obstacles
from dormouse.cli.env_pointing import point_env
from dormouse.cli.git import NoCheckout, find_checkout
from dormouse.cli.gitignore import keep_out
from dormouse.cli.options import DatabaseName, DryRun, EnvFile, Pooled, RoleName, Yes
from dormouse.cli.output import AskedWrongly, answer, answer_json, facts
from dormouse.cli.pinning import pin
from dormouse.cli.placing import the_place
from dormouse.cli.points import HEAD
from dormouse.cli.session import Session, in_project
from dormouse.cli.verbs.branch.noun import MaybeNamed, Named, branch, is_pinned, marks_of
from dormouse.errors import UserError
from dormouse.moments import from_now
from dormouse.names import BranchId, ProjectId

__all__ = [
    "checkout_branch",
    "create",
    "delete",
    "expire",
    "get",
    "protect",
    "recover",
    "rename",
    "set_default",
    "unprotect",
    "use_branch",
]


@branch.command("create")
@in_project(changes=True)
def create(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Default: its id.")] = None,
    *,
    parent: Annotated[
        str | None,
        typer.Option(
            "--parent",
            metavar="BRANCH[@POINT]",
            help="And of when: main@-10m, main@0/1FA22C0; default: the default branch, now.",
            autocompletion=branch_names,
        ),
    ] = None,
    schema_only: Annotated[
        bool, typer.Option("--schema-only", help="Without the rows: a root branch with the parent's schema.")
    ] = False,
    expires: Annotated[
        str | None, typer.Option("--expires", help="When it goes by itself: 7d, 12h, 2026-12-01T00:00:00Z.")
    ] = None,
    protected: Annotated[bool, typer.Option("--protected", help="Refuse its deletion.")] = False,
    no_compute: Annotated[bool, typer.Option("--no-compute", help="Data alone: nobody can connect.")] = False,
    use: Annotated[bool, typer.Option("--use", help="Pin it for this folder.")] = False,
) -> None:
    """Make a branch from its parent's data, of now or of the past, with a compute of its own.

    A point of the past is -10m, -1h30m, yesterday 14:00, 14:00, 2026-12-01T00:00:00Z or an LSN.

    Example: dormouse branch create pr-41 --parent main@-10m --expires 7d
    """
    moment = None if expires is None else _moment(expires)
    if schema_only and no_compute:
        raise AskedWrongly("--schema-only needs a compute, which copies the schema", "leave out --no-compute")
    project = session.project()
    source, point = the_place(session, project, parent) if parent else (session.default_branch(project), HEAD)
    asked = BranchCreate(
        name=name,
        parent_id=source.id,
        parent_lsn=point.lsn,
        parent_timestamp=point.time,
        init_source="schema-only" if schema_only else None,
        expires_at=moment,
        protected=True if protected else None,
    )
    endpoints = () if no_compute else (BranchEndpoint(type="read_write"),)
    made = session.change(lambda: session.client.create_branch(ProjectId(project.id), asked, endpoints=endpoints))
    now = session.client.branch(ProjectId(project.id), BranchId(made.branch.id))
    if use:
        pin(session, project, now)
    session.done(
        f"branch {now.name} ({now.id}) {now.current_state}, {'with the schema of' if schema_only else 'from'} "
        + source.name
        + ("" if point.is_head else f" at {point.told(datetime.now(UTC))}"),
        {"branch": to_json(now), "endpoints": [to_json(each) for each in made.endpoints]},
        then="next: `dormouse env`" if use else f"next: `dormouse env {shlex.quote(now.name)}`",
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
        "marks": ", ".join(marks_of(found)) or "none",
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
def delete(
    session: Session,
    name: Named,
    *,
    hard: Annotated[bool, typer.Option("--hard", help="So that it cannot be brought back.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Delete a branch with its data and computes; for a while it can be recovered.

    Example: dormouse branch delete pr-41 --yes
    """
    project = session.project()
    found = session.branch(project, name)
    named = f"branch {found.name} ({found.id}) of {project.name} at {session.platform.name}"
    if dry_run:
        _would_delete(session, project, found, named, hard=hard)
        return
    confirm(f"deleting {named}" + (" for good" if hard else ""), yes=yes)
    try:
        session.change(lambda: session.client.delete_branch(ProjectId(project.id), found.id, hard=hard))
    except Refused as no:
        if why := obstacles(found, session.client.branches(ProjectId(project.id)).branches):
            no.hint = f"{why[0]}: {why[1]}"
        raise
    if is_pinned(session, found):
        pin(session, project, None)
        session.tell("no branch is pinned any more")
    until = None if hard else _recoverable_until(session, project, found)
    session.done(
        f"branch {found.name} ({found.id}) deleted",
        to_json(found) | {"recoverable_until": None if until is None else moment_text(until)},
        then="" if until is None else f"back, until {moment_text(until)}: `dormouse branch recover {found.name}`",
    )


@branch.command("recover")
@in_project(changes=True)
def recover(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="BRANCH", help="Name or id.", autocompletion=deleted_branch_names)
    ],
) -> None:
    """Bring a deleted branch back with its data and computes.

    `dormouse branch list --deleted` shows which there are.

    Example: dormouse branch recover pr-41
    """
    project = session.project()
    deleted = _deleted_branches(session, project)
    fitting = [each for each in deleted if name == each.id] or [each for each in deleted if name == each.name]
    if len(fitting) != 1:
        there = ", ".join(f"{each.name} ({each.id})" for each in fitting or deleted) or "none"
        raise UserError(
            f"there is no deleted branch {name!r}; found: {there}"
            if not fitting
            else f"there are several deleted branches named {name!r}: {there}",
            "say its id" if fitting else "",
        )
    back = session.change(lambda: session.client.recover_branch(ProjectId(project.id), fitting[0].id)).branch
    session.done(
        f"branch {shlex.quote(back.name)} ({back.id}) is back",
        to_json(back),
        then=f"next: `dormouse env {shlex.quote(back.name)}`",
    )


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


@branch.command("checkout")
@in_project()
def checkout_branch(
    session: Session,
    name: Named,
    *,
    env_file: EnvFile = None,
    role: RoleName = None,
    database: DatabaseName = None,
    pooled: Pooled = False,
) -> None:
    """Pin a branch, as `use` does, and write how to connect to it into .env.

    Only the lines of DATABASE_URL, DATABASE_URL_UNPOOLED and DATABASE_REPLICA_URL change. `dormouse checkout` does
    this for the git branch that is checked out.

    Example: dormouse branch checkout pr-41
    """
    project = session.project()
    found = session.branch(project, name)
    path = Path.cwd() / (env_file or session.pinned.path.with_name(".env"))
    try:
        where = find_checkout(path.parent)
    except NoCheckout:
        where = None
    if where is not None and path.is_relative_to(where.top) and not where.ignores(path) and keep_out(path):
        session.tell(f".gitignore names {path.name} now")
    target = Target(role=role, database=database, pooled=pooled)
    point_env(session.client, project, found, path, target, checkout=where)
    pin(session, project, found)
    session.done(
        f"using branch {found.name} ({found.id}) of {project.name}, here and in {path.name}",
        {
            "projectId": project.id,
            "branchId": found.id,
            "file": str(session.pinned.path),
            "env_file": str(path),
        },
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


def _would_delete(session: Session, project: AnyProject, found: Branch, named: str, *, hard: bool) -> None:
    """What a deletion would do. Raises UserError where it would be refused."""
    if why := obstacles(found, session.client.branches(ProjectId(project.id)).branches):
        raise UserError(f"{named} would not be deleted: {why[0]}", why[1])
    computes = session.client.branch_endpoints(ProjectId(project.id), found.id)
    if session.as_json:
        would = {"would": "delete", "branch": to_json(found), "endpoints": [each.id for each in computes]}
        answer_json(would | {"hard": hard, "dry_run": True})
        return
    answer(f"{named} would be deleted" + (" for good" if hard else ""))
    answer("its computes would go with it: " + (", ".join(each.id for each in computes) or "it has none"))


def _deleted_branches(session: Session, project: AnyProject) -> list[Branch]:
    page = session.client.branches(ProjectId(project.id), include_deleted=True)
    return [each for each in page.branches if each.recovery is not None]


def _recoverable_until(session: Session, project: AnyProject, found: Branch) -> datetime | None:
    """None where the platform keeps no deleted branches."""
    try:
        deleted = _deleted_branches(session, project)
    except Refused:
        return None
    recovery = next((each.recovery for each in deleted if each.id == found.id), None)
    return None if recovery is None else recovery.recoverable_until
