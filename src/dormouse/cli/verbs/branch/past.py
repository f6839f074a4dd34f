"""The verbs that put other data into a branch: its parent's, or that of the past."""

import shlex
from datetime import UTC, datetime
from typing import Annotated

import typer

from dormouse.api.errors import Exists, Refused
from dormouse.api.json_form import to_json
from dormouse.api.records import Branch
from dormouse.cli.choosing import AnyProject
from dormouse.cli.completing import branch_names
from dormouse.cli.confirming import confirm
from dormouse.cli.options import DryRun, Yes
from dormouse.cli.output import AskedWrongly, answer, answer_json
from dormouse.cli.placing import the_place
from dormouse.cli.points import HEAD
from dormouse.cli.reach import is_out_of_reach, reach_of, speaks_local
from dormouse.cli.replacing import Replacement
from dormouse.cli.session import Session, in_project
from dormouse.cli.verbs.branch.noun import MaybeNamed, Named, branch
from dormouse.errors import UserError
from dormouse.moments import PAST_FORMS
from dormouse.names import ProjectId
from dormouse.old_names import is_old_name, old_name

__all__ = ["reset", "restore"]

Preserve = Annotated[
    str | None,
    typer.Option("--preserve-under", metavar="NAME", help="Keep what it has now as this branch."),
]


@branch.command("reset")
@in_project(changes=True)
def reset(
    session: Session,
    name: MaybeNamed = None,
    *,
    preserve: Preserve = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Give a branch the present data of its parent; connection strings and passwords stay.

    Example: dormouse branch reset pr-41 --yes
    """
    project = session.project()
    found = session.branch(project, name)
    if found.parent_id is None:
        raise UserError(
            f"branch {found.name} has no parent to be reset to",
            f"go back in time: `dormouse branch restore {found.name} --to -10m`",
        )
    parent = session.client.branch(ProjectId(project.id), found.parent_id)
    if is_old_name(parent.name, found.name):
        session.tell(
            f"its parent is what a restore has preserved of it; for the data of another branch: "
            f"`dormouse branch restore {found.name} --to BRANCH`"
        )
    children = _children(session, project, found)
    # The API wants a name where there are children, since they need a parent.
    preserve = preserve or (old_name(found.name, datetime.now(UTC)) if children else None)
    change = Replacement(
        target=found,
        source=parent,
        point=HEAD,
        preserve_under_name=preserve,
        children=children,
        has_undo=speaks_local(session),
    )
    _replace(session, project, change, verb="resetting", dry_run=dry_run, yes=yes)


@branch.command("restore")
@in_project(changes=True)
def restore(
    session: Session,
    name: Named,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="POINT",
            help=f"A moment ({PAST_FORMS}), an LSN, or BRANCH[@POINT].",
            autocompletion=branch_names,
        ),
    ],
    preserve: Preserve = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Give a branch the data that it, or another branch, had; connection strings and passwords stay.

    What it has now stays too, as a branch of its own: NAME_old_TIME, if --preserve-under gives no other name. A
    time of day is that of your clock; what is written out without a zone is UTC.

    Example: dormouse branch restore main --to -10m
    """
    project = session.project()
    found = session.branch(project, name)
    source, point = the_place(session, project, to, default=found)
    if source.id == found.id and point.is_head:
        raise AskedWrongly(f"{to!r} is what branch {found.name} is now", f"say a point: {PAST_FORMS}, or an LSN")
    change = Replacement(
        target=found,
        source=source,
        point=point,
        preserve_under_name=preserve or old_name(found.name, datetime.now(UTC)),
        children=_children(session, project, found),
        has_undo=speaks_local(session),
    )
    _replace(session, project, change, verb="restoring", dry_run=dry_run, yes=yes)


def _replace(
    session: Session, project: AnyProject, change: Replacement, *, verb: str, dry_run: bool, yes: bool
) -> None:
    now = datetime.now(UTC)
    target = change.target
    if dry_run:
        _would_replace(session, project, change, now)
        return
    confirm(
        f"{verb} branch {target.name} ({target.id}) at {session.platform.name}: it gets {change.data(now)}, "
        f"{change.present_state}",
        yes=yes,
    )
    try:
        session.change(lambda: session.client.restore_branch(ProjectId(project.id), target.id, change.request))
    except Exists as no:
        no.hint = f"there is a branch {change.preserve_under_name} already: say another name with --preserve-under"
        raise
    except Refused as no:
        if target.protected:
            no.hint = f"`dormouse branch unprotect {target.name}`"
        raise
    after = session.client.branch(ProjectId(project.id), target.id)
    name, kept_as = shlex.quote(after.name), shlex.quote(change.preserve_under_name or "")
    back = (
        f"back: `dormouse branch undo {name}`"
        if change.has_undo
        else f"back: `dormouse branch restore {name} --to {kept_as}`"
        if change.preserve_under_name
        else ""
    )
    kept = f"; what it had is branch {change.preserve_under_name}" if change.preserve_under_name else ""
    session.done(
        f"branch {after.name} ({after.id}) has {change.data(now)}{kept}",
        {"branch": to_json(after), "preserved_under_name": change.preserve_under_name},
        then=back,
    )


def _would_replace(session: Session, project: AnyProject, change: Replacement, now: datetime) -> None:
    """A dry run. Raises UserError where the platform would refuse."""
    if change.target.protected:
        raise UserError(
            f"branch {change.target.name} is protected: it would stay as it is",
            f"`dormouse branch unprotect {change.target.name}`",
        )
    reach = reach_of(session, project, [change.source], now)[change.source.id]
    if why := is_out_of_reach(change.point, reach):
        raise UserError(f"branch {change.source.name} cannot be had at {change.point.told(now)}: {why}")
    if session.as_json:
        answer_json({"would": "restore", **change.to_json(), "dry_run": True})
        return
    for line in change.would(now):
        answer(line)


def _children(session: Session, project: AnyProject, found: Branch) -> list[str]:
    branches = session.client.branches(ProjectId(project.id)).branches
    return [each.name for each in branches if each.parent_id == found.id]
