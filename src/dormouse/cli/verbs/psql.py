"""`dormouse psql`"""

import os

import typer

from dormouse.cli.connections import Target, choose, client_of
from dormouse.cli.options import BranchName, DatabaseName, ProjectName, Replica, RoleName
from dormouse.cli.output import fails_politely
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
) -> None:
    """Open psql on a compute; what stands behind `--` goes to psql."""
    layout = Layout(settings_with().home)
    client = client_of(layout)
    chosen = choose(client, Target(project=project, branch=branch, role=role, database=database, replica=replica))
    command, environment = psql_command(layout, client, chosen, os.environ)
    os.execve(command[0], [*command, *context.args], environment)  # noqa: S606
