"""Connection details: what to paste where, for a branch, a compute, a database and a role."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from starlette.responses import PlainTextResponse, Response

from dormouse.control.model import Branch, Database, Endpoint, EndpointType, Project, Role
from dormouse.errors import NotFound
from dormouse.names import EndpointId
from dormouse.uri import ConnectionParameters
from dormouse.web.console.connection_strings import TABS, Ways, hidden
from dormouse.web.console.desk import NavItem
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.states import state_of
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit

__all__ = ["SECTION"]

Named = TypeVar("Named", Database, Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What was chosen of what there is; what was not, or is not there, is the usual."""

    project: Project
    branch: Branch
    branches: Sequence[Branch]
    endpoint: Endpoint | None
    endpoints: Sequence[Endpoint]
    database: Database | None
    databases: Sequence[Database]
    role: Role | None
    roles: Sequence[Role]
    pooled: bool
    tab: str
    reveal: bool

    @property
    def query(self) -> dict[str, str | None]:
        """What a link to this page carries along."""
        return {
            "branch": self.branch.id,
            "compute": self.endpoint.id if self.endpoint else None,
            "database": self.database.name if self.database else None,
            "role": self.role.name if self.role else None,
            "pooled": "yes" if self.pooled else None,
        }


async def index(visit: Visit) -> Response:
    """The widget. A new project leads here."""
    choice = await _choose(visit)
    ways = await _ways(visit, choice)
    here = href("/projects/{}", choice.project.id)
    tab = TABS[choice.tab]
    return visit.page(
        "connect/index.html",
        title="Connect",
        project=choice.project,
        howto=_howto(choice),
        choice=choice,
        tabs=[(each, href(here, **choice.query, tab=name)) for name, each in TABS.items()],
        tab=tab,
        text=None if ways is None else tab.text(ways if choice.reveal else hidden(ways)),
        parts=None if ways is None else (ways.chosen if choice.reveal else hidden(ways).chosen),
        shown=href(here, **choice.query, tab=choice.tab, show="password"),
        hidden=href(here, **choice.query, tab=choice.tab),
        copied=href(here + "/snippet", **choice.query, tab=choice.tab),
        branch_choices=[(each.id, each.name) for each in choice.branches],
        database_choices=[(each.name, each.name) for each in choice.databases],
        role_choices=[(each.name, each.name) for each in choice.roles],
        computes=[(each.id, _compute_label(each)) for each in choice.endpoints],
        has_replica=any(each.type is EndpointType.READ_ONLY for each in choice.endpoints),
        has_primary=any(each.type is EndpointType.READ_WRITE for each in choice.endpoints),
    )


async def snippet(visit: Visit) -> Response:
    """The text of a tab with its password, for the copy button: so it is on no screen."""
    choice = await _choose(visit)
    ways = await _ways(visit, choice)
    if ways is None:
        raise NotFound("there is nothing to connect to")
    return PlainTextResponse(TABS[choice.tab].text(ways))


async def _choose(visit: Visit) -> _Choice:
    plane = visit.plane
    project = await visit.project()
    branch = await visit.branch(project)
    endpoints = await plane.endpoints.of_branch(project.id, branch.id)
    databases = await plane.databases.all(project.id, branch.id)
    roles = [each for each in await plane.roles.all(project.id, branch.id) if not each.no_login]
    primary_first = sorted(endpoints, key=lambda each: each.type is not EndpointType.READ_WRITE)
    database = _pick(databases, visit.asked("database"))
    # Without a word the owner of the database: who may do everything in it.
    owner = _pick(roles, database.owner_name if database else "")
    wanted = EndpointId(visit.asked("compute"))
    return _Choice(
        project=project,
        branch=branch,
        branches=await plane.branches.all(project.id),
        endpoint=next((each for each in endpoints if each.id == wanted), next(iter(primary_first), None)),
        endpoints=primary_first,
        database=database,
        databases=databases,
        role=_pick(roles, visit.asked("role")) if visit.asked("role") else owner,
        roles=roles,
        pooled=visit.asked("pooled") == "yes",
        tab=visit.asked("tab") if visit.asked("tab") in TABS else next(iter(TABS)),
        reveal=visit.asked("show") == "password",
    )


async def _ways(visit: Visit, choice: _Choice) -> Ways | None:
    """None where there is no compute, no database or no role."""
    endpoint, database, role = choice.endpoint, choice.database, choice.role
    if endpoint is None or database is None or role is None:
        return None

    async def to(each: Endpoint, *, pooled: bool = choice.pooled) -> ConnectionParameters:
        found = await visit.plane.connections.parameters(
            choice.project.id, database=database.name, role=role.name, endpoint=each.id, pooled=pooled
        )
        return found if choice.project.store_passwords else replace(found, password=None)

    replicas = [each for each in choice.endpoints if each.type is EndpointType.READ_ONLY]
    return Ways(
        endpoint=endpoint.id,
        chosen=await to(endpoint),
        primary=await to(choice.endpoints[0]),
        unpooled=await to(choice.endpoints[0], pooled=False),
        replicas=await asyncio.gather(*map(to, replicas)),
        ca_path=visit.desk.about.ca_path,
    )


def _pick(items: Sequence[Named], name: str) -> Named | None:
    return next((each for each in items if each.name == name), next(iter(items), None))


def _compute_label(endpoint: Endpoint) -> str:
    kind = "Primary" if endpoint.type is EndpointType.READ_WRITE else "Read replica"
    name = f" “{endpoint.name}”" if endpoint.name else ""
    return f"{kind}{name} · {state_of(endpoint).word} · {endpoint.id}"


def _howto(choice: _Choice) -> HowTo:
    project, branch = choice.project.id, choice.branch
    database = choice.database.name if choice.database else "neondb"
    role = choice.role.name if choice.role else "neondb_owner"
    pooled = " --pooled" if choice.pooled else ""
    asked = href("", database_name=database, role_name=role, branch_id=branch.id)
    return HowTo(
        command=f"dormouse env {branch.id} --project {project}{pooled}    # for .env\n"
        f"dormouse psql --project {project} --branch {branch.id}",
        api=curl(f"/projects/{project}/connection_uri{asked}" + ("&pooled=true" if choice.pooled else "")),
        neonctl=f"neonctl connection-string {branch.id} --project-id {project}"
        f" --database-name {database} --role-name {role}{pooled}",
        django="DATABASES = django_dormouse.databases()    # reads DATABASE_URL\n"
        "manage.py dbdoctor    # tries it, and says what is wrong",
    )


SECTION: Final = Section(
    name="connect",
    nav=NavItem(name="connect", title="Connect", path="/projects/{project_id}"),
    pages=(
        Page(method="GET", path="/projects/{project_id}", handler=index),
        Page(method="GET", path="/projects/{project_id}/snippet", handler=snippet),
    ),
)
