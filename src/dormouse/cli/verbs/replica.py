"""`dormouse replica`"""

import shlex
from typing import Annotated

import typer

from dormouse.api.bodies import EndpointCreate
from dormouse.api.json_form import to_json
from dormouse.cli.choosing import the_compute
from dormouse.cli.confirming import confirm
from dormouse.cli.group import group
from dormouse.cli.lag import behind
from dormouse.cli.options import BranchName, Yes
from dormouse.cli.output import answer, answer_json, table
from dormouse.cli.session import Session, in_project
from dormouse.names import BranchId, EndpointId, ProjectId

__all__ = ["replica"]

replica = group("Read replicas: computes that follow a branch's primary.")


@replica.command("list")
@in_project()
def list_replicas(session: Session, *, branch: BranchName = None) -> None:
    """List the read replicas of a branch, and how far those that are awake are behind its primary.

    Example: dormouse replica list --branch live
    """
    project = session.project()
    of = session.branch(project, branch)
    computes = session.client.branch_endpoints(ProjectId(project.id), of.id)
    found = [each for each in computes if each.type == "read_only"]
    if session.as_json:
        answer_json([to_json(each) for each in found])
    elif found:
        rows = [
            {"id": each.id, "state": each.current_state, "behind": behind(each), "host": each.host}
            for each in found
        ]
        answer(table(("id", "state", "behind", "host"), rows))
    else:
        session.tell(f"branch {of.name} has no replica; `dormouse replica add` makes one")


@replica.command("add")
@in_project(changes=True)
def add(
    session: Session,
    *,
    branch: BranchName = None,
    suspend_after: Annotated[
        int | None, typer.Option("--suspend-after", help="Seconds without use; 0 is the default of 300, -1 never.")
    ] = None,
) -> None:
    """Add a read replica to a branch.

    Example: dormouse replica add --branch live
    """
    project = session.project()
    of = session.branch(project, branch)
    asked = EndpointCreate(branch_id=BranchId(of.id), type="read_only", suspend_timeout_seconds=suspend_after)
    made = session.change(lambda: session.client.create_endpoint(ProjectId(project.id), asked)).endpoint
    session.done(
        f"replica {made.id} of branch {of.name} made",
        to_json(made),
        then=f"next: `dormouse env {shlex.quote(of.name)} --replica`",
    )


@replica.command("remove")
@in_project(changes=True)
def remove(
    session: Session,
    compute: Annotated[
        str | None, typer.Argument(metavar="REPLICA", help="Its id; not needed if there is only one.")
    ] = None,
    *,
    branch: BranchName = None,
    yes: Yes = False,
) -> None:
    """Remove a read replica and cut off its clients; the data stays with the primary.

    Example: dormouse replica remove ep-cold-sea-12345678 --yes
    """
    project = session.project()
    of = session.branch(project, branch)
    found = the_compute(session.client, project, of, compute, kind="read_only")
    confirm(f"removing replica {found.id} at {session.platform.name}", yes=yes)
    session.change(lambda: session.client.delete_endpoint(ProjectId(project.id), EndpointId(found.id)))
    session.done(f"replica {found.id} removed", to_json(found))
