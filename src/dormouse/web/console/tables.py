"""Tables: what a database holds, and the rows of each, page by page. To be looked at, not edited."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from dormouse.control.browsing import quoted, statement_of
from dormouse.control.relation_model import (
    Browse,
    Filter,
    Operator,
    Relation,
    RelationDetail,
    RelationKind,
    Sort,
)
from dormouse.control.statement_model import Answer, Rows
from dormouse.errors import Invalid, RequestError
from dormouse.web.console.answers import Kind, kind_of, shown_answer
from dormouse.web.console.desk import NavItem
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.places import Place, place_of
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit

__all__ = ["SECTION"]

_PAGE: Final = 50
_FARTHEST: Final = 1_000_000
"""Rows that are skipped are read all the same: beyond that a filter is the better way."""

_KINDS: Final = {
    RelationKind.TABLE: "table",
    RelationKind.PARTITIONED_TABLE: "partitioned table",
    RelationKind.VIEW: "view",
    RelationKind.MATERIALIZED_VIEW: "materialized view",
    RelationKind.FOREIGN_TABLE: "foreign table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heading:
    """A column above rows, and what a click on it does."""

    name: str
    type: str
    path: str
    order: str
    """As `aria-sort` has it: `ascending`, `descending`, or empty for a column that is not sorted by."""
    is_key: bool
    kind: Kind


async def index(visit: Visit) -> Response:
    """The tables of a database, by schema."""
    place = await place_of(visit)
    found = await visit.plane.relations.all(place.scope())
    return visit.page(
        "tables/index.html",
        title="Tables",
        project=place.project,
        howto=_howto(place, "\\dt+", "python manage.py inspectdb    # models of what is there"),
        place=place,
        schemas=[
            (schema, [(each, _path(place, each), _KINDS[each.kind]) for each in relations])
            for schema, relations in groupby(found, key=lambda each: each.schema)
        ],
    )


async def rows(visit: Visit) -> Response:
    """The rows of a table."""
    place, detail = await _found(visit)
    problem: RequestError | None = None
    browse, answer = Browse(limit=_PAGE), None
    try:
        browse = _browse(visit)
        answer = await visit.plane.relations.rows(place.scope(), detail, browse)
    except RequestError as error:
        problem = error
    statement = statement_of(detail, browse)
    shown = None if answer is None else shown_answer(answer, statement)
    return visit.page(
        "tables/rows.html",
        title=detail.relation.name,
        project=place.project,
        howto=_howto(place, statement.replace("\n", " "), _orm(detail, browse)),
        status=200 if problem is None else problem.status,
        place=place,
        detail=detail,
        kind=_KINDS[detail.relation.kind],
        tabs=_tabs(place, detail.relation, "rows"),
        keep=_keep(place, detail.relation),
        problem=problem,
        shown=shown,
        headings=_headings(place, detail, browse),
        columns=[(each.name, each.name) for each in detail.columns],
        operators=[(each.value, each.value) for each in Operator],
        chosen=browse.filters[0] if browse.filters else None,
        sort=browse.sort,
        first=browse.offset + 1,
        pages=_pages(place, detail.relation, browse, answer),
        editor=href("/projects/{}/sql", place.project.id, statement=statement, **place.query),
    )


async def structure(visit: Visit) -> Response:
    """The columns, indexes and constraints of a table."""
    place, detail = await _found(visit)
    relation = detail.relation
    return visit.page(
        "tables/structure.html",
        title=relation.name,
        project=place.project,
        howto=_howto(
            place, f"\\d {quoted(relation.schema, relation.name)}", f"python manage.py inspectdb {relation.name}"
        ),
        place=place,
        detail=detail,
        kind=_KINDS[relation.kind],
        tabs=_tabs(place, relation, "structure"),
    )


async def _found(visit: Visit) -> tuple[Place, RelationDetail]:
    """Raises NotFound."""
    place = await place_of(visit)
    schema, name = (visit.request.query_params.get(each, "") for each in ("schema", "table"))
    return place, await visit.plane.relations.get(place.scope(), schema, name)


def _browse(visit: Visit) -> Browse:
    """Raises Invalid."""
    # Names are not trimmed: a column may be called " ".
    given = visit.request.query_params
    filters: tuple[Filter, ...] = ()
    if given.get("column"):
        try:
            operator = Operator(given.get("operator", Operator.EQUAL))
        except ValueError:
            raise Invalid(f"there is no comparison {given['operator']!r}") from None
        filters = (Filter(column=given["column"], operator=operator, value=given.get("value", "")),)
    sort = Sort(column=given["sort"], descending=given.get("descending") == "yes") if given.get("sort") else None
    offset = given.get("offset", "0")
    if not (offset.isascii() and offset.isdigit() and int(offset[:9]) <= _FARTHEST):
        raise Invalid(f"rows can be skipped up to {_FARTHEST:,}; farther on a filter leads sooner")
    return Browse(filters=filters, sort=sort, offset=int(offset), limit=_PAGE)


_Query = Mapping[str, str | int | None]


def _path(place: Place, relation: Relation, more: _Query | None = None, *, page: str = "rows") -> str:
    return href(
        f"/projects/{{}}/tables/{page}",
        place.project.id,
        **place.query,
        schema=relation.schema,
        table=relation.name,
        **(more or {}),
    )


def _keep(place: Place, relation: Relation) -> dict[str, str]:
    return {**place.query, "schema": relation.schema, "table": relation.name}


def _tabs(place: Place, relation: Relation, current: str) -> list[tuple[str, str, bool]]:
    return [
        (title, _path(place, relation, page=page), page == current)
        for page, title in (("rows", "Rows"), ("structure", "Structure"))
    ]


def _asked(browse: Browse) -> _Query:
    """What of an address says which rows, but not from which one on."""
    filtered = browse.filters[0] if browse.filters else None
    return {
        "column": filtered.column if filtered else None,
        "operator": filtered.operator.value if filtered else None,
        "value": filtered.value if filtered else None,
        "sort": browse.sort.column if browse.sort else None,
        "descending": "yes" if browse.sort and browse.sort.descending else None,
    }


def _headings(place: Place, detail: RelationDetail, browse: Browse) -> list[_Heading]:
    return [
        _Heading(
            name=each.name,
            type=each.type,
            path=_path(place, detail.relation, {**_asked(browse), **_next_order(each.name, browse.sort)}),
            order=_order(each.name, browse.sort),
            is_key=each.name in detail.key,
            kind=kind_of(each.type),
        )
        for each in detail.columns
    ]


def _order(column: str, sort: Sort | None) -> str:
    if sort is None or sort.column != column:
        return ""
    return "descending" if sort.descending else "ascending"


def _next_order(column: str, sort: Sort | None) -> dict[str, str | None]:
    """Upwards, downwards, as it was."""
    match _order(column, sort):
        case "":
            return {"sort": column, "descending": None}
        case "ascending":
            return {"sort": column, "descending": "yes"}
        case _:
            return {"sort": None, "descending": None}


def _pages(place: Place, relation: Relation, browse: Browse, answer: Answer | None) -> tuple[str, str]:
    """The addresses of the rows before and after these; empty where there are none."""
    before = after = ""
    if browse.offset:
        offset = max(0, browse.offset - browse.limit)
        before = _path(place, relation, {**_asked(browse), "offset": offset or None})
    if answer is not None and isinstance(answer.result, Rows) and answer.result.stopped is not None:
        # Rows that are too large for a page are fewer.
        offset = browse.offset + max(1, len(answer.result.rows))
        after = _path(place, relation, {**_asked(browse), "offset": offset})
    return before, after


def _orm(detail: RelationDetail, browse: Browse) -> str:
    model = "".join(part.capitalize() for part in re.split(r"\W|_", detail.relation.name)) or "Model"
    order = f'.order_by("{"-" if browse.sort.descending else ""}{browse.sort.column}")' if browse.sort else ""
    return f"{model}.objects.all(){order}[:{browse.limit}]    # python manage.py shell"


def _howto(place: Place, command: str, django: str) -> HowTo:
    project, branch = place.project, place.branch
    psql = f"-- -c {shlex.quote(command)}"
    return HowTo(
        command=f"dormouse psql --project {project.id} --branch {shlex.quote(branch.name)} {psql}",
        api=curl(
            f"/projects/{project.id}/branches/{branch.id}/schema?db_name={quote(place.database)}&format=json"
        ),
        neonctl=f"neonctl psql {shlex.quote(branch.name)} --project-id {project.id} {psql}",
        django=django,
    )


SECTION: Final = Section(
    name="tables",
    nav=NavItem(name="tables", title="Tables", path="/projects/{project_id}/tables"),
    pages=(
        Page(method="GET", path="/projects/{project_id}/tables", handler=index),
        Page(method="GET", path="/projects/{project_id}/tables/rows", handler=rows),
        Page(method="GET", path="/projects/{project_id}/tables/structure", handler=structure),
    ),
)
