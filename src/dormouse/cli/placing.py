"""Which branch, at which point, is meant by `BRANCH@TIME`."""

from datetime import UTC, datetime

from dormouse.api.records import Branch
from dormouse.cli.choosing import AnyProject, the_branch
from dormouse.cli.output import AskedWrongly
from dormouse.cli.points import Point, parse_place
from dormouse.cli.session import Session
from dormouse.errors import UserError
from dormouse.moments import PAST_FORMS
from dormouse.names import ProjectId

__all__ = ["the_place"]


def the_place(
    session: Session, project: AnyProject, text: str, *, default: Branch | None = None, or_pinned: bool = False
) -> tuple[Branch, Point]:
    """The branch and the point on it.

    Without a branch it is `default`; where there is none, the pinned one, if that is wanted, or the default one.
    Raises AskedWrongly for what is no point, UserError where there is no such branch.
    """
    branches = session.client.branches(ProjectId(project.id)).branches
    known = {branch.id for branch in branches} | {branch.name for branch in branches}
    try:
        place = parse_place(text, known, datetime.now(UTC))
    except ValueError as error:
        raise AskedWrongly(str(error)) from None
    if place.branch is None and default is not None:
        return default, place.point
    if place.branch is None and or_pinned:
        return session.branch(project, None), place.point
    try:
        return the_branch(session.client, project, place.branch), place.point
    except UserError as error:
        # Who mistyped a moment is not to hear of branches alone.
        error.hint = f"or a point: {PAST_FORMS}, or an LSN"
        raise
