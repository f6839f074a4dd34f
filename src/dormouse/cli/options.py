"""Options that several commands share."""

from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "BranchName",
    "DatabaseName",
    "HttpPort",
    "PgPort",
    "Pooled",
    "ProjectName",
    "Replica",
    "RoleName",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProjectName = Annotated[str | None, typer.Option("--project", help="Name or id; not needed if there is only one.")]
BranchName = Annotated[str | None, typer.Option("--branch", help="Name or id; default: the default branch.")]
RoleName = Annotated[str | None, typer.Option("--role", help="Not needed if there is only one.")]
DatabaseName = Annotated[str | None, typer.Option("--database", help="Not needed if there is only one.")]
Replica = Annotated[bool, typer.Option("--replica", help="The read replica instead of the primary.")]
Pooled = Annotated[bool, typer.Option("--pooled", help="By way of the pooler (a -pooler host).")]
PgPort = Annotated[int | None, typer.Option("--pg-port", help="Of the Postgres proxy; 0 takes any free one.")]
HttpPort = Annotated[int | None, typer.Option("--http-port", help="Of API and console; 0 takes any free one.")]
