"""SQL editor: one statement on a branch, now and, beside it, as it was."""

import asyncio
import shlex
from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from dormouse.control.points import HEAD, AtLsn, AtTime, Head, Point
from dormouse.control.statement_model import Access, Complaint, Explain, Limits, Statement
from dormouse.errors import ComputeError, DormouseError, Invalid, NotFound, RequestError
from dormouse.web.console import wording
from dormouse.web.console.answers import ShownAnswer, shown_answer, unlike
from dormouse.web.console.desk import NavItem
from dormouse.web.console.doors import Asked, Session
from dormouse.web.console.forms import EMPTY, Form
from dormouse.web.console.hanging_up import while_wanted
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.past_points import TYPED_FORMS, point_of
from dormouse.web.console.places import Choices, Place, place_of
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.points import lsn_text

__all__ = ["SECTION"]

_SECONDS: Final[Choices] = [("5", "5 seconds"), ("10", "10 seconds"), ("60", "1 minute"), ("300", "5 minutes")]
_ROWS: Final[Choices] = [("100", "100 rows"), ("500", "500 rows"), ("2000", "2,000 rows")]
_USUAL_SECONDS: Final = "10"
_USUAL_ROWS: Final = "500"
_MOST_KEPT: Final = 30
"""Statements of a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """An answer, and of when it is."""

    title: str
    answer: ShownAnswer | None
    problem: str = ""
    hint: str = ""
    unlike: frozenset[int] = frozenset()
    """The rows that the answer beside it has not."""


async def index(visit: Visit) -> Response:
    """The editor, empty or with a statement that was asked before."""
    place = await place_of(visit)
    recalled = _recalled(visit.session, visit.asked("recall"))
    return _editor(visit, place, recalled.text if recalled else visit.asked("statement"), EMPTY)


async def run(visit: Visit) -> Response:
    """Carry out what was typed, unless only another branch was chosen for it."""
    place = await place_of(visit)
    form = visit.form
    text = form.raw("statement")
    if form["do"] == "choose":
        return _editor(visit, place, text, form)
    try:
        statement = _statement(form, place, text)
        point = point_of(form["at"], "", visit.desk.now())
        panels = await while_wanted(visit.request, _asked(visit, place, statement, point))
    except RequestError as error:
        return _editor(visit, place, text, form, problem=error)
    _remember(visit, place, text, panels[0])
    return _editor(visit, place, text, form, panels=panels)


async def forget(visit: Visit) -> Response:
    """Forget what this session asked."""
    place = await place_of(visit)
    visit.session.asked.clear()
    return visit.go(_path(place), "The history of this session is forgotten.")


async def _asked(visit: Visit, place: Place, statement: Statement, point: Point) -> tuple[_Panel, ...]:
    if isinstance(point, Head):
        return (await _panel(visit, place, statement, HEAD, "Now"),)
    now, then = await asyncio.gather(
        _panel(visit, place, statement, HEAD, "Now"),
        _panel(visit, place, statement, point, _told(point, visit)),
    )
    return (
        replace(now, unlike=unlike(now.answer, then.answer)),
        replace(then, unlike=unlike(then.answer, now.answer)),
    )


async def _panel(visit: Visit, place: Place, statement: Statement, point: Point, title: str) -> _Panel:
    """What goes wrong on one side leaves the other as it is."""
    try:
        answer = await visit.plane.statements.run(place.project.id, place.branch.id, statement, point)
    except (RequestError, ComputeError) as error:
        return _Panel(title=title, answer=None, problem=error.message, hint=error.hint)
    return _Panel(title=title, answer=shown_answer(answer, statement.text))


def _statement(form: Form, place: Place, text: str) -> Statement:
    """Raises Invalid; NotFound where another database or role than the chosen one would be taken."""
    if not text.strip():
        raise Invalid("there is no statement to run")
    for kind, taken in (("database", place.database), ("role", place.role)):
        if form[kind] not in ("", taken):
            raise NotFound(f"{kind} {form[kind]} is not on branch {place.branch.name}", "choose another one")
    explain = Explain(form["do"]) if form["do"] in (Explain.PLAN, Explain.ANALYZE) else Explain.NO
    # Who asks for a plan is not to change anything by it.
    may_write = form["access"] == Access.READ_WRITE and explain is Explain.NO
    return Statement(
        text=text,
        database=place.database,
        role=place.role,
        access=Access.READ_WRITE if may_write else Access.READ_ONLY,
        explain=explain,
        limits=Limits(
            seconds=float(_choice(form["seconds"], _SECONDS, _USUAL_SECONDS)),
            rows=int(_choice(form["rows"], _ROWS, _USUAL_ROWS)),
        ),
    )


def _told(point: Point, visit: Visit) -> str:
    match point:
        case AtTime(moment):
            return f"{wording.clock(moment)}, {wording.ago(moment, visit.desk.now())}"
        case AtLsn(lsn):
            return f"At {lsn_text(lsn)}"
        case Head():
            return "Now"


def _editor(
    visit: Visit,
    place: Place,
    text: str,
    form: Form,
    *,
    panels: tuple[_Panel, ...] = (),
    problem: DormouseError | None = None,
) -> Response:
    is_page = not visit.is_fragment
    return visit.page(
        "sql/index.html",
        title="SQL editor",
        project=place.project,
        howto=_howto(place, text),
        # htmx puts an answer into its place only when it is a good one.
        status=problem.status if isinstance(problem, RequestError) and is_page else 200,
        place=place,
        path=_path(place),
        text=text,
        access=form["access"] or Access.READ_ONLY.value,
        at=form["at"],
        typed_forms=TYPED_FORMS,
        seconds=_choice(form["seconds"], _SECONDS, _USUAL_SECONDS),
        seconds_choices=_SECONDS,
        rows=_choice(form["rows"], _ROWS, _USUAL_ROWS),
        rows_choices=_ROWS,
        panels=panels,
        problem=problem,
        history=tuple(reversed(visit.session.asked)),
    )


def _howto(place: Place, text: str) -> HowTo:
    project, branch = place.project, place.branch
    query = " ".join(text.split())
    name = shlex.quote(branch.name)
    query = query if 0 < len(query) <= 80 else "SELECT now()"
    uri = (
        f"/projects/{project.id}/connection_uri?branch_id={branch.id}"
        f"&database_name={place.database}&role_name={place.role}"
    )
    return HowTo(
        command=f"dormouse psql --project {project.id} --branch {name} -- -c {shlex.quote(query)}",
        api=f"{curl(uri)} | jq -r .uri | xargs -I URI psql URI -c {shlex.quote(query)}",
        neonctl=(
            f"neonctl psql {name} --project-id {project.id} "
            f"--database-name {shlex.quote(place.database)} --role-name {shlex.quote(place.role)} "
            f"-- -c {shlex.quote(query)}"
        ),
        django=f"python manage.py dbshell -- -c {shlex.quote(query)}",
    )


def _choice(value: str, choices: Choices, usual: str) -> str:
    return value if value in dict(choices) else usual


def _remember(visit: Visit, place: Place, text: str, now: _Panel) -> None:
    asked = visit.session.asked
    asked[:] = [each for each in asked if each.text != text][-_MOST_KEPT + 1 :]
    number = asked[-1].number + 1 if asked else 1
    asked.append(
        Asked(
            number=number,
            text=text,
            branch=place.branch.name,
            database=place.database,
            at=visit.desk.now(),
            outcome=_outcome(now),
        )
    )


def _outcome(panel: _Panel) -> str:
    if panel.answer is None:
        return panel.problem
    if panel.answer.error is not None:
        complaint: Complaint = panel.answer.error.complaint
        return f"{complaint.severity} {complaint.sqlstate}"
    return panel.answer.summary or "plan"


def _recalled(session: Session, number: str) -> Asked | None:
    return next((each for each in session.asked if str(each.number) == number), None)


def _path(place: Place) -> str:
    return href("/projects/{}/sql", place.project.id)


SECTION: Final = Section(
    name="sql",
    nav=NavItem(name="sql", title="SQL editor", path="/projects/{project_id}/sql"),
    pages=(
        Page(method="GET", path="/projects/{project_id}/sql", handler=index),
        Page(method="POST", path="/projects/{project_id}/sql", handler=run),
        Page(method="POST", path="/projects/{project_id}/sql/forget", handler=forget),
    ),
)
