"""`dormouse up`"""

import os
import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from dormouse.cli import background
from dormouse.cli.options import AsJson, HttpPort, PgPort
from dormouse.cli.output import answer, answer_json, fails_politely, say
from dormouse.cli.settings import settings_with
from dormouse.storage.layout import Layout

__all__ = ["up"]


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
    DORMOUSE_PG_BIN (the bin folder of one Postgres), DORMOUSE_STORAGE (auto, reflink, copy), DORMOUSE_ERRORS
    (postgres, or neon), DORMOUSE_OPERATIONS (immediate, timed, manual), DORMOUSE_MAX_PROJECTS,
    DORMOUSE_MAX_BRANCHES, DORMOUSE_MAX_ENDPOINTS, DORMOUSE_HISTORY_BYTES (of a branch's past on disk),
    DORMOUSE_PGBOUNCER (the program), DORMOUSE_POOLER (auto, or required) and the DORMOUSE_LIMIT_… of the proxy
    (docs/reference/refusals.md).

    Example: dormouse up
    """
    settings = settings_with(pg_port, http_port)
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
    answer(f"console  {there.http_url}/  (`dormouse open` lets your browser in)")
    say("next: `dormouse status`, `dormouse env`, `dormouse psql`, `dormouse down`")
