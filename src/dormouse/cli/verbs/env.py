"""`dormouse env`"""

from typing import Annotated

import typer

from dormouse.cli.completing import branch_names
from dormouse.cli.connections import FORMATS, Chosen, Target, choose, variables, write
from dormouse.cli.options import (
    AsJson,
    AtLocal,
    AtNeon,
    BranchName,
    DatabaseName,
    Pooled,
    ProjectName,
    Quiet,
    Replica,
    RoleName,
)
from dormouse.cli.output import AskedWrongly, answer, answer_json, fails_politely
from dormouse.cli.platforms import Local
from dormouse.cli.session import open_session
from dormouse.cli.settings import settings_with
from dormouse.home import api_key_of
from dormouse.storage.layout import Layout

__all__ = ["env"]


@fails_politely
def env(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="BRANCH",
            help="Name or id; default: the pinned, or the default one.",
            autocompletion=branch_names,
        ),
    ] = None,
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
    quiet: Quiet = False,
    local: AtLocal = False,
    neon: AtNeon = False,
) -> None:
    """Print how to connect, for a .env file, a shell or a program.

    `dotenv`, `shell` and `json` give DATABASE_URL, DATABASE_URL_UNPOOLED and DATABASE_REPLICA_URL, for Django;
    `url` is for psql and libpq's kin, `verify-full` the same with the server verified, `pg` for the environment
    of libpq, `other` for drivers that know no hostaddr; `ca` prints the path of the authority's certificate,
    `neonctl` the variables that point Neon's own tools here.

    Example: dormouse env pr-41 --pooled > .env
    """
    if format_name not in (*FORMATS, "ca", "neonctl"):
        raise AskedWrongly(f"--format is {format_name!r}; expected one of {', '.join(FORMATS)}, ca, neonctl")
    if name is not None and branch is not None and name != branch:
        raise AskedWrongly(f"two branches are named: {name!r}, and {branch!r} with --branch")
    layout = Layout(settings_with().home)
    authority = layout.tls / "ca.pem"
    if format_name == "ca":
        answer(str(authority))
        return
    session = open_session(project=project, local=local, neon=neon, quiet=quiet)
    if format_name == "neonctl":
        platform = session.platform
        answer(f"export NEON_API_HOST={session.client.base_url}")
        answer(f"export NEON_API_KEY={api_key_of(layout) if isinstance(platform, Local) else platform.api_key}")
        return
    ca = authority if isinstance(session.platform, Local) else None
    target = Target(
        project=project,
        branch=name if name is not None else branch,
        role=role,
        database=database,
        replica=replica,
        pooled=pooled,
        pinned=session.pinned,
    )
    with session.explaining():
        chosen = choose(session.client, target)
    if as_json:
        answer_json(_details(chosen) | {"ca": None if ca is None else str(ca)})
    else:
        answer(write(chosen, format_name, ca))


def _details(chosen: Chosen) -> dict[str, object]:
    return {
        "project_id": chosen.project.id,
        "branch_id": chosen.branch.id,
        "endpoint_id": chosen.endpoint.id,
        "url": chosen.parameters.url(),
        "replica_urls": [parameters.url() for parameters in chosen.replicas],
        "pg": chosen.parameters.pg_variables(),
        **variables(chosen),
    }
