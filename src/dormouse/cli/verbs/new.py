"""`dormouse new`"""

import os
from pathlib import Path
from typing import Annotated

import typer

from dormouse.cli.new_project import make_project, module_name
from dormouse.cli.output import answer, fails_politely, say

__all__ = ["new"]


@fails_politely
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the folder, which is made: my-shop.")],
    *,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="Its DATABASE_URL; default: that of the environment, else it is asked for later."
        ),
    ] = None,
) -> None:
    """Make a Django project that runs on the platform, on Neon and on any Postgres.

    Settings for development and production, a health page, tests, a Dockerfile, a workflow for CI. What is
    secret stands in .env, which git does not see.

    Example: dormouse new my-shop
    """
    folder = Path(name).absolute()
    given = url if url is not None else os.environ.get("DATABASE_URL")
    make_project(folder, given, os.environ)
    answer(str(folder))
    steps = [f"cd {folder}", "uv sync"]
    if not given:
        steps += [
            "dormouse up",
            f"dormouse project create {module_name(folder.name)} --use",
            "dormouse env > .env",
        ]
    say("\n".join(["Then:", *(f"  {step}" for step in [*steps, "uv run manage.py migrate"])]))
