"""`dormouse operation`"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from dormouse.api.json_form import moment_text, to_json
from dormouse.cli.group import group
from dormouse.cli.output import answer, answer_json, facts, table
from dormouse.cli.session import Session, in_project, with_session
from dormouse.moments import age
from dormouse.names import OperationId, ProjectId

__all__ = ["operation"]

operation = group("Operations: the work that changes of a project took.")


@operation.command("list")
@in_project()
def list_operations(
    session: Session,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many, newest first.")] = 20,
) -> None:
    """List the latest operations of a project.

    Example: dormouse operation list -n 5
    """
    found = session.client.operations(ProjectId(session.project().id), limit=limit).operations
    if session.as_json:
        answer_json([to_json(each) for each in found])
        return
    now = datetime.now(UTC)
    rows = [
        {
            "id": each.id,
            "action": each.action,
            "status": each.status,
            "on": each.endpoint_id or each.branch_id or "",
            "ms": each.total_duration_ms,
            "age": age(each.created_at, now),
            "error": each.error or "",
        }
        for each in found
    ]
    if rows:
        answer(table(("id", "action", "status", "on", "ms", "age", "error"), rows))
    else:
        session.tell("no operation")


@operation.command("get")
@in_project()
def get(session: Session, identifier: Annotated[str, typer.Argument(metavar="OPERATION", help="Its id.")]) -> None:
    """Show an operation.

    Example: dormouse operation get 38891086-8129-48a0-8c48-672a341581ef
    """
    found = session.client.operation(ProjectId(session.project().id), OperationId(identifier))
    if session.as_json:
        answer_json(to_json(found))
        return
    answer(
        facts(
            {
                "id": found.id,
                "action": found.action,
                "status": found.status,
                "branch": found.branch_id or "none",
                "compute": found.endpoint_id or "none",
                "took": f"{found.total_duration_ms} ms",
                "failures": found.failures_count,
                "error": found.error or "none",
                "created": moment_text(found.created_at),
            }
        )
    )


@operation.command("finish")
@with_session()
def finish(session: Session) -> None:
    """Say of all operations that they have ended; for the profile `manual`.

    Example: dormouse operation finish
    """
    count = session.client.finish_operations()
    session.done(f"{count} operation{'' if count == 1 else 's'} ended", {"operations": count})


class Profile(StrEnum):
    """When operations are said to have ended."""

    IMMEDIATE = "immediate"
    TIMED = "timed"
    MANUAL = "manual"


@operation.command("profile")
@with_session()
def profile(
    session: Session,
    chosen: Annotated[
        Profile | None,
        typer.Argument(
            metavar="PROFILE",
            help="immediate: operations end at once. timed: after a second, as at Neon. manual: with `finish`.",
        ),
    ] = None,
) -> None:
    """Choose when operations are said to have ended, until the platform stops; without PROFILE, say what holds.

    What automation meets at Neon, where each change takes a while and others are refused with 423 meanwhile, is
    met here on purpose. DORMOUSE_OPERATIONS chooses it for a platform from its start.

    Example: dormouse operation profile timed
    """
    client = session.client
    holds = client.diagnose().operations if chosen is None else client.choose_profile(chosen)
    session.done(f"operations end by the profile {holds}", {"profile": holds})
