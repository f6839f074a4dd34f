"""`dormouse project`"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from dormouse.api.bodies import NewBranch, ProjectCreate, ProjectUpdate
from dormouse.api.json_form import moment_text, to_json
from dormouse.cli.choosing import all_projects
from dormouse.cli.completing import project_names
from dormouse.cli.confirming import confirm
from dormouse.cli.group import group
from dormouse.cli.options import Yes
from dormouse.cli.output import answer, answer_json, facts, table
from dormouse.cli.pinning import pin
from dormouse.cli.session import Session, with_session
from dormouse.errors import UserError
from dormouse.moments import age
from dormouse.names import ProjectId

__all__ = ["project"]

project = group("Projects: each has branches, which have roles, databases and computes.")

Named = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id.", autocompletion=project_names)]
MaybeNamed = Annotated[
    str | None,
    typer.Argument(
        metavar="PROJECT",
        help="Name or id; default: the pinned one, or the only one.",
        autocompletion=project_names,
    ),
]


@project.command("list")
@with_session()
def list_projects(
    session: Session,
    *,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that can be recovered.")] = False,
) -> None:
    """List the projects; `*` marks the pinned one.

    Example: dormouse project list --json
    """
    found = all_projects(session.client, recoverable=deleted)
    if session.as_json:
        answer_json([to_json(each) for each in found])
        return
    if not found:
        session.tell("no project; `dormouse project create NAME` makes one")
        return
    now = datetime.now(UTC)
    columns = ("", "name", "id", "postgres", "region", "age", *(("recoverable until",) if deleted else ()))
    answer(
        table(
            columns,
            [
                {
                    "": "*" if each.id == session.pinned.project else " ",
                    "name": each.name,
                    "id": each.id,
                    "postgres": each.pg_version,
                    "region": each.region_id,
                    "age": age(each.created_at, now),
                    "recoverable until": moment_text(each.recoverable_until) if each.recoverable_until else "",
                }
                for each in found
            ],
        )
    )


@project.command("create")
@with_session(changes=True)
def create(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Default: its id.")] = None,
    *,
    pg_version: Annotated[int | None, typer.Option("--pg-version", help="Major version of Postgres.")] = None,
    region: Annotated[str | None, typer.Option("--region", help="Where; for Neon.")] = None,
    organization: Annotated[str | None, typer.Option("--org", help="Id of the owner; for Neon.")] = None,
    branch: Annotated[str | None, typer.Option("--branch", help="Name of its first branch.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="Name of its owner's role.")] = None,
    database: Annotated[str | None, typer.Option("--database", help="Name of its first database.")] = None,
    use: Annotated[bool, typer.Option("--use", help="Pin it for this folder.")] = False,
) -> None:
    """Make a project: a branch with a role, a database and a compute.

    Example: dormouse project create shop --use
    """
    first = NewBranch(name=branch, role_name=role, database_name=database)
    asked = ProjectCreate(
        name=name,
        pg_version=pg_version,
        region_id=region,
        org_id=organization,
        branch=first if (branch or role or database) else None,
    )
    made = session.change(lambda: session.client.create_project(asked))
    if use:
        pin(session, made.project, made.branch)
    content = {
        "project": to_json(made.project),
        "branch": to_json(made.branch),
        "endpoints": [to_json(each) for each in made.endpoints],
    }
    session.done(
        f"project {made.project.name} ({made.project.id}) made, Postgres {made.project.pg_version}",
        content,
        then=f"next: `dormouse env{'' if use else f' --project {made.project.id}'}`",
    )


@project.command("get")
@with_session()
def get(session: Session, name: MaybeNamed = None) -> None:
    """Show a project.

    Example: dormouse project get shop
    """
    found = session.client.project(ProjectId(session.project(name).id))
    if session.as_json:
        answer_json(to_json(found))
        return
    answer(
        facts(
            {
                "name": found.name,
                "id": found.id,
                "postgres": found.pg_version,
                "region": found.region_id,
                "branches": session.client.branch_count(found.id),
                "history": f"{found.history_retention_seconds} s",
                "created": moment_text(found.created_at),
                "pinned": "yes" if found.id == session.pinned.project else "no",
            }
        )
    )


@project.command("rename")
@with_session(changes=True)
def rename(session: Session, name: Named, new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")]) -> None:
    """Give a project another name; its id stays.

    Example: dormouse project rename shop store
    """
    found = session.project(name)
    changed = session.change(
        lambda: session.client.update_project(ProjectId(found.id), ProjectUpdate(name=new_name))
    )
    session.done(f"project {found.name} is now {changed.project.name}", to_json(changed.project))


@project.command("delete")
@with_session()
def delete(session: Session, name: Named, *, yes: Yes = False) -> None:
    """Delete a project with all its branches; for seven days it can be recovered.

    Example: dormouse project delete shop --yes
    """
    found = session.project(name)
    confirm(f"deleting project {found.name} ({found.id}) at {session.platform.name}", yes=yes)
    gone = session.try_again(lambda: session.client.delete_project(ProjectId(found.id)))
    session.done(
        f"project {gone.name} ({gone.id}) deleted",
        to_json(gone),
        then=f"back: `dormouse project recover {gone.id}`",
    )


@project.command("recover")
@with_session()
def recover(session: Session, name: Named) -> None:
    """Bring a deleted project back with all that it had; within seven days.

    Example: dormouse project recover cold-sea-12345678
    """
    deleted = all_projects(session.client, recoverable=True)
    fitting = [each for each in deleted if name == each.id] or [each for each in deleted if name == each.name]
    if len(fitting) != 1:
        there = ", ".join(f"{each.name} ({each.id})" for each in fitting or deleted) or "none"
        raise UserError(
            f"there is no deleted project {name!r}; found: {there}"
            if not fitting
            else f"there are several deleted projects named {name!r}: {there}",
            "say its id" if fitting else "",
        )
    back = session.try_again(lambda: session.client.recover_project(ProjectId(fitting[0].id)))
    session.done(f"project {back.name} ({back.id}) is back", to_json(back))


@project.command("use")
@with_session()
def use_project(session: Session, name: Named) -> None:
    """Pin a project for this folder, in the file .neon that Neon's own tools share.

    Example: dormouse project use shop
    """
    found = session.project(name)
    pin(session, found, None)
    session.done(
        f"using project {found.name} ({found.id})",
        {"projectId": found.id, "file": str(session.pinned.path)},
        then="next: `dormouse branch list`, `dormouse branch use NAME`",
    )
