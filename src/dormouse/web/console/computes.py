"""Computes: what they do while one looks, and everything that can be done to them."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from dormouse.control.model import Endpoint, EndpointType, Project
from dormouse.errors import RequestError
from dormouse.names import EndpointId
from dormouse.web.console.compute_views import ComputeCard, LiveCompute, compute_card, live_compute
from dormouse.web.console.desk import NavItem
from dormouse.web.console.forms import checked
from dormouse.web.console.howto import HowTo, curl
from dormouse.web.console.templating import href
from dormouse.web.console.visit import Page, Section, Visit
from dormouse.web.requests import EndpointCreateBody, EndpointUpdateBody, FaultBody

__all__ = ["SECTION"]


async def index(visit: Visit) -> Response:
    """The computes of a branch."""
    project = await visit.project()
    branch = await visit.branch(project)
    endpoints = await visit.plane.endpoints.of_branch(project.id, branch.id)
    cards = await _cards(visit, endpoints)
    path = f"/projects/{project.id}/endpoints"
    example = endpoints[0].id if endpoints else "ep-…"
    return visit.page(
        "computes/index.html",
        title="Computes",
        project=project,
        howto=HowTo(
            command=f"dormouse replica add --project {project.id} --branch {branch.id}\n"
            f"dormouse compute suspend {example} --project {project.id}\n"
            f"dormouse fault delay {example} 200",
            api="\n".join(
                (
                    curl(path, "POST", {"endpoint": {"branch_id": branch.id, "type": "read_only"}}),
                    curl(f"{path}/{example}/suspend", "POST"),
                )
            ),
            neonctl=f"neonctl branches add-compute {branch.id} --project-id {project.id} --type read_only",
            django='DATABASE_ROUTERS = ["django_dormouse.replicas.Router"]    # reads go to the replica\n'
            'MIDDLEWARE = ["django_dormouse.replicas.Middleware", ...]',
        ),
        branch=branch,
        branches=await visit.plane.branches.all(project.id),
        cards=cards,
        has_primary=any(card.is_primary for card in cards),
        may_fault=visit.desk.local is not None,
    )


async def live(visit: Visit) -> Response:
    """What changes of one compute, to be put in its place."""
    project = await visit.project()
    endpoint = await visit.plane.endpoints.get(project.id, EndpointId(visit.in_path("endpoint_id")))
    (found,) = await _live(visit, [endpoint])
    return visit.fragment("computes/live.html", live=found, project=project)


async def create(visit: Visit) -> Response:
    """Add a compute: a read replica, or a primary where there is none."""
    project = await visit.project()
    branch = await visit.branch(project)
    page = "/projects/{}" if visit.form["back"] == "connect" else "/projects/{}/computes"
    try:
        given = {"branch_id": branch.id, "type": EndpointType(visit.form["type"] or "read_only")}
        asked = checked(EndpointCreateBody, {"endpoint": {**given, "name": visit.form.given("name")}})
        made, _ = await visit.plane.endpoints.create(project.id, asked.spec(project.default_endpoint_settings))
    except ValueError:
        return visit.go(href(page, project.id, branch=branch.id), "There is no such kind of compute.", is_bad=True)
    except RequestError as error:
        return visit.go(href(page, project.id, branch=branch.id), error.message, is_bad=True)
    kind = "read replica" if made.type is EndpointType.READ_ONLY else "primary"
    here = href(page, project.id, branch=branch.id, compute=made.id)
    return visit.go(here, f"The {kind} {made.id} is on its way: it wakes by itself when somebody connects.")


async def update(visit: Visit) -> Response:
    """Another size, another time to sleep, another name."""
    project, endpoint = await _one(visit)
    form = visit.form
    try:
        given = {
            "name": form["name"],
            "autoscaling_limit_min_cu": form.number("min_cu", float),
            "autoscaling_limit_max_cu": form.number("max_cu", float),
            "suspend_timeout_seconds": form.number("suspend"),
            "disabled": form.ticked("disabled"),
        }
        asked = checked(EndpointUpdateBody, {"endpoint": given})
        await visit.plane.endpoints.update(project.id, endpoint.id, asked.change(endpoint))
    except RequestError as error:
        return _back(visit, project, endpoint, error.message, is_bad=True)
    return _back(visit, project, endpoint, f"{endpoint.id} is changed; a size takes effect at its next start.")


async def start(visit: Visit) -> Response:
    """Wake it."""
    return await _do(visit, "start")


async def suspend(visit: Visit) -> Response:
    """Put it to sleep."""
    return await _do(visit, "suspend")


async def restart(visit: Visit) -> Response:
    """Put it to sleep and wake it."""
    return await _do(visit, "restart")


async def delete(visit: Visit) -> Response:
    """Take it away; the data stays."""
    return await _do(visit, "delete")


async def fault(visit: Visit) -> Response:
    """Let something go wrong with it, on purpose."""
    project, endpoint = await _one(visit)
    local, form = visit.desk.local, visit.form
    try:
        given = {
            "kind": form["kind"],
            "endpoint": endpoint.id,
            "connections": form.number("connections"),
            "after_bytes": form.number("after_bytes"),
            "delay_ms": form.number("delay_ms"),
            "seconds": form.number("seconds", float),
        }
        asked = checked(FaultBody, {name: value for name, value in given.items() if value is not None})
        caused = None if local is None else await local.cause(asked.fault())
    except RequestError as error:
        return _back(visit, project, endpoint, error.message, is_bad=True)
    said = {
        "kill": f"The server of {endpoint.id} was killed; the next connection recovers it.",
        "drop": f"{caused.dropped if caused else 0} connections to {endpoint.id} were cut.",
        "delay": f"Connections to {endpoint.id} are delayed by {form['delay_ms']} ms, each way.",
        "deny": f"{endpoint.id} refuses new connections for {form['seconds']} s.",
        "clear": f"Nothing goes wrong with {endpoint.id} on purpose any more.",
    }
    if form["kind"] == "drop" and form["connections"]:
        return _back(visit, project, endpoint, f"The next {form['connections']} connections will be cut.")
    return _back(visit, project, endpoint, said.get(form["kind"], "Done."))


_SAID: Final = {
    "start": "{} wakes.",
    "suspend": "{} falls asleep; it wakes when somebody connects.",
    "restart": "{} starts anew.",
    "delete": "{} is gone. The data is where it was.",
}


async def _do(visit: Visit, verb: str) -> Response:
    project, endpoint = await _one(visit)
    try:
        await getattr(visit.plane.endpoints, verb)(project.id, endpoint.id)
    except RequestError as error:
        return _back(visit, project, endpoint, error.message, is_bad=True)
    return _back(visit, project, endpoint, _SAID[verb].format(endpoint.id))


async def _one(visit: Visit) -> tuple[Project, Endpoint]:
    project = await visit.project()
    return project, await visit.plane.endpoints.get(project.id, EndpointId(visit.in_path("endpoint_id")))


def _back(visit: Visit, project: Project, endpoint: Endpoint, said: str, *, is_bad: bool = False) -> Response:
    return visit.go(href("/projects/{}/computes", project.id, branch=endpoint.branch_id), said, is_bad=is_bad)


async def _cards(visit: Visit, endpoints: Sequence[Endpoint]) -> list[ComputeCard]:
    host = visit.plane.connections.host
    primary_first = sorted(endpoints, key=lambda each: each.type is not EndpointType.READ_WRITE)
    found = await _live(visit, primary_first)
    return [compute_card(each, host(each.id), its) for each, its in zip(primary_first, found, strict=True)]


async def _live(visit: Visit, endpoints: Sequence[Endpoint]) -> list[LiveCompute]:
    vitals = await visit.plane.endpoints.vitals(endpoints)
    lags = await visit.plane.endpoints.lags(endpoints)
    faults = () if visit.desk.local is None else (await visit.desk.local.faults()).faults
    now = visit.desk.clock()
    found = []
    for each in endpoints:
        lag = lags.get(each.id)
        samples = visit.desk.trends.add(each.id, vitals[each.id], lag, now)
        found.append(live_compute(each, vitals[each.id], lag, samples, faults))
    return found


_ONE: Final = "/projects/{project_id}/computes/{endpoint_id}"

SECTION: Final = Section(
    name="computes",
    nav=NavItem(name="computes", title="Computes", path="/projects/{project_id}/computes"),
    pages=(
        Page(method="GET", path="/projects/{project_id}/computes", handler=index),
        Page(method="POST", path="/projects/{project_id}/computes", handler=create),
        Page(method="GET", path=f"{_ONE}/live", handler=live),
        Page(method="POST", path=f"{_ONE}/update", handler=update),
        Page(method="POST", path=f"{_ONE}/start", handler=start),
        Page(method="POST", path=f"{_ONE}/suspend", handler=suspend),
        Page(method="POST", path=f"{_ONE}/restart", handler=restart),
        Page(method="POST", path=f"{_ONE}/delete", handler=delete),
        Page(method="POST", path=f"{_ONE}/fault", handler=fault),
    ),
)
