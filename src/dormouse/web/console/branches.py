"""Branches: the tree, a new one, and going back in time."""

import asyncio
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from dormouse.control.model import Branch, BranchChange, EndpointType, Project
from dormouse.control.past import History, RestoreSpec
from dormouse.control.points import AtLsn, AtTime, Head, Point
from dormouse.errors import DormouseError, Invalid, NotFound, RequestError
from dormouse.names import BranchId
from dormouse.old_names import old_name
from dormouse.web.console.branch_views import Tree, is_settled, kept_row, newest_kept, tree_rows, window_of
from dormouse.web.console.desk import NavItem
from dormouse.web.console.forms import EMPTY, Form, checked
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.past_points import TYPED_FORMS, expiry_of, point_of
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.past_requests import BranchRestoreBody
from dormouse.web.points import lsn_text
from dormouse.web.requests import BranchCreateBody, BranchUpdateBody

__all__ = ["SECTION"]

_ALL: Final = "/projects/{}/branches"
_ONE: Final = "/projects/{}/branches/{}"


async def index(visit: Visit) -> Response:
    """The tree, and what can be brought back."""
    project = await visit.project()
    kept = newest_kept(await visit.plane.branches.kept(project.id))
    api = f"/projects/{project.id}/branches"
    return visit.page(
        "branches/index.html",
        title="Branches",
        project=project,
        howto=HowTo(
            command=f"dormouse branch list --project {project.id}\n"
            f"dormouse branch create NAME --parent main@-10m --project {project.id}\n"
            f"dormouse branch undo NAME --project {project.id}",
            api="\n".join((curl(api), curl(api, "POST", {"branch": {"name": "NAME"}, "endpoints": _PRIMARY}))),
            neonctl=f"neonctl branches list --project-id {project.id}\n"
            f"neonctl branches create --project-id {project.id} --name NAME",
            django="dormouse checkout    # the branch of the checked-out git branch, in .env",
        ),
        tree=await _tree(visit, project, with_sizes=visit.asked("sizes") == "yes"),
        kept=[kept_row(each) for each in kept],
    )


async def tree(visit: Visit) -> Response:
    """The tree alone: again, while something in it is being made, and with sizes, when it stands there already."""
    project = await visit.project()
    found = await _tree(visit, project, with_sizes=visit.asked("sizes") == "yes")
    return visit.fragment("branches/tree.html", tree=found, project=project)


async def new(visit: Visit) -> Response:
    """What a new branch is to be."""
    return await _new(visit, EMPTY)


async def create(visit: Visit) -> Response:
    """Make it."""
    form, now = visit.form, visit.desk.now()
    project = await visit.project()
    try:
        point = point_of(form["point"], form["picked"], now)
        expires_at = expiry_of(form["expires"], now)
        asked = checked(
            BranchCreateBody,
            {
                "branch": {
                    "name": form.given("name"),
                    "parent_id": form.given("parent"),
                    "parent_lsn": lsn_text(point.lsn) if isinstance(point, AtLsn) else None,
                    "parent_timestamp": point.time.isoformat() if isinstance(point, AtTime) else None,
                    "protected": form.ticked("protected"),
                    "init_source": "schema-only" if form.ticked("schema_only") else None,
                    "expires_at": None if expires_at is None else expires_at.isoformat(),
                },
                "endpoints": ({"type": EndpointType.READ_WRITE},) if form.ticked("compute") else (),
            },
        )
        made = await visit.plane.branches.create(project.id, asked.spec(project.default_endpoint_settings))
    except RequestError as error:
        return await _new(visit, form, error)
    said = f"Branch “{made.branch.name}” is being made; who connects meanwhile waits a moment."
    return visit.go(href(_ONE, project.id, made.branch.id), said)


async def show(visit: Visit) -> Response:
    """One branch, and what can be done with it."""
    project, branch = await _one(visit)
    return await _show(visit, project, branch)


async def update(visit: Visit) -> Response:
    """Rename it, protect it, let it expire."""
    project, branch = await _one(visit)
    form = visit.form
    try:
        given: dict[str, object] = {"name": form.given("name"), "protected": form.ticked("protected")}
        expires_at = expiry_of(form["expires"], visit.desk.now())
        given["expires_at"] = None if expires_at is None else expires_at.isoformat()
        change = checked(BranchUpdateBody, {"branch": given}).change()
        changed, _ = await visit.plane.branches.update(project.id, branch.id, _only_news(change, branch))
    except RequestError as error:
        return await _show(visit, project, branch, error)
    return visit.go(href(_ONE, project.id, branch.id), f"Branch “{changed.name}” is changed.")


