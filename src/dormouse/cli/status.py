"""What runs in a home."""

from dataclasses import asdict
from typing import Any

from dormouse.cli import background
from dormouse.cli.connections import client_of
from dormouse.cli.lag import behind
from dormouse.cli.pinned import Pinned
from dormouse.cli.platforms import Local, Remote
from dormouse.errors import NotRunning
from dormouse.names import ProjectId
from dormouse.storage.layout import Layout

__all__ = ["platform_status", "what_is_meant"]


def what_is_meant(platform: Local | Remote, pinned: Pinned) -> dict[str, Any]:
    """Where the verbs about projects go, and with which project and branch: `{"commands", "pinned"}`."""
    return {
        "commands": {
            "platform": "local" if isinstance(platform, Local) else platform.api_host,
            "because": platform.because,
        },
        "pinned": {"project": pinned.project, "branch": pinned.branch, "file": str(pinned.path)}
        if pinned.project
        else None,
    }


def platform_status(layout: Layout) -> dict[str, Any]:
    """`{"running", "home", "computes": […]}` and, when it runs, what stands in `platform.json`."""
    found: dict[str, Any] = {"running": False, "home": str(layout.home), "computes": [], "faults": []}
    try:
        there = background.find(layout)
    except NotRunning:
        return found
    client = client_of(layout)
    computes = []
    for project in client.projects(limit=400).projects:
        project_id = ProjectId(project.id)
        branches = {branch.id: branch.name for branch in client.branches(project_id).branches}
        computes += [
            {
                "project": project.name,
                "project_id": project.id,
                "branch": branches.get(endpoint.branch_id, endpoint.branch_id),
                "compute": endpoint.id,
                "type": endpoint.type,
                "state": endpoint.current_state,
                "host": endpoint.host,
                "behind": behind(endpoint),
                "lag": None if endpoint.dormouse is None else asdict(endpoint.dormouse),
            }
            for endpoint in client.endpoints(project_id)
        ]
    faults = [asdict(each) for each in client.faults()]
    return found | asdict(there) | {"running": True, "computes": computes, "faults": faults}
