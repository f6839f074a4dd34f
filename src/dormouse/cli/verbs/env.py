"""`dormouse env`"""

from typing import Annotated

import typer

from dormouse.cli import background
from dormouse.cli.connections import FORMATS, Target, choose, client_of, write
from dormouse.cli.options import AsJson, BranchName, DatabaseName, Pooled, ProjectName, Replica, RoleName
from dormouse.cli.output import answer, answer_json, fails_politely, say
from dormouse.cli.settings import settings_with
from dormouse.storage.layout import Layout

__all__ = ["env"]


@fails_politely
def env(
    *,
    project: ProjectName = None,
    branch: BranchName = None,
    role: RoleName = None,
    database: DatabaseName = None,
    replica: Replica = False,
    pooled: Pooled = False,
    format_name: Annotated[
        str, typer.Option("--format", help=f"One of: {', '.join(FORMATS)}, ca, neonctl.")
    ] = "dotenv",
    as_json: AsJson = False,
) -> None:
    """Print how to connect, for a .env file, a shell or a program.

    `dotenv` is for Django, `url` for psql and libpq's kin, `verify-full` the same with the server verified,
    `pg` for the environment of libpq, `other` for drivers that know no hostaddr; `ca` prints the path of the
    authority's certificate, `neonctl` the variables that point Neon's own tools here.
    """
    layout = Layout(settings_with().home)
    ca = layout.tls / "ca.pem"
    if format_name == "ca":
        answer(str(ca))
        return
    if format_name == "neonctl":
        there = background.find(layout)
        answer(f"export NEON_API_HOST={there.http_url}/api/v2")
        answer(f"export NEON_API_KEY={layout.api_key.read_text('ascii').strip()}")
        return
    if format_name not in FORMATS:
        say(f"dormouse: --format is {format_name!r}; expected one of {', '.join(FORMATS)}, ca, neonctl")
        raise typer.Exit(2)
    target = Target(project=project, branch=branch, role=role, database=database, replica=replica, pooled=pooled)
    chosen = choose(client_of(layout), target)
    if as_json:
        answer_json(
            {
                "project_id": chosen.project.id,
                "branch_id": chosen.branch.id,
                "endpoint_id": chosen.endpoint.id,
                "url": chosen.parameters.url(),
                "replica_urls": [parameters.url() for parameters in chosen.replicas],
                "pg": chosen.parameters.pg_variables(),
                "ca": str(ca),
            }
        )
    else:
        answer(write(chosen, format_name, ca))