async def restore(visit: Visit) -> Response:
    """Give it back the data of a moment, of its own past or of another branch."""
    project, branch = await _one(visit)
    form = visit.form
    try:
        point = point_of(form["point"], form["picked"], visit.desk.now())
        source = BranchId(form["source"] or branch.id)
        if isinstance(point, Head) and source == branch.id:
            raise Invalid("to when? Type a moment, or pick one inside the window")
        preserve = form["preserve"] or await _kept_as(visit, project, branch, source)
        spec = _checked_restore(source, point, preserve)
        restored, _ = await visit.plane.branches.restore(project.id, branch.id, spec)
    except RequestError as error:
        return await _show(visit, project, branch, error)
    said = f"Branch “{restored.name}” gets the data of {_told(point)}. What it had can be brought back: Undo."
    return visit.go(href(_ONE, project.id, branch.id), said)


async def reset(visit: Visit) -> Response:
    """Give it the data that its parent has now."""
    project, branch = await _one(visit)
    try:
        if branch.parent_id is None:
            raise Invalid("this branch has no parent to be reset from")
        preserve = await _kept_as(visit, project, branch, branch.parent_id)
        spec = _checked_restore(branch.parent_id, Head(), preserve)
        await visit.plane.branches.restore(project.id, branch.id, spec)
    except RequestError as error:
        return await _show(visit, project, branch, error)
    said = f"Branch “{branch.name}” gets the data of its parent. What it had can be brought back: Undo."
    return visit.go(href(_ONE, project.id, branch.id), said)


async def undo(visit: Visit) -> Response:
    """Bring back what the last restore, reset or deletion of it replaced."""
    project = await visit.project()
    branch = BranchId(visit.in_path("branch_id"))
    try:
        back, _ = await visit.plane.branches.undo(project.id, branch)
    except RequestError as error:
        return visit.go(href(_ALL, project.id), error.message, is_bad=True)
    return visit.go(href(_ONE, project.id, back.id), f"Branch “{back.name}” has again what it had.")


async def set_as_default(visit: Visit) -> Response:
    """Make it the one that is meant where none is named."""
    project, branch = await _one(visit)
    try:
        await visit.plane.branches.set_as_default(project.id, branch.id)
    except RequestError as error:
        return await _show(visit, project, branch, error)
    return visit.go(href(_ONE, project.id, branch.id), f"Branch “{branch.name}” is the default now.")


async def delete(visit: Visit) -> Response:
    """Take it away with its computes; for a while it can be brought back."""
    project, branch = await _one(visit)
    try:
        await visit.plane.branches.delete(project.id, branch.id)
    except RequestError as error:
        return await _show(visit, project, branch, error)
    return visit.go(href(_ALL, project.id), f"Branch “{branch.name}” is deleted. It can be brought back below.")


async def _new(visit: Visit, form: Form, error: DormouseError | None = None) -> Response:
    project = await visit.project()
    branches = [each for each in await visit.plane.branches.all(project.id) if is_settled(each)]
    default = next((each.id for each in branches if each.default), "")
    parent = form["parent"] or visit.asked("parent") or default
    source = next((each for each in branches if each.id == parent), None)
    history = None if source is None else await _history(visit, project, source)
    api = f"/projects/{project.id}/branches"
    return visit.page(
        "branches/new.html",
        title="New branch",
        project=project,
        howto=HowTo(
            command=f"dormouse branch create NAME --project {project.id}\n"
            f"dormouse branch create NAME --parent main@-10m --project {project.id}\n"
            f"dormouse branch create NAME --schema-only --project {project.id}",
            api=curl(api, "POST", {"branch": {"name": "NAME", "parent_id": parent}, "endpoints": _PRIMARY}),
            neonctl=f"neonctl branches create --project-id {project.id} --name NAME --parent {parent}",
            django="dormouse checkout    # a branch for each git branch, in .env",
        ),
        status=200 if error is None else _status(error),
        problem="" if error is None else error.message,
        form=form,
        with_compute=form is EMPTY or form.ticked("compute"),
        point=visit.asked("point"),
        here=href(f"{_ALL}/new", project.id, parent=parent) + "&",
        parents=[(each.id, each.name + (" (default)" if each.default else "")) for each in branches],
        parent=parent,
        window=None if history is None else window_of(history, visit.desk.now()),
        typed_forms=TYPED_FORMS,
    )


