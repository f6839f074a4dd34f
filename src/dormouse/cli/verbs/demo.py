"""`dormouse demo`"""

import os
from typing import Annotated

import typer

from dormouse.cli.demo import DemoOptions, run_demo
from dormouse.cli.options import AsJson, HttpPort, PgPort
from dormouse.cli.output import fails_politely
from dormouse.cli.settings import settings_with

__all__ = ["demo"]


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

    Example: dormouse demo --once
    """
    options = DemoOptions(once=once, site_port=site_port, as_json=as_json)
    if not run_demo(settings_with(pg_port, http_port), options, os.environ):
        raise typer.Exit(1)
