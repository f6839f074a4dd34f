"""`dormouse branch sweep`"""

from collections.abc import Iterable
from pathlib import Path

from dormouse.api.records import Branch
from dormouse.cli.checkout_files import find_files
from dormouse.cli.confirming import confirm
from dormouse.cli.git import find_checkout
from dormouse.cli.git_branches import look_around
from dormouse.cli.made_branches import forget
from dormouse.cli.options import DryRun, Yes
from dormouse.cli.output import answer, answer_json, table
from dormouse.cli.pinning import pin
from dormouse.cli.session import Session, in_project
from dormouse.cli.sweeping import Sweep, plan_sweep
from dormouse.cli.verbs.branch.noun import branch, is_pinned
from dormouse.names import ProjectId
from dormouse.old_names import is_old_name

__all__ = ["sweep"]


@branch.command("sweep")
@in_project(changes=True)
def sweep(session: Session, *, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Delete the branches that `dormouse checkout` made for git branches that are gone; shows them, and asks.

    Only what was made in this repository counts, and never the default branch, a protected one, or one that others
    were made from.

    Example: dormouse branch sweep
    """
    where = find_checkout(Path.cwd())
    session.pinned = find_files(where, Path.cwd(), Path.home()).pinned
    project = session.project()
    project_id = ProjectId(project.id)
    known = look_around(where, project_id, session.client.branches(project_id).branches)
    made = [each for each in known.made if each.project_id == project_id]
    plan = plan_sweep(made, known.git_branches, known.claims, known.branches)
    if not session.as_json:
        _show(session, plan)
    if dry_run:
        if session.as_json:
            answer_json(_json(plan, deleted=False) | {"dry_run": True})
        return
    if plan.goes:
        names = ", ".join(found.name for _, found in plan.goes)
        confirm(f"deleting {_count(plan)} of {project.name} at {session.platform.name}: {names}", yes=yes)
    for record, found in plan.goes:
        session.change(lambda found=found: session.client.delete_branch(project_id, found.id))  # type: ignore[misc]
        forget(where, record)
        if is_pinned(session, found):
            pin(session, project, None)
            session.tell("no branch is pinned any more")
    for record in plan.forgotten:
        forget(where, record)
    if session.as_json:
        answer_json(_json(plan, deleted=True))
    elif plan.goes:
        session.done(f"{_count(plan)} deleted", None, then="back: `dormouse branch recover NAME`")
        if old := _preserved(plan, known.branches):
            session.tell(
                f"preserved by a restore, and still there: {', '.join(old)}\n"
                "  `dormouse branch delete NAME` deletes one"
            )


def _show(session: Session, plan: Sweep) -> None:
    fates = [(each, "goes") for each in plan.goes]
    fates += [((record, found), f"stays: {why}") for record, found, why in plan.stays]
    rows = [
        {"branch": found.name, "id": found.id, "git branch": record.git_branch, "": fate}
        for (record, found), fate in fates
    ]
    if rows:
        answer(table(("branch", "id", "git branch", ""), rows))
    else:
        session.tell("nothing to sweep: every git branch that a branch was made for is there")


def _preserved(plan: Sweep, branches: Iterable[Branch]) -> list[str]:
    """The names of what restores have preserved of those that went: nobody else would think of them."""
    gone = [found.name for _, found in plan.goes]
    return [each.name for each in branches if any(is_old_name(each.name, name) for name in gone)]


def _count(plan: Sweep) -> str:
    return f"{len(plan.goes)} branch{'es' if len(plan.goes) != 1 else ''}"


def _json(plan: Sweep, *, deleted: bool) -> dict[str, object]:
    goes = [{"id": found.id, "name": found.name, "git_branch": record.git_branch} for record, found in plan.goes]
    return {
        "deleted" if deleted else "would_delete": goes,
        "kept": [
            {"id": found.id, "name": found.name, "git_branch": record.git_branch, "because": why}
            for record, found, why in plan.stays
        ],
    }
