"""What Neon has and this platform does not have yet: reset, restore, moments of the past, snapshots, schemas.

These routes exist, so that one is told what is missing: 501, with "not available" in the message, which is how
Neon's own client code recognises a feature that is not offered.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dormouse.web.errors import NotYet
from dormouse.web.route_table import ApiRoute, Handler

__all__ = ["routes"]

_BRANCH: Final = "/projects/{project_id}/branches/{branch_id}"
_SNAPSHOTS: Final = "/projects/{project_id}/snapshots"

_TO_COME: Final = (
    ("POST", f"{_BRANCH}/restore", "resetting or restoring a branch"),
    ("POST", f"{_BRANCH}/finalize_restore", "restoring a branch"),
    ("POST", f"{_BRANCH}/recover", "recovering a deleted branch"),
    ("GET", f"{_BRANCH}/schema", "the schema of a database"),
    ("GET", f"{_BRANCH}/compare_schema", "comparing schemas"),
    ("POST", f"{_BRANCH}/snapshot", "making a snapshot"),
    ("GET", f"{_BRANCH}/backup_schedule", "a schedule of snapshots"),
    ("PUT", f"{_BRANCH}/backup_schedule", "a schedule of snapshots"),
    ("GET", _SNAPSHOTS, "listing snapshots"),
    ("PATCH", _SNAPSHOTS + "/{snapshot_id}", "changing a snapshot"),
    ("DELETE", _SNAPSHOTS + "/{snapshot_id}", "deleting a snapshot"),
    ("POST", _SNAPSHOTS + "/{snapshot_id}/restore", "restoring a snapshot"),
)


def routes() -> list[ApiRoute]:
    """All of them answer 501, whatever they are asked about."""
    return [
        ApiRoute(method=method, path=path, handler=_refusing(what), is_to_come=True)
        for method, path, what in _TO_COME
    ]


def _refusing(what: str) -> Handler:
    async def refuse(_request: Request) -> Response:
        """Answer that this is still to come."""
        raise NotYet(what)

    return refuse
