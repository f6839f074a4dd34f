"""`dormouse branch diff`"""

import os
import sys
from typing import Annotated

import typer

from dormouse.api.errors import Missing
from dormouse.api.json_form import moment_text
from dormouse.api.records import Branch
from dormouse.cli.choosing import AnyProject
from dormouse.cli.completing import branch_names
from dormouse.cli.options import DatabaseName
from dormouse.cli.output import AskedWrongly, answer, answer_json
from dormouse.cli.placing import the_place
from dormouse.cli.points import HEAD, Point
from dormouse.cli.schema_diff import coloured, diff_of
from dormouse.cli.session import Session, in_project
from dormouse.cli.verbs.branch.noun import branch
from dormouse.errors import UserError
from dormouse.names import BranchId, ProjectId

__all__ = ["diff"]


@branch.command("diff")
@in_project()
def diff(
    session: Session,
    one: Annotated[
        str,
        typer.Argument(metavar="BRANCH[@POINT]", help="main, or main@-10m.", autocompletion=branch_names),
    ],
    other: Annotated[
        str | None, typer.Argument(metavar="[BRANCH[@POINT]]", autocompletion=branch_names, show_default=False)
    ] = None,
    *,
    database: DatabaseName = None,
) -> None:
    """Show how the schema changes from one branch to another, as a unified diff of SQL.

    With one branch: how it differs from its parent. With one branch at a point: what has changed on it since.

    Example: dormouse branch diff pr-41
    """
    project = session.project()
    (base, base_point), (changed, changed_point) = _sides(session, project, one, other)
    found = {
        each: diff_of(
            _schema(session, project, base, base_point, each),
            _schema(session, project, changed, changed_point, each),
            before_name=f"{base.name}{_behind(base_point)} {each}",
            after_name=f"{changed.name}{_behind(changed_point)} {each}",
        )
        for each in _databases(session, project, (base, changed), database)
    }
    if session.as_json:
        answer_json({"equal": not any(found.values()), "diffs": found})
        return
    for text in found.values():
        if text:
            answer((coloured(text) if _in_colour() else text).removesuffix("\n"))
    if not any(found.values()):
        session.tell(
            f"no difference between {base.name}{_behind(base_point)} and {changed.name}{_behind(changed_point)}"
        )


def _sides(
    session: Session, project: AnyProject, one: str, other: str | None
) -> tuple[tuple[Branch, Point], tuple[Branch, Point]]:
    """From which to which. Raises AskedWrongly for a root branch alone."""
    found, point = the_place(session, project, one, or_pinned=True)
    if other is not None:
        return (found, point), the_place(session, project, other, default=found)
    if not point.is_head:
        return (found, point), (found, HEAD)
    if found.parent_id is None:
        raise AskedWrongly(
            f"branch {found.name} has no parent to be compared with",
            f"say another branch, or a point: `dormouse branch diff {found.name}@-10m`",
        )
    return (session.client.branch(ProjectId(project.id), BranchId(found.parent_id)), HEAD), (found, HEAD)


def _databases(
    session: Session, project: AnyProject, branches: tuple[Branch, Branch], said: str | None
) -> list[str]:
    """The named one, or all that either has now. Raises UserError if neither has that one."""
    found = {
        each.name for branch in branches for each in session.client.databases(ProjectId(project.id), branch.id)
    }
    if said is not None and said not in found:
        raise UserError(f"there is no database {said!r}; found: {', '.join(sorted(found)) or 'none'}")
    return [said] if said is not None else sorted(found)


def _schema(session: Session, project: AnyProject, of: Branch, point: Point, database: str) -> str:
    """Empty where the branch has no such database: then all of the other's is new."""
    try:
        return session.client.branch_schema(
            ProjectId(project.id), of.id, database, lsn=point.lsn, timestamp=point.time
        )
    except Missing as no:
        if "database" not in no.message:
            raise
        return ""


def _behind(point: Point) -> str:
    return "" if point.is_head else f"@{point.lsn or (moment_text(point.time) if point.time else '')}"


def _in_colour() -> bool:
    """As https://no-color.org has it."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
