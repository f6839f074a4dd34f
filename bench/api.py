"""How long the API takes to answer, and whether a thousand sleeping branches make anything slower.

python bench/api.py [ROUNDS]

The thousand are records alone: they are written into the catalog of a stopped platform, without data directories,
because to make them would take minutes and measure `cp`. What is created and woken meanwhile is real.
"""

import asyncio
import http.client
import shutil
import sys
import time
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fix_platform import Platform, new_home, platform_in, rows, wait_until

from dormouse.api.bodies import ProjectCreate
from dormouse.names import BranchId, EndpointId, ProjectId
from fix_sleepers import BRANCHES, PROJECTS, crowd
from measuring import spread, timed_ms


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    home = new_home()
    with platform_in(home) as platform:
        tell(
            "create a project, to its first row through the proxy, on an empty platform",
            creations(platform, count),
        )
        platform.down()
        crowded = asyncio.run(crowd(home / "catalog.sqlite", Random(7)))
        platform.up()
        reads(platform, crowded, count * 5)
        platform.client.projects()
        tell(f"create a project, beside {BRANCHES} sleeping branches", creations(platform, count))
        tell(f"create a branch of a fresh project, beside {BRANCHES}", branchings(platform, count))
    shutil.rmtree(home.parent, ignore_errors=True)


def tell(what: str, values: list[float]) -> None:
    print(f"{what}: {spread(values)}", flush=True)


def tell_fine(what: str, values: list[float]) -> None:
    ordered = sorted(values)
    middle, high = ordered[len(ordered) // 2], ordered[round(len(ordered) * 0.95) - 1]
    print(f"{what}: {middle:.1f} ms p50, {high:.1f} ms p95 of {len(values)}", flush=True)


def reads(platform: Platform, crowded: ProjectId, count: int) -> None:
    """Whole answers, each on a connection of its own, as most clients ask."""
    client = platform.client
    branch = client.branches(crowded, limit=1).branches[0]
    branch_path = f"/projects/{crowded}/branches/{branch.id}"
    assert client.branch_count(crowded) == BRANCHES
    for what, path in {
        "GET /users/me": "/users/me",
        "GET a project": f"/projects/{crowded}",
        "GET a branch": branch_path,
        "GET the endpoints of a branch": f"{branch_path}/endpoints",
        "GET the roles of a branch": f"{branch_path}/roles",
        "GET the operations of a project": f"/projects/{crowded}/operations",
        "GET 10 projects": "/projects",
        f"GET {PROJECTS} projects": "/projects?limit=400",
        f"GET {BRANCHES} branches": f"/projects/{crowded}/branches",
        f"GET 10 of {BRANCHES} branches, by name": f"/projects/{crowded}/branches?limit=10&sort_by=name",
    }.items():
        size = len(read(platform, path))
        tell_fine(
            f"{what} ({size / 1000:.0f} kB)", [timed_ms(lambda p=path: read(platform, p)) for _ in range(count)]
        )


def read(platform: Platform, path: str) -> bytes:
    address = urlsplit(platform.client.base_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    key = (platform.home / "api-key").read_text("ascii").strip()
    connection.request("GET", address.path + path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, (path, answer.status)
    connection.close()
    return content


def creations(platform: Platform, count: int) -> list[float]:
    return [creation(platform) for _ in range(count)]


def creation(platform: Platform) -> float:
    wait_until(lambda: list(platform.home.glob("spares/*/*")), "a spare is there")
    # The next spare is written meanwhile, which is not what is measured.
    time.sleep(0.2)
    began = time.perf_counter()
    made = platform.client.create_project(ProjectCreate())
    rows(made.connection_uris[0].connection_uri)
    took = (time.perf_counter() - began) * 1000
    put_to_sleep(platform, ProjectId(made.project.id))
    return took


def branchings(platform: Platform, count: int) -> list[float]:
    made = platform.create()
    rows(made.url)
    return [branching(platform, made.project) for _ in range(count)]


def branching(platform: Platform, project: ProjectId) -> float:
    began = time.perf_counter()
    made = platform.client.create_branch(project)
    uri = platform.client.connection_uri(
        project, database="neondb", role="neondb_owner", branch=BranchId(made.branch.id)
    )
    rows(uri)
    took = (time.perf_counter() - began) * 1000
    platform.client.delete_branch(project, BranchId(made.branch.id))
    return took


def put_to_sleep(platform: Platform, project: ProjectId) -> None:
    for endpoint in platform.client.endpoints(project):
        platform.client.suspend_endpoint(project, EndpointId(endpoint.id))


if __name__ == "__main__":
    main()
