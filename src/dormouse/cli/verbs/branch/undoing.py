"""`dormouse branch undo`"""

from datetime import UTC, datetime

from dormouse.api.errors import Malformed, Refused
from dormouse.api.json_form import moment_text, to_json
from dormouse.api.local import KeptState
from dormouse.cli.choosing import AnyProject
from dormouse.cli.confirming import confirm
from dormouse.cli.options import DryRun, Yes
from dormouse.cli.output import answer, answer_json
from dormouse.cli.reach import speaks_local
from dormouse.cli.session import Session, in_project
from dormouse.cli.verbs.branch.noun import MaybeNamed, branch
from dormouse.errors import UserError
from dormouse.moments import age
from dormouse.names import ProjectId
from dormouse.old_names import is_old_name

__all__ = ["undo"]


@branch.command("undo")
@in_project(changes=True)
def undo(session: Session, name: MaybeNamed = None, *, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Bring back what a branch had before its last restore, reset or deletion; a second undo takes that back.

    The local platform keeps it for as long as it keeps the history of the project. At Neon restore the branch that
    was preserved instead: `dormouse branch restore NAME --to NAME_old_TIME`.

    Example: dormouse branch undo main --yes
    """
    project = session.project()
    kept = _last_kept(session, project, name)
    then = f"its {kept.because} {age(kept.kept_at, datetime.now(UTC))} ago"
    if dry_run:
        if session.as_json:
            answer_json({"would": "undo", "kept": to_json(kept), "dry_run": True})
            return
        answer(f"branch {kept.branch_name} ({kept.branch_id}) would get what it had before {then}")
        if kept.because != "delete":
            answer("what it has now would be kept, for another undo; its clients would be cut off")
        return
    confirm(f"giving branch {kept.branch_name} at {session.platform.name} what it had before {then}", yes=yes)
    changed = session.change(lambda: session.client.undo_branch(ProjectId(project.id), kept.branch_id)).branch
    session.done(
        f"branch {changed.name} ({changed.id}) has what it had before {then}",
        to_json(changed),
        then="" if kept.because == "delete" else f"a second `dormouse branch undo {changed.name}` takes this back",
    )


def _last_kept(session: Session, project: AnyProject, name: str | None) -> KeptState:
    """The state that an undo of that branch brings back. Raises UserError where there is none."""
    try:
        kept = session.client.kept_states(ProjectId(project.id)) if speaks_local(session) else None
    except (Refused, Malformed):
        kept = None
    if kept is None:
        raise _no_undo(session, project, name)
    there = session.client.branches(ProjectId(project.id)).branches
    wanted = name
    if name is None or any(name in (each.id, each.name) for each in there):
        wanted = session.branch(project, name).id
    found = next((each for each in kept if wanted in (each.branch_id, each.branch_name)), None)
    if found is None:
        listed = ", ".join(
            f"{each.branch_name} ({each.because}, until {moment_text(each.kept_until)})" for each in kept
        )
        meant = name or session.branch(project, None).name
        raise UserError(
            f"of branch {meant!r} nothing is kept to go back to; kept: {listed or 'none'}",
            f"go back in time: `dormouse branch restore {meant} --to -10m`",
        )
    return found


def _no_undo(session: Session, project: AnyProject, name: str | None) -> UserError:
    """What to do at Neon, which keeps nothing but what was preserved under a name."""
    page = session.client.branches(ProjectId(project.id))
    if name is not None and all(name not in (each.id, each.name) for each in page.branches):
        hint = f"if it was deleted: `dormouse branch recover {name}`"
    else:
        found = session.branch(project, name)
        old = [each for each in page.branches if is_old_name(each.name, found.name)]
        newest = max(old, key=lambda each: each.created_at, default=None)
        hint = (
            f"restore what was preserved: `dormouse branch restore {found.name} --to {newest.name}`"
            if newest is not None
            else f"go back in time: `dormouse branch restore {found.name} --to -10m`"
        )
    return UserError(f"{session.platform.name} has no undo", hint)