async def _show(visit: Visit, project: Project, branch: Branch, error: DormouseError | None = None) -> Response:
    plane = visit.plane
    branches = await plane.branches.all(project.id)
    history = await _history(visit, project, branch) if is_settled(branch) else None
    kept = next((each for each in await plane.branches.kept(project.id) if each.branch.id == branch.id), None)
    endpoints = await plane.endpoints.of_branch(project.id, branch.id)
    api = f"/projects/{project.id}/branches/{branch.id}"
    return visit.page(
        "branches/show.html",
        title=branch.name,
        project=project,
        howto=HowTo(
            command=f"dormouse branch restore {branch.id} --to -10m --project {project.id}\n"
            f"dormouse branch reset {branch.id} --project {project.id}\n"
            f"dormouse branch undo {branch.id} --project {project.id}",
            api="\n".join(
                (
                    curl(f"{api}/restore", "POST", {"source_branch_id": branch.id, "source_timestamp": _EXAMPLE}),
                    curl(api, "PATCH", {"branch": {"name": "NAME", "protected": True}}),
                )
            ),
            neonctl=f"neonctl branches restore {branch.id} ^self@{_EXAMPLE} --project-id {project.id}\n"
            f"neonctl branches reset {branch.id} --parent --project-id {project.id}",
            django="manage.py migrate    # went wrong? Go back to the moment before it",
        ),
        status=200 if error is None else _status(error),
        problem="" if error is None else error.message,
        form=visit.form,
        point=visit.asked("point"),
        here="?",
        branch=branch,
        row=tree_rows([branch], endpoints, {} if history is None else {branch.id: history}, with_sizes=True).rows[
            0
        ],
        parent=next((each for each in branches if each.id == branch.parent_id), None),
        children=[each for each in branches if each.parent_id == branch.id],
        sources=[(each.id, each.name) for each in branches if is_settled(each)],
        window=None if history is None else window_of(history, visit.desk.now()),
        kept=None if kept is None else kept_row(kept),
        typed_forms=TYPED_FORMS,
    )


async def _tree(visit: Visit, project: Project, *, with_sizes: bool) -> Tree:
    """`with_sizes` counts the files of each branch, which takes its time where there are many."""
    branches = await visit.plane.branches.all(project.id)
    endpoints = await visit.plane.endpoints.all(project.id)
    settled = [each for each in branches if with_sizes and is_settled(each)]
    found = await asyncio.gather(*(_history(visit, project, each) for each in settled))
    histories = {each.id: its for each, its in zip(settled, found, strict=True) if its is not None}
    return tree_rows(branches, endpoints, histories, with_sizes=with_sizes)


async def _history(visit: Visit, project: Project, branch: Branch) -> History | None:
    try:
        return await visit.plane.branches.history(project.id, branch.id)
    except NotFound:
        return None  # deleted while the others were looked at


async def _one(visit: Visit) -> tuple[Project, Branch]:
    project = await visit.project()
    return project, await visit.plane.branches.get(project.id, BranchId(visit.in_path("branch_id")))


async def _kept_as(visit: Visit, project: Project, branch: Branch, source: BranchId) -> str:
    """A name for what it has now, where Neon's API wants one: children go along with that; else empty."""
    branches = await visit.plane.branches.all(project.id)
    if source == branch.id or any(each.parent_id == branch.id for each in branches):
        return old_name(branch.name, visit.desk.now())
    return ""


def _checked_restore(source: BranchId, point: Point, preserve: str) -> RestoreSpec:
    """With a name that the API would take."""
    name = checked(BranchRestoreBody, {"source_branch_id": source, "preserve_under_name": preserve})
    return replace(name.spec(), point=point)


def _only_news(change: BranchChange, present: Branch) -> BranchChange:
    """Without what is so already: a form sends all of its fields, and an expiry that stays is not a new one."""
    return replace(
        change,
        name=None if change.name == present.name else change.name,
        protected=None if change.protected == present.protected else change.protected,
    )


def _told(point: Point) -> str:
    match point:
        case AtTime(moment):
            return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        case AtLsn(lsn):
            return lsn_text(lsn)
    return "the other one now"


def _status(error: DormouseError) -> int:
    return error.status if isinstance(error, RequestError) else 422


_PRIMARY: Final = [{"type": "read_write"}]
_EXAMPLE: Final = "2026-12-01T09:30:00Z"

_PATH: Final = "/projects/{project_id}/branches"
_BRANCH: Final = f"{_PATH}/{{branch_id}}"

SECTION: Final = Section(
    name="branches",
    nav=NavItem(name="branches", title="Branches", path=_PATH),
    pages=(
        Page(method="GET", path=_PATH, handler=index),
        Page(method="GET", path=f"{_PATH}/tree", handler=tree),
        Page(method="GET", path=f"{_PATH}/new", handler=new),
        Page(method="POST", path=_PATH, handler=create),
        Page(method="GET", path=_BRANCH, handler=show),
        Page(method="POST", path=f"{_BRANCH}/update", handler=update),
        Page(method="POST", path=f"{_BRANCH}/restore", handler=restore),
        Page(method="POST", path=f"{_BRANCH}/reset", handler=reset),
        Page(method="POST", path=f"{_BRANCH}/undo", handler=undo),
        Page(method="POST", path=f"{_BRANCH}/set_as_default", handler=set_as_default),
        Page(method="POST", path=f"{_BRANCH}/delete", handler=delete),
    ),
)
