"""`dormouse logs`"""

from typing import Annotated

import typer

from dormouse.cli.following import follow
from dormouse.cli.output import fails_politely
from dormouse.cli.settings import settings_with
from dormouse.storage.layout import Layout

__all__ = ["logs"]


@fails_politely
def logs(
    *,
    compute: Annotated[str | None, typer.Option("--compute", help="A compute's id: its Postgres's log.")] = None,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many to begin with.")] = 50,
) -> None:
    """Print the platform's log, or a compute's.

    Example: dormouse logs -f
    """
    layout = Layout(settings_with().home)
    follow(layout, compute, lines=lines, forever=following)
