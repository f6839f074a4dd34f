"""How long the platform takes: to serve, to create, to wake, to put to sleep, and what it costs at rest.

python bench/lifecycle.py [ROUNDS]
"""

import shutil
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psutil
from fix_platform import Made, Platform, new_home, platform_in, rows, wait_until

from dormouse.api.bodies import ProjectCreate
from dormouse.names import BranchId, EndpointId, ProjectId
from fix_memory import proportional_kb
from measuring import spread, timed_ms

IDLE = 5


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    home = new_home()
    with platform_in(home) as platform:
        tell("create a project, to its first row through the proxy", [create(platform) for _ in range(count)])
        made = platform.create(replica=True)
        rows(made.replica_url)
        replica = EndpointId(str(made.replica))
        wakes = [wake(platform, made, made.primary, made.url) for _ in range(count)]
        tell("wake the primary, to the first row", wakes)
        wakes = [wake(platform, made, replica, made.replica_url) for _ in range(count)]
        tell("wake the replica, to the first row", wakes)
        tell("suspend", suspends(platform, made))
        idle_computes(platform)
        at_rest(platform)
        ups = []
        for _ in range(max(3, count // 4)):
            platform.down()
            ups.append(timed_ms(platform.up))
        tell("`dormouse up`, warm, the whole command", ups)
    shutil.rmtree(home.parent, ignore_errors=True)


def tell(what: str, values: list[float]) -> None:
    print(f"{what}: {spread(values)}", flush=True)


def create(platform: Platform) -> float:
    wait_until(lambda: list(platform.home.glob("spares/*/*")), "a spare is there")
    time.sleep(0.2)
    took: list[Made] = []

    def work() -> None:
        answer = platform.client.create_project(ProjectCreate())
        url = answer.connection_uris[0].connection_uri
        rows(url)
        ids = ProjectId(answer.project.id), BranchId(answer.branch.id), EndpointId(answer.endpoints[0].id)
        took.append(Made(*ids, url))

    duration = timed_ms(work)
    platform.put_to_sleep(took[0])
    return duration


def wake(platform: Platform, made: Made, endpoint: EndpointId, url: str) -> float:
    platform.put_to_sleep(made, endpoint)
    return timed_ms(lambda: rows(url))


def suspends(platform: Platform, made: Made) -> list[float]:
    operations = platform.client.operations(made.project, limit=1000).operations
    return [
        float(o.total_duration_ms) for o in operations if o.action == "suspend_compute" and o.status == "finished"
    ]


def idle_computes(platform: Platform) -> None:
    """Five that were asked one query each, ten seconds ago: what each takes beside the others."""
    for made in [platform.create(suspend_timeout_seconds=-1) for _ in range(IDLE)]:
        rows(made.url)
    time.sleep(10)
    process = psutil.Process(int(str(platform.there["pid"])))
    sizes = [proportional_kb(each) for each in process.children() if each.name() == "postgres"]
    print(f"awake idle computes, {len(sizes)}: {statistics.median(sizes) / 1024:.1f} MB each, proportional")


def at_rest(platform: Platform) -> None:
    process = psutil.Process(int(str(platform.there["pid"])))
    for project in platform.client.projects(limit=400).projects:
        for endpoint in platform.client.endpoints(ProjectId(project.id)):
            platform.client.suspend_endpoint(ProjectId(project.id), EndpointId(endpoint.id))
    time.sleep(1)
    before = process.cpu_times()
    time.sleep(20)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    resident = process.memory_info().rss / 1e6
    print(f"at rest: {resident:.0f} MB resident, {used / 20 * 100:.2f} % of a core over 20 s")


if __name__ == "__main__":
    main()
