"""`dormouse database`"""

import shlex
from typing import Annotated

import typer

from dormouse.api.bodies import DatabaseUpdate
from dormouse.api.json_form import to_json
from dormouse.api.records import Database
from dormouse.cli.choosing import the_name
from dormouse.cli.completing import database_names
from dormouse.cli.confirming import confirm
from dormouse.cli.group import group
from dormouse.cli.options import BranchName, Yes
from dormouse.cli.output import answer, answer_json, table
from dormouse.cli.session import Session, in_project
from dormouse.names import BranchId, ProjectId

__all__ = ["database"]

database = group("Databases of a branch.")

Named = Annotated[str, typer.Argument(metavar="DATABASE", help="Its name.", autocompletion=database_names)]


@database.command("list")
@in_project()
def list_databases(session: Session, *, branch: BranchName = None) -> None:
    """List the databases of a branch.

    Example: dormouse database list
    """
    project = session.project()
    found = session.client.databases(ProjectId(project.id), session.branch(project, branch).id)
    if session.as_json:
        answer_json([to_json(each) for each in found])
    elif found:
        answer(table(("database", "owner"), [{"database": each.name, "owner": each.owner_name} for each in found]))
    else:
        session.tell("no database; `dormouse database create NAME` makes one")


@database.command("create")
@in_project(changes=True)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    *,
    owner: Annotated[str | None, typer.Option("--owner", help="A role; not needed if there is only one.")] = None,
    branch: BranchName = None,
) -> None:
    """Make a database.

    Example: dormouse database create blog
    """
    project = session.project()
    of = session.branch(project, branch)
    roles = [each.name for each in session.client.roles(ProjectId(project.id), of.id)]
    owned_by = the_name("role", owner, roles, option="--owner")
    made = session.change(
        lambda: session.client.create_database(ProjectId(project.id), of.id, name, owner=owned_by)
    ).database
    session.done(
        f"database {made.name} of {made.owner_name} made on branch {of.name}",
        to_json(made),
        then=f"next: `dormouse env {shlex.quote(of.name)} --database {shlex.quote(made.name)}`",
    )


@database.command("rename")
@in_project(changes=True)
def rename(
    session: Session,
    name: Named,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")],
    *,
    branch: BranchName = None,
) -> None:
    """Give a database another name; its clients are cut off.

    Example: dormouse database rename blog news
    """
    project = session.project()
    of = session.branch(project, branch)
    _the_database(session, ProjectId(project.id), of.id, name)
    changed = session.change(
        lambda: session.client.update_database(ProjectId(project.id), of.id, name, DatabaseUpdate(name=new_name))
    ).database
    session.done(f"database {name} is now {changed.name}", to_json(changed))


@database.command("delete")
@in_project(changes=True)
def delete(session: Session, name: Named, *, branch: BranchName = None, yes: Yes = False) -> None:
    """Delete a database with all that is in it, and cut off its clients.

    Example: dormouse database delete blog --yes
    """
    project = session.project()
    of = session.branch(project, branch)
    found = _the_database(session, ProjectId(project.id), of.id, name)
    confirm(f"deleting database {name} of branch {of.name} at {session.platform.name}", yes=yes)
    session.change(lambda: session.client.delete_database(ProjectId(project.id), of.id, name))
    session.done(f"database {name} deleted", to_json(found))


def _the_database(session: Session, project: ProjectId, branch: BranchId, name: str) -> Database:
    found = {each.name: each for each in session.client.databases(project, branch)}
    return found[the_name("database", name, list(found))]
