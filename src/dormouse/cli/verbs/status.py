"""`dormouse status`"""

import typer

from dormouse.cli.options import AsJson
from dormouse.cli.output import answer, answer_json, fails_politely, say, table
from dormouse.cli.settings import settings_with
from dormouse.cli.status import platform_status
from dormouse.storage.layout import Layout

__all__ = ["status"]


@fails_politely
def status(*, as_json: AsJson = False) -> None:
    """Show the platform, its projects and their computes; exit 1 if it is down."""
    layout = Layout(settings_with().home)
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
