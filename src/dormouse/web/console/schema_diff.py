"""Schema diff: what two branches have besides rows, side by side."""

import asyncio
import shlex
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from dormouse.control.model import Branch
from dormouse.control.points import HEAD
from dormouse.errors import NotFound
from dormouse.names import BranchId
from dormouse.web.console.desk import NavItem
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.places import Place, place_of
from dormouse.web.console.side_by_side import side_by_side
from dormouse.web.console.visit import Page, Section, Visit

__all__ = ["SECTION"]


async def index(visit: Visit) -> Response:
    """A branch beside the one that it is compared with: by default its parent."""
    place = await place_of(visit)
    branch = place.branch
    if not visit.asked("branch"):
        # The newest that has a parent: what one has just been working on.
        branch = next((each for each in reversed(place.branches) if each.parent_id is not None), branch)
    base = _base(visit, branch, place.branches)
    difference = None
    if base is not None:
        before, after = await asyncio.gather(
            *(visit.plane.schemas.sql(place.project.id, each.id, place.database, HEAD) for each in (base, branch))
        )
        # Some seconds for a schema of many thousand lines; the others are served meanwhile.
        difference = await asyncio.to_thread(side_by_side, before, after)
    return visit.page(
        "schema_diff/index.html",
        title="Schema diff",
        project=place.project,
        howto=_howto(place, "BASE" if base is None else base.name, "BASE" if base is None else base.id, branch),
        place=place,
        base=base,
        branch=branch,
        difference=difference,
    )


def _howto(place: Place, base: str, base_id: str, branch: Branch) -> HowTo:
    project = place.project.id
    pair = f"{shlex.quote(base)} {shlex.quote(branch.name)}"
    path = f"/projects/{project}/branches/{branch.id}/compare_schema"
    return HowTo(
        command=f"dormouse branch diff {pair} --database {shlex.quote(place.database)} --project {project}",
        api=curl(f"{path}?db_name={quote(place.database)}&base_branch_id={base_id}"),
        neonctl=(
            f"neonctl branches schema-diff {pair} --database {shlex.quote(place.database)} --project-id {project}"
        ),
        django="python manage.py makemigrations --check --dry-run    # do models and migrations agree?",
    )


def _base(visit: Visit, branch: Branch, branches: tuple[Branch, ...]) -> Branch | None:
    """Raises NotFound for one that is not there; None where there is nothing to compare with."""
    wanted = visit.asked("base")
    if wanted:
        found = next((each for each in branches if each.id == BranchId(wanted)), None)
        if found is None:
            raise NotFound("branch not found")
        return found
    others = [each for each in branches if each.id != branch.id]
    parent = next((each for each in others if each.id == branch.parent_id), None)
    return parent or next(iter(others), None)


SECTION: Final = Section(
    name="schema_diff",
    nav=NavItem(name="schema_diff", title="Schema diff", path="/projects/{project_id}/schema-diff"),
    pages=(Page(method="GET", path="/projects/{project_id}/schema-diff", handler=index),),
)
