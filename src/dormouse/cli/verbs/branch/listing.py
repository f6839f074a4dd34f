"""`dormouse branch list`"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dormouse.api.json_form import exact_moment_text, moment_text, to_json
from dormouse.api.records import Branch, Endpoint
from dormouse.cli.choosing import AnyProject
from dormouse.cli.output import answer, answer_json, table
from dormouse.cli.reach import Reach, reach_of
from dormouse.cli.session import Session, in_project
from dormouse.cli.tree import drawn
from dormouse.cli.verbs.branch.noun import branch, is_pinned, marks_of
from dormouse.moments import age
from dormouse.names import ProjectId
from dormouse.sizes import size_text

__all__ = ["list_branches"]


@branch.command("list")
@in_project()
def list_branches(
    session: Session,
    *,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that can be brought back.")] = False,
) -> None:
    """Draw the tree of branches; `*` marks the pinned one.

    The last columns say how far back each can be restored and, on the local platform, what it takes on disk beside
    what it shares with others.

    Example: dormouse branch list --project shop
    """
    project = session.project()
    if deleted:
        _show_deleted(session, project)
        return
    found = session.client.branches(ProjectId(project.id)).branches
    now = datetime.now(UTC)
    reach = reach_of(session, project, found, now)
    if session.as_json:
        answer_json([to_json(each) | _reach_json(reach[each.id]) for each in found])
        return
    computes = session.client.endpoints(ProjectId(project.id))
    sizes = any(each.own_bytes is not None for each in reach.values())
    own = ("own size",) if sizes else ()
    columns = ("", "branch", "id", "age", "state", "compute", *own, "restorable since", "marks")
    rows = [_row(session, lines, each, computes, reach[each.id], now) for lines, each in drawn(found)]
    answer(table(columns, rows))


def _row(
    session: Session,
    lines: str,
    found: Branch,
    computes: Sequence[Endpoint],
    reach: Reach,
    now: datetime,
) -> Mapping[str, Any]:
    return {
        "": "*" if is_pinned(session, found) else " ",
        "branch": lines + found.name,
        "id": found.id,
        "age": age(found.created_at, now),
        "state": found.pending_state or found.current_state,
        "compute": _computes_of(found, computes),
        "own size": "" if reach.own_bytes is None else size_text(reach.own_bytes),
        "restorable since": "" if reach.since is None else f"{age(reach.since, now)} ago",
        "marks": ", ".join(marks_of(found)),
    }


def _reach_json(reach: Reach) -> dict[str, Any]:
    """Beside the API's own fields."""
    return {
        "restorable_since": None if reach.since is None else exact_moment_text(reach.since),
        "own_bytes": reach.own_bytes,
    }


def _show_deleted(session: Session, project: AnyProject) -> None:
    page = session.client.branches(ProjectId(project.id), include_deleted=True)
    found = [each for each in page.branches if each.recovery is not None]
    if session.as_json:
        answer_json([to_json(each) for each in found])
        return
    if not found:
        session.tell("no deleted branch can be brought back")
        return
    now = datetime.now(UTC)
    answer(
        table(
            ("branch", "id", "deleted", "recoverable until"),
            [
                {
                    "branch": each.name,
                    "id": each.id,
                    "deleted": f"{age(each.recovery.deleted_at, now)} ago",
                    "recoverable until": moment_text(each.recovery.recoverable_until),
                }
                for each in found
                if each.recovery is not None
            ],
        )
    )
    session.tell("back: `dormouse branch recover NAME`")


def _computes_of(found: Branch, computes: Sequence[Endpoint]) -> str:
    """`active + 2 replicas`"""
    own = [each for each in computes if each.branch_id == found.id]
    primary = next((each.current_state for each in own if each.type == "read_write"), "none")
    replicas = sum(each.type == "read_only" for each in own)
    return primary + (f" + {replicas} replica{'s' if replicas > 1 else ''}" if replicas else "")
