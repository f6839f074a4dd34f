"""`dormouse snapshot`"""

import shlex
from datetime import UTC, datetime
from typing import Annotated

import typer

from dormouse.api.bodies import SnapshotUpdate
from dormouse.api.json_form import exact_moment_text, moment_text, to_json
from dormouse.api.records import Branch, Snapshot
from dormouse.cli.choosing import AnyProject
from dormouse.cli.completing import branch_names, snapshot_names
from dormouse.cli.confirming import confirm
from dormouse.cli.group import group
from dormouse.cli.options import DryRun, Yes
from dormouse.cli.output import AskedWrongly, answer, answer_json, table
from dormouse.cli.placing import the_place
from dormouse.cli.points import HEAD
from dormouse.cli.session import Session, in_project
from dormouse.errors import UserError
from dormouse.moments import age, from_now
from dormouse.names import ProjectId
from dormouse.sizes import size_text

__all__ = ["snapshot"]

snapshot = group("Snapshots: states of root branches under a name, which stay until they are deleted.")

Named = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="Name or id.", autocompletion=snapshot_names)]


@snapshot.command("list")
@in_project()
def list_snapshots(session: Session) -> None:
    """List the snapshots of a project.

    Example: dormouse snapshot list
    """
    project = session.project()
    found = session.client.snapshots(ProjectId(project.id))
    if session.as_json:
        answer_json([to_json(each) for each in found])
        return
    if not found:
        session.tell("no snapshot; `dormouse snapshot create` makes one")
        return
    names = _branch_names(session, project)
    now = datetime.now(UTC)
    answer(
        table(
            ("snapshot", "id", "branch", "state of", "age", "size", "expires"),
            [
                {
                    "snapshot": each.name,
                    "id": each.id,
                    "branch": names.get(each.source_branch_id or "", each.source_branch_id or ""),
                    "state of": moment_text(each.timestamp) if each.timestamp else each.lsn or "",
                    "age": age(each.created_at, now),
                    "size": "" if each.full_size is None else size_text(each.full_size),
                    "expires": moment_text(each.expires_at) if each.expires_at else "",
                }
                for each in found
            ],
        )
    )


@snapshot.command("create")
@in_project(changes=True)
def create(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Default: branch and time.")] = None,
    *,
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch",
            metavar="BRANCH[@POINT]",
            help="A root branch, and of when: main, main@-10m; default: the default branch, now.",
            autocompletion=branch_names,
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="When it goes by itself: 7d, 12h, 2026-12-01T00:00:00Z.")
    ] = None,
) -> None:
    """Keep a state of a root branch, its present one or one of the past.

    Example: dormouse snapshot create before-the-import
    """
    try:
        until = None if expires is None else from_now(expires, datetime.now(UTC))
    except ValueError as error:
        raise AskedWrongly(str(error)) from None
    project = session.project()
    of, point = the_place(session, project, branch) if branch else (session.default_branch(project), HEAD)
    if of.parent_id is not None:
        raise UserError(
            f"branch {of.name} was made from another one: snapshots are of root branches",
            f"`dormouse branch create NAME --parent {of.name}` keeps its state as a branch",
        )
    made = session.change(
        lambda: session.client.create_snapshot(
            ProjectId(project.id), of.id, name=name, lsn=point.lsn, timestamp=point.time, expires_at=until
        )
    ).snapshot
    session.done(
        f"snapshot {made.name} ({made.id}) of branch {of.name} made",
        to_json(made),
        then=f"next: `dormouse snapshot restore {shlex.quote(made.name)}`",
    )


