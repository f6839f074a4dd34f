"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "AtLocal",
    "AtNeon",
    "BranchName",
    "DatabaseName",
    "DryRun",
    "EnvFile",
    "HttpPort",
    "NoWait",
    "PgPort",
    "Pooled",
    "ProjectName",
    "Quiet",
    "Replica",
    "RoleName",
    "Yes",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Answer, and say nothing else.")]
AtLocal = Annotated[bool, typer.Option("--local", help="At the platform of DORMOUSE_HOME, whatever else is set.")]
AtNeon = Annotated[bool, typer.Option("--neon", help="At Neon: the key of NEON_API_KEY, or of `dormouse login`.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return before the work is done.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
ProjectName = Annotated[
    str | None, typer.Option("--project", help="Name or id; default: the pinned one, or the only one.")
]
BranchName = Annotated[
    str | None, typer.Option("--branch", help="Name or id; default: the pinned one, or the default branch.")
]
RoleName = Annotated[str | None, typer.Option("--role", help="Not needed if there is only one.")]
DatabaseName = Annotated[str | None, typer.Option("--database", help="Not needed if there is only one.")]
EnvFile = Annotated[Path | None, typer.Option("--env-file", help="Instead of .env, beside .neon.")]
Replica = Annotated[bool, typer.Option("--replica", help="The read replica instead of the primary.")]
Pooled = Annotated[bool, typer.Option("--pooled", help="By way of the pooler (a -pooler host).")]
PgPort = Annotated[int | None, typer.Option("--pg-port", help="Of the Postgres proxy; 0 takes any free one.")]
HttpPort = Annotated[int | None, typer.Option("--http-port", help="Of API and console; 0 takes any free one.")]
