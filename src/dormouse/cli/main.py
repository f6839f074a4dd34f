"""The command and its verbs: options in, one call, the answer out.

What runs the platform itself is `dormouse.daemon`, in a process of its own; so no verb pays for its imports.
"""

import os
import sys
import time
from dataclasses import asdict, replace
from typing import Annotated

import typer

from dormouse.cli import background
from dormouse.cli.connections import FORMATS, Target, choose, write
from dormouse.cli.demo import DemoOptions, run_demo
from dormouse.cli.doctor import examine
from dormouse.cli.following import follow
from dormouse.cli.options import AsJson, BranchName, DatabaseName, Pooled, ProjectName, Replica, RoleName
from dormouse.cli.output import answer, answer_json, fails_politely, say, table
from dormouse.cli.shell import psql_command
from dormouse.cli.status import platform_status
from dormouse.config import Settings
from dormouse.storage.layout import Layout

__all__ = ["app", "main"]

app = typer.Typer(
    help="Serverless Postgres for Django, on your own machine. `up --help` tells the settings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

PgPort = Annotated[int | None, typer.Option("--pg-port", help="Of the Postgres proxy; 0 takes any free one.")]
HttpPort = Annotated[int | None, typer.Option("--http-port", help="Of API and console; 0 takes any free one.")]


@app.command()
@fails_politely
def up(
    *,
    pg_port: PgPort = None,
    http_port: HttpPort = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and log to standard error.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start the platform; return when it serves.

    Settings come from the environment: DORMOUSE_HOME (where everything is kept), DORMOUSE_BIND (127.0.0.1),
    DORMOUSE_PG_PORT (55432), DORMOUSE_HTTP_PORT (55433), DORMOUSE_HOST_SUFFIX (dormouse.localhost),
    DORMOUSE_PG_BIN (the bin folder of one Postgres), DORMOUSE_ERRORS (postgres, or neon).
    """
    settings = _settings(pg_port, http_port)
    if foreground:
        environment = background.environment_of(settings, os.environ)
        os.execve(sys.executable, [sys.executable, "-m", "dormouse.daemon"], environment)  # noqa: S606
    began = time.monotonic()
    there = background.start(settings, os.environ)
    if as_json:
        answer_json(asdict(there))
        return
    say(f"the platform serves after {time.monotonic() - began:.2f} s (pid {there.pid})")
    answer(f"API      {there.http_url}/api/v2  (key: {Layout(settings.home).api_key})")
    answer(f"Postgres {there.pg_host}:{there.pg_port}")
    say("next: `dormouse status`, `dormouse env`, `dormouse psql`, `dormouse down`")


@app.command()
@fails_politely
def down() -> None:
    """Stop the platform; every compute goes to sleep in order."""
    settings = _settings()
    began = time.monotonic()
    if background.stop(Layout(settings.home)):
        say(f"the platform is down after {time.monotonic() - began:.2f} s")
    else:
        say(f"no platform runs in {settings.home}")


@app.command()
@fails_politely
def status(*, as_json: AsJson = False) -> None:
    """Show the platform, its projects and their computes; exit 1 if it is down."""
    layout = Layout(_settings().home)
    found = platform_status(layout)
    if as_json:
        answer_json(found)
    elif not found["running"]:
        answer(f"down · home {layout.home}")
    else:
        answer(f"up · {found['http_url']} · postgres {found['pg_host']}:{found['pg_port']} · home {layout.home}")
        columns = ("project", "branch", "compute", "type", "state", "host")
        if found["computes"]:
            answer(table(columns, found["computes"]))
        else:
            say("no project yet; `dormouse demo` makes one")
    if not found["running"]:
        raise typer.Exit(1)


@app.command()
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
    layout = Layout(_settings().home)
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
    chosen = choose(background.client_of(layout), target)
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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
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
    layout = Layout(_settings().home)
    client = background.client_of(layout)
    chosen = choose(client, Target(project=project, branch=branch, role=role, database=database, replica=replica))
    command, environment = psql_command(layout, client, chosen, os.environ)
    os.execve(command[0], [*command, *context.args], environment)  # noqa: S606


@app.command()
@fails_politely
def doctor(*, as_json: AsJson = False) -> None:
    """Examine this machine: which Postgres, which storage, what is missing; exit 1 if something must be mended."""
    findings = examine(_settings(), os.environ)
    if as_json:
        answer_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            answer(f"{finding.mark} {finding.subject}: {finding.text}")
            if finding.hint:
                answer(f"    {finding.hint}")
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)


@app.command()
@fails_politely
def logs(
    *,
    compute: Annotated[str | None, typer.Option("--compute", help="A compute's id: its Postgres's log.")] = None,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many to begin with.")] = 50,
) -> None:
    """Print the platform's log, or a compute's."""
    layout = Layout(_settings().home)
    follow(layout, compute, lines=lines, forever=following)


@app.command()
@fails_politely
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Request every page, check the answers, stop.")] = False,
    site_port: Annotated[
        int, typer.Option("--site-port", help="Of the example site; 0 takes any free one.")
    ] = 8000,
    pg_port: PgPort = None,
    http_port: HttpPort = None,
    as_json: AsJson = False,
) -> None:
    """Set up and serve the example site: platform, project, primary, read replica, data.

    Ctrl-C stops all that it started. The data stays, and the next `dormouse demo` finds it.
    """
    options = DemoOptions(once=once, site_port=site_port, as_json=as_json)
    if not run_demo(_settings(pg_port, http_port), options, os.environ):
        raise typer.Exit(1)


def main() -> None:
    """The entry point."""
    app(prog_name="dormouse")


def _settings(pg_port: int | None = None, http_port: int | None = None) -> Settings:
    settings = Settings.from_environment(os.environ)
    if pg_port is not None:
        settings = replace(settings, pg_port=pg_port)
    if http_port is not None:
        settings = replace(settings, http_port=http_port)
    return settings
