"""Plans that a kill cut off: carried to their end, or undone, at the next start."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from fix_platform import Platform, rows, wait_until

from dormouse.control.catalog import Catalog
from dormouse.control.making import Maker
from dormouse.control.model import EndpointSpec, EndpointType, OperationAction, ProjectCreated, ProjectSpec
from dormouse.control.planning import Plan, PlanKind, advance
from dormouse.names import EndpointId
from dormouse.storage.layout import Layout

pytestmark = pytest.mark.faults


def maker() -> Maker:
    return Maker(chance=random.SystemRandom(), now=datetime.now(UTC))


def write(platform: Platform, change: Callable[[Catalog], list[object]]) -> None:
    """Put records into the catalog of a platform that is down."""

    async def put() -> None:
        catalog = Catalog.open(Layout(platform.home).catalog)
        await catalog.put(*change(catalog))  # type: ignore[arg-type]
        await catalog.close()

    asyncio.run(put())


@pytest.mark.parametrize("steps_done", [0, 1], ids=["before its data came", "before it was opened"])
def test_a_project_that_nobody_was_told_of_is_undone(own_platform: Platform, steps_done: int) -> None:
    there = own_platform.create()
    pg_version = own_platform.client.project(there.project).pg_version
    own_platform.down()
    made: ProjectCreated = maker().project(ProjectSpec(name="cut off"), pg_version=pg_version, database_id=1000)
    plan = Plan(
        id=made.operations[0].id,
        kind=PlanKind.CREATE_PROJECT,
        project_id=made.project.id,
        branch_id=made.branch.id,
        endpoint_id=made.endpoint.id,
    )
    for _ in range(steps_done):
        plan = advance(plan)
    folder = Layout(own_platform.home).branch(made.project.id, made.branch.id, made.branch.incarnation)
    folder.data.mkdir(parents=True)
    records = [made.project, made.branch, made.endpoint, made.role, made.database, *made.operations, plan]
    write(own_platform, lambda _: list(records))

    own_platform.up()

    assert made.project.id not in {project.id for project in own_platform.client.projects(limit=400).projects}
    assert not Layout(own_platform.home).project(made.project.id).exists()
    assert rows(own_platform.create().url) == [(1,)]


@pytest.mark.parametrize("half_built", [False, True], ids=["before its clone", "in the middle of its clone"])
def test_a_replica_that_was_promised_is_made(own_platform: Platform, half_built: bool) -> None:
    there = own_platform.create()
    rows(there.url, "CREATE TABLE kept AS SELECT 1 AS i")
    own_platform.down()
    promised: list[EndpointId] = []

    def promise(catalog: Catalog) -> list[object]:
        project, branch = catalog.projects[there.project], catalog.branches[there.branch]
        endpoint = maker().endpoint(project, EndpointSpec(branch_id=branch.id, type=EndpointType.READ_ONLY))
        operation = maker().operation(OperationAction.CREATE_COMPUTE, branch, endpoint.id)
        plan = Plan(
            id=operation.id,
            kind=PlanKind.CREATE_REPLICA,
            project_id=project.id,
            branch_id=branch.id,
            endpoint_id=endpoint.id,
        )
        promised.append(endpoint.id)
        if half_built:
            (own_platform.home / "building" / f"replica-{endpoint.id}" / "data").mkdir(parents=True)
        return [endpoint, operation, plan]

    write(own_platform, promise)
    own_platform.up()

    url = own_platform.client.connection_uri(
        there.project, database="neondb", role="neondb_owner", endpoint=promised[0]
    )
    assert rows(url, "SELECT i, pg_is_in_recovery() FROM kept") == [(1, True)]
    wait_until(
        lambda: (
            {o.status for o in own_platform.client.operations(there.project).operations}
            <= {"finished", "cancelled"}
        ),
        "its operation is finished",
    )
