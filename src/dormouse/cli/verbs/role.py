"""`dormouse role`"""

from typing import Annotated

import typer

from dormouse.api.json_form import to_json
from dormouse.api.records import Role
from dormouse.cli.choosing import the_name
from dormouse.cli.completing import role_names
from dormouse.cli.confirming import confirm
from dormouse.cli.group import group
from dormouse.cli.options import BranchName, Yes
from dormouse.cli.output import answer, answer_json, table
from dormouse.cli.session import Session, in_project
from dormouse.names import BranchId, ProjectId

__all__ = ["role"]

role = group("Roles of a branch: who may log in.")

Named = Annotated[str, typer.Argument(metavar="ROLE", help="Its name.", autocompletion=role_names)]


@role.command("list")
@in_project()
def list_roles(session: Session, *, branch: BranchName = None) -> None:
    """List the roles of a branch.

    Example: dormouse role list
    """
    project = session.project()
    found = session.client.roles(ProjectId(project.id), session.branch(project, branch).id)
    if session.as_json:
        answer_json([to_json(each) for each in found])
        return
    rows = [{"role": each.name, "marks": "protected" if each.protected else ""} for each in found]
    if rows:
        answer(table(("role", "marks"), rows))
    else:
        session.tell("no role; `dormouse role create NAME` makes one")


@role.command("create")
@in_project(changes=True)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    *,
    branch: BranchName = None,
    no_login: Annotated[bool, typer.Option("--no-login", help="A role for grants alone.")] = False,
) -> None:
    """Make a role, and print its password: alone on standard output, this once.

    Example: dormouse role create reports
    """
    project = session.project()
    of = session.branch(project, branch)
    made = session.change(
        lambda: session.client.create_role(ProjectId(project.id), of.id, name, no_login=True if no_login else None)
    ).role
    _show_password(session, made, f"role {made.name} made on branch {of.name}")


@role.command("delete")
@in_project(changes=True)
def delete(session: Session, name: Named, *, branch: BranchName = None, yes: Yes = False) -> None:
    """Delete a role that owns no database.

    Example: dormouse role delete reports --yes
    """
    project = session.project()
    of = session.branch(project, branch)
    found = _the_role(session, ProjectId(project.id), of.id, name)
    confirm(f"deleting role {name} of branch {of.name} at {session.platform.name}", yes=yes)
    session.change(lambda: session.client.delete_role(ProjectId(project.id), of.id, name))
    session.done(f"role {name} deleted", to_json(found))


@role.command("reset-password")
@in_project(changes=True)
def reset_password(session: Session, name: Named, *, branch: BranchName = None, yes: Yes = False) -> None:
    """Give a role a new password, and print it: alone on standard output, this once.

    Example: dormouse role reset-password reports --yes
    """
    project = session.project()
    of = session.branch(project, branch)
    _the_role(session, ProjectId(project.id), of.id, name)
    confirm(f"replacing the password of {name} on branch {of.name} at {session.platform.name}", yes=yes)
    changed = session.change(lambda: session.client.reset_password(ProjectId(project.id), of.id, name)).role
    _show_password(session, changed, f"role {name} has a new password; the old one opens nothing")


@role.command("password")
@in_project()
def password(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(metavar="ROLE", help="Not needed if there is only one.", autocompletion=role_names),
    ] = None,
    *,
    branch: BranchName = None,
) -> None:
    """Print the password of a role.

    Example: dormouse role password neondb_owner
    """
    project = session.project()
    of = session.branch(project, branch)
    there = [each.name for each in session.client.roles(ProjectId(project.id), of.id)]
    chosen = the_name("role", name, there)
    revealed = session.client.reveal_password(ProjectId(project.id), of.id, chosen)
    if session.as_json:
        answer_json({"name": chosen, "password": revealed})
    else:
        answer(revealed)


def _the_role(session: Session, project: ProjectId, branch: BranchId, name: str) -> Role:
    found = {each.name: each for each in session.client.roles(project, branch)}
    return found[the_name("role", name, list(found))]


def _show_password(session: Session, changed: Role, sentence: str) -> None:
    session.tell(sentence)
    if session.as_json:
        answer_json(to_json(changed))
    elif changed.password is not None:
        answer(changed.password)