@snapshot.command("restore")
@in_project(changes=True)
def restore(
    session: Session,
    name: Named,
    *,
    branch_name: Annotated[
        str | None, typer.Option("--name", help="Of the new branch; default: one that tells where it is from.")
    ] = None,
    finalize: Annotated[
        bool, typer.Option("--finalize", help="Put it in the place of the branch that the snapshot is of.")
    ] = False,
    target: Annotated[
        str | None,
        typer.Option("--target", help="With --finalize: of this branch instead.", autocompletion=branch_names),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Make a branch from a snapshot, to look at; or, with --finalize, put it in the place of a branch.

    The new branch then has the name, the computes and the connection strings of that one, which stays under
    another name: `main (old)`.

    Example: dormouse snapshot restore before-the-import --name look
    """
    if target is not None and not finalize:
        raise AskedWrongly("--target is what --finalize replaces", "say --finalize too")
    if branch_name is not None and finalize:
        raise AskedWrongly("--name and --finalize exclude each other", "the new branch takes the name of the old")
    project = session.project()
    found = _the_snapshot(session, project, name)
    replaced = _replaced(session, project, found, target) if finalize else None
    if dry_run:
        _would_restore(session, found, replaced, branch_name)
        return
    if replaced is not None:
        confirm(
            f"putting snapshot {found.name} in the place of branch {replaced.name} ({replaced.id}) at "
            f"{session.platform.name}",
            yes=yes,
        )
    made = session.change(
        lambda: session.client.restore_snapshot(
            ProjectId(project.id),
            found.id,
            name=branch_name,
            target_branch_id=None if replaced is None else replaced.id,
            finalize=finalize,
        )
    ).branch
    now = session.client.branch(ProjectId(project.id), made.id)
    if replaced is None:
        session.done(
            f"branch {now.name} ({now.id}) made from snapshot {found.name}",
            to_json(now),
            then=f"next: `dormouse env {shlex.quote(now.name)}`, "
            f"`dormouse snapshot restore {shlex.quote(found.name)} --finalize`",
        )
        return
    old = session.client.branch(ProjectId(project.id), replaced.id)
    session.done(
        f"branch {now.name} ({now.id}) has the data of snapshot {found.name}; what it had is branch {old.name}",
        {"branch": to_json(now), "replaced": to_json(old)},
    )


@snapshot.command("rename")
@in_project(changes=True)
def rename(session: Session, name: Named, new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")]) -> None:
    """Give a snapshot another name; its id stays.

    Example: dormouse snapshot rename before-the-import 2026-import
    """
    project = session.project()
    found = _the_snapshot(session, project, name)
    changed = session.try_again(
        lambda: session.client.update_snapshot(ProjectId(project.id), found.id, SnapshotUpdate(name=new_name))
    )
    session.done(f"snapshot {found.name} is now {changed.name}", to_json(changed))


@snapshot.command("delete")
@in_project()
def delete(session: Session, name: Named, *, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Delete a snapshot for good; branches that were made from it stay.

    Example: dormouse snapshot delete before-the-import --yes
    """
    project = session.project()
    found = _the_snapshot(session, project, name)
    named = f"snapshot {found.name} ({found.id}) of {project.name} at {session.platform.name}"
    if dry_run:
        if session.as_json:
            answer_json({"would": "delete", "snapshot": to_json(found), "dry_run": True})
        else:
            answer(f"{named} would be deleted for good; branches that were made from it stay")
        return
    confirm(f"deleting {named} for good", yes=yes)
    operations = session.try_again(lambda: session.client.delete_snapshot(ProjectId(project.id), found.id))
    session.wait(operations)
    session.done(f"snapshot {found.name} ({found.id}) deleted", to_json(found))


def _the_snapshot(session: Session, project: AnyProject, said: str) -> Snapshot:
    """By its id, else by its name. Raises UserError naming what there is."""
    there = session.client.snapshots(ProjectId(project.id))
    fitting = [each for each in there if said == each.id] or [each for each in there if said == each.name]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(f"{each.name} ({each.id})" for each in fitting or there) or "none"
    if fitting:
        raise UserError(f"there are several snapshots named {said!r}: {listed}", "say its id")
    raise UserError(f"there is no snapshot {said!r}; found: {listed}", "make one with `dormouse snapshot create`")


def _replaced(session: Session, project: AnyProject, found: Snapshot, target: str | None) -> Branch:
    """The branch in whose place it is to be put. Raises UserError where that is gone."""
    if target is not None:
        return session.branch(project, target)
    branches = session.client.branches(ProjectId(project.id)).branches
    source = next((each for each in branches if each.id == found.source_branch_id), None)
    if source is None:
        raise UserError(f"the branch that snapshot {found.name} is of is gone", "say another one with --target")
    return source


def _would_restore(session: Session, found: Snapshot, replaced: Branch | None, name: str | None) -> None:
    if session.as_json:
        would = {"would": "restore", "snapshot": to_json(found), "name": name, "dry_run": True}
        answer_json(would | {"replaced": None if replaced is None else to_json(replaced)})
        return
    of = exact_moment_text(found.timestamp) if found.timestamp else found.lsn or "its time"
    if replaced is None:
        answer(f"a branch {name or 'with a name of its own'} would be made with the data of {of}")
        return
    answer(f"branch {replaced.name} ({replaced.id}) would be replaced by one with the data of {of}")
    answer(
        f"what it has now would stay as branch {name or replaced.name + ' (old)'}; its clients would be cut off"
    )


def _branch_names(session: Session, project: AnyProject) -> dict[str, str]:
    return {each.id: each.name for each in session.client.branches(ProjectId(project.id)).branches}
