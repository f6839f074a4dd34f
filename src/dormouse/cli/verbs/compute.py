"""`dormouse compute`"""

from collections.abc import Callable
from typing import Annotated

import typer

from dormouse.api.bodies import EndpointChanged
from dormouse.api.json_form import to_json
from dormouse.cli.choosing import the_compute
from dormouse.cli.group import group
from dormouse.cli.options import BranchName
from dormouse.cli.output import answer, answer_json, table
from dormouse.cli.session import Session, in_project
from dormouse.names import EndpointId, ProjectId

__all__ = ["compute"]

compute = group("Computes: the Postgres servers of branches, asleep or awake.")

MaybeNamed = Annotated[
    str | None, typer.Argument(metavar="COMPUTE", help="Its id; default: the branch's only one.")
]


@compute.command("list")
@in_project()
def list_computes(session: Session) -> None:
    """List the computes of a project.

    Example: dormouse compute list
    """
    project = session.project()
    found = session.client.endpoints(ProjectId(project.id))
    if session.as_json:
        answer_json([to_json(each) for each in found])
        return
    branches = {each.id: each.name for each in session.client.branches(ProjectId(project.id)).branches}
    rows = [
        {
            "id": each.id,
            "branch": branches.get(each.branch_id, each.branch_id),
            "type": each.type,
            "state": "disabled" if each.disabled else each.pending_state or each.current_state,
            "host": each.host,
        }
        for each in found
    ]
    if rows:
        answer(table(("id", "branch", "type", "state", "host"), rows))
    else:
        session.tell("no compute")


@compute.command("start")
@in_project(changes=True)
def start(session: Session, name: MaybeNamed = None, *, branch: BranchName = None) -> None:
    """Wake a compute; a connection does so too.

    Example: dormouse compute start --branch pr-41
    """
    _set_going(session, name, branch, session.client.start_endpoint, "started")


@compute.command("suspend")
@in_project(changes=True)
def suspend(session: Session, name: MaybeNamed = None, *, branch: BranchName = None) -> None:
    """Put a compute to sleep and cut off its clients; the next connection wakes it.

    Example: dormouse compute suspend --branch pr-41
    """
    _set_going(session, name, branch, session.client.suspend_endpoint, "suspended")


@compute.command("restart")
@in_project(changes=True)
def restart(session: Session, name: MaybeNamed = None, *, branch: BranchName = None) -> None:
    """Put a compute to sleep and wake it again; its clients are cut off.

    Example: dormouse compute restart ep-cold-sea-12345678
    """
    _set_going(session, name, branch, session.client.restart_endpoint, "restarted")


def _set_going(
    session: Session,
    name: str | None,
    branch: str | None,
    call: Callable[[ProjectId, EndpointId], EndpointChanged],
    done: str,
) -> None:
    project = session.project()
    found = the_compute(session.client, project, session.branch(project, branch), name)
    session.change(lambda: call(ProjectId(project.id), EndpointId(found.id)))
    now = session.client.endpoint(ProjectId(project.id), EndpointId(found.id))
    session.done(f"compute {now.id} {done}: {now.current_state}", to_json(now))
