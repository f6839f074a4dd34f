"""`dormouse psql`"""

import os

import typer

from dormouse.cli.connections import Target, choose
from dormouse.cli.options import AtLocal, AtNeon, BranchName, DatabaseName, ProjectName, Replica, RoleName
from dormouse.cli.output import fails_politely
from dormouse.cli.platforms import Local
from dormouse.cli.session import open_session
from dormouse.cli.settings import settings_with
from dormouse.cli.shell import psql_command
from dormouse.storage.layout import Layout

__all__ = ["psql"]


@fails_politely
def psql(
    context: typer.Context,
    *,
    project: ProjectName = None,
    branch: BranchName = None,
    role: RoleName = None,
    database: DatabaseName = None,
    replica: Replica = False,
    local: AtLocal = False,
    neon: AtNeon = False,
) -> None:
    """Open psql on a compute; what stands behind `--` goes to psql.

    Example: dormouse psql --branch pr-41 -- -c 'SELECT now()'
    """
    session = open_session(project=project, local=local, neon=neon)
    target = Target(
        project=project, branch=branch, role=role, database=database, replica=replica, pinned=session.pinned
    )
    with session.explaining():
        chosen = choose(session.client, target)
        layout = Layout(settings_with().home) if isinstance(session.platform, Local) else None
        command, environment = psql_command(layout, session.client, chosen, os.environ)
    os.execve(command[0], [*command, *context.args], environment)  # noqa: S606
