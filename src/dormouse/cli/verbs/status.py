"""`dormouse status`"""

from collections.abc import Mapping
from typing import Any

import typer

from dormouse.api.local import FaultInForce
from dormouse.cli.options import AsJson
from dormouse.cli.output import answer, answer_json, fails_politely, say, table
from dormouse.cli.session import meant_now, pinned_now
from dormouse.cli.settings import settings_with
from dormouse.cli.status import platform_status, what_is_meant
from dormouse.cli.verbs.fault import fault_text
from dormouse.storage.layout import Layout

__all__ = ["status"]


@fails_politely
def status(*, as_json: AsJson = False) -> None:
    """Show this machine's platform, its projects and their computes; exit 1 if it is down.

    The last lines say at which platform the verbs about projects work, and what is pinned in .neon. It is the
    platform of DORMOUSE_HOME, unless NEON_API_KEY is set (then the API at NEON_API_HOST, or Neon's own), or
    `dormouse login` stored a key; --local and --neon on a verb overrule.

    Example: dormouse status --json
    """
    layout = Layout(settings_with().home)
    platform, pinned = meant_now(), pinned_now()
    found = platform_status(layout)
    if as_json:
        answer_json(found | what_is_meant(platform, pinned))
    else:
        _show(found)
        answer(f"commands go to {platform.name} ({platform.because})")
        if pinned.project:
            branch = f", branch {pinned.branch}" if pinned.branch else ""
            answer(f"pinned: project {pinned.project}{branch} ({pinned.path})")
    if not found["running"]:
        raise typer.Exit(1)


def _show(found: Mapping[str, Any]) -> None:
    if not found["running"]:
        answer(f"down · home {found['home']}")
        return
    answer(f"up · {found['http_url']} · postgres {found['pg_host']}:{found['pg_port']} · home {found['home']}")
    if found["computes"]:
        answer(table(("project", "branch", "compute", "type", "state", "behind", "host"), found["computes"]))
    else:
        say("no project yet; `dormouse project create NAME` makes one, `dormouse demo` a whole site")
    for each in found["faults"]:
        answer(f"fault at {each['endpoint']}: {fault_text(FaultInForce(**each))}")
