"""How far back each branch can be restored, and what it takes on disk: as far as the platform tells.

The platform on this machine tells both exactly. Neon tells how long it keeps the history of a project.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from dormouse.api.errors import Malformed, Refused
from dormouse.api.json_form import exact_moment_text
from dormouse.api.local import BranchHistory
from dormouse.api.records import Branch
from dormouse.cli.choosing import AnyProject
from dormouse.cli.points import Point
from dormouse.cli.session import Session
from dormouse.names import ProjectId

__all__ = ["Reach", "is_out_of_reach", "reach_of", "speaks_local"]

_NEON: Final = ".neon.tech"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What can be had of a branch; None is not known."""

    since: datetime | None = None
    """The earliest moment."""
    since_lsn: str | None = None
    own_bytes: int | None = None
    """On disk, without what it shares with others."""


def speaks_local(session: Session) -> bool:
    """Whether asking the platform for more than Neon's API has is worth the question."""
    return not (urlsplit(session.client.base_url).hostname or "").endswith(_NEON)


def reach_of(
    session: Session, project: AnyProject, branches: Sequence[Branch], now: datetime
) -> Mapping[str, Reach]:
    """By branch id, all of the branches."""
    if speaks_local(session):
        try:
            histories = session.client.branch_histories(ProjectId(project.id))
        except (Refused, Malformed):
            # An API that is neither ours nor, by its name, Neon's.
            pass
        else:
            known = {each.branch_id: _told(each) for each in histories}
            return {branch.id: known.get(branch.id, Reach()) for branch in branches}
    kept = project.history_retention_seconds
    if kept is None:
        return {branch.id: Reach() for branch in branches}
    begin = now - timedelta(seconds=kept)
    return {branch.id: Reach(since=max(begin, branch.created_at)) for branch in branches}


def is_out_of_reach(point: Point, reach: Reach) -> str:
    """Why a branch cannot be had at a point; empty if it can, or if nobody knows."""
    if point.time is not None and reach.since is not None and point.time < reach.since:
        return f"it can be restored since {exact_moment_text(reach.since)}"
    if point.lsn is not None and reach.since_lsn is not None and _number(point.lsn) < _number(reach.since_lsn):
        return f"it can be restored since {reach.since_lsn}"
    return ""


def _told(history: BranchHistory) -> Reach:
    return Reach(since=history.earliest_time, since_lsn=history.earliest_lsn, own_bytes=history.own_bytes)


def _number(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return int(high, 16) << 32 | int(low, 16)
