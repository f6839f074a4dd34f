"""Two clients create, delete and start things at once; then the catalog, the disk and the processes say the same.

`make soak` lets them for a minute. What they do comes from a seed: `pytest tests/soak --soak 60 --seed 7`.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
import pytest
from fix_platform import Platform, rows, wait_until

from dormouse.api.bodies import BranchCreate, BranchEndpoint, BranchUpdate, EndpointCreate, EndpointUpdate
from dormouse.api.client import Client
from dormouse.api.errors import Refused
from dormouse.api.records import Endpoint, Operation
from dormouse.names import BranchId, EndpointId, ProjectId
from dormouse.storage.layout import Layout

# What a client may be told because of what the other one does.
EXPECTED = frozenset({404, 409, 422, 423})
# So many that they meet, so few that two cores carry their servers.
MOST_PROJECTS, MOST_BRANCHES, MOST_REPLICAS = 3, 6, 3
ENDED = frozenset({"finished", "failed", "cancelled", "skipped"})


@dataclass
class Visitor:
    """A client that does what comes to its mind, and looks before it does."""

    client: Client
    chance: Random
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)

    def act_until(self, deadline: float, other_failed: threading.Event) -> None:
        """One thing after the other."""
        actions: list[Callable[[ProjectId], object]] = [
            *[self.create_branch] * 4,
            *[self.delete_branch] * 3,
            *[self.start] * 4,
            *[self.suspend] * 3,
            self.restart,
            self.create_replica,
            self.delete_endpoint,
            self.disable_and_enable,
            self.rename,
            self.set_default,
            self.change_roles,
            self.change_databases,
            self.delete_project,
        ]
        while time.monotonic() < deadline and not other_failed.is_set():
            projects = [ProjectId(each.id) for each in self.client.projects(limit=400).projects]
            action = self.chance.choice(actions)
            try:
                if not projects or (len(projects) < MOST_PROJECTS and self.chance.random() < 0.1):
                    self.client.create_project()
                    self.done["create_project"] += 1
                else:
                    action(self.chance.choice(projects))
                    self.done[action.__name__] += 1
            except Refused as no:
                if no.status not in EXPECTED:
                    other_failed.set()
                    raise AssertionError(f"{action.__name__}: {no.status} {no}") from no
                self.refused[no.status] += 1
            except BaseException:
                other_failed.set()
                raise

    def create_branch(self, project: ProjectId) -> None:
        there = self.client.branches(project).branches
        if len(there) < MOST_BRANCHES:
            parent = BranchId(self.chance.choice(there).id)
            computes = (BranchEndpoint(type="read_write"),) if self.chance.random() < 0.7 else ()
            self.client.create_branch(project, BranchCreate(parent_id=parent), endpoints=computes)

    def delete_branch(self, project: ProjectId) -> None:
        self.client.delete_branch(project, self.some_branch(project), hard=True)

    def start(self, project: ProjectId) -> None:
        self.client.start_endpoint(project, self.some_endpoint(project))

    def suspend(self, project: ProjectId) -> None:
        self.client.suspend_endpoint(project, self.some_endpoint(project))

    def restart(self, project: ProjectId) -> None:
        self.client.restart_endpoint(project, self.some_endpoint(project))

    def create_replica(self, project: ProjectId) -> None:
        there = [each for each in self.client.endpoints(project) if each.type == "read_only"]
        if len(there) < MOST_REPLICAS:
            wish = EndpointCreate(branch_id=self.some_branch(project), type="read_only")
            self.client.create_endpoint(project, wish)

    def delete_endpoint(self, project: ProjectId) -> None:
        self.client.delete_endpoint(project, self.some_endpoint(project))

    def disable_and_enable(self, project: ProjectId) -> None:
        endpoint = self.some_endpoint(project)
        self.client.update_endpoint(project, endpoint, EndpointUpdate(disabled=True))
        self.client.update_endpoint(project, endpoint, EndpointUpdate(disabled=False))

    def rename(self, project: ProjectId) -> None:
        name = f"name {self.chance.randrange(5)}"
        self.client.update_branch(project, self.some_branch(project), BranchUpdate(name=name))

    def set_default(self, project: ProjectId) -> None:
        self.client.set_default_branch(project, self.some_branch(project))

    def change_roles(self, project: ProjectId) -> None:
        branch, role = self.some_branch(project), f"role_{self.chance.randrange(3)}"
        if role in [each.name for each in self.client.roles(project, branch)]:
            self.client.delete_role(project, branch, role)
        else:
            self.client.create_role(project, branch, role)

    def change_databases(self, project: ProjectId) -> None:
        branch, database = self.some_branch(project), f"database_{self.chance.randrange(3)}"
        if database in [each.name for each in self.client.databases(project, branch)]:
            self.client.delete_database(project, branch, database)
        else:
            self.client.create_database(project, branch, database, owner="neondb_owner")

    def delete_project(self, project: ProjectId) -> None:
        self.client.delete_project(project)
        if self.chance.random() < 0.5:
            self.client.recover_project(project)

    def some_branch(self, project: ProjectId) -> BranchId:
        return BranchId(self.chance.choice(self.client.branches(project).branches).id)

    def some_endpoint(self, project: ProjectId) -> EndpointId:
        there = self.client.endpoints(project)
        # An id of nobody's: it will be told so.
        return EndpointId(self.chance.choice(there).id if there else "ep-no-body-00000000")


@dataclass(frozen=True)
class Findings:
    """What the API says that there is, and what is there."""

    said: dict[str, set[str]]
    found: dict[str, set[str]]


def look(platform: Platform) -> Findings:
    """Folders and processes, named as the API names what they belong to."""
    client, layout = platform.client, Layout(platform.home)
    projects = [ProjectId(each.id) for each in client.projects(limit=400).projects]
    # A deleted one keeps what it had for seven days.
    recoverable = [each.id for each in client.projects(limit=400, recoverable=True).projects]
    projects_of_disk = [folder for folder in layout.projects.iterdir() if folder.name in projects]
    endpoints = [each for project in projects for each in client.endpoints(project)]
    branch_folders = [branch for project in projects_of_disk for branch in (project / "branches").iterdir()]
    lives = [life for branch in branch_folders for life in branch.iterdir()]
    said = {
        "projects": {*map(str, projects), *recoverable},
        "branches": {each.id for project in projects for each in client.branches(project).branches},
        "replicas": {each.id for each in endpoints if each.type == "read_only"},
        "awake": {folder_name(each) for each in endpoints if each.current_state == "active"},
        "half built": set(),
        "several lives": set(),
        "unended": set(),
    }
    found = {
        "projects": {folder.name for folder in layout.projects.iterdir()},
        "branches": {folder.name for folder in branch_folders},
        "replicas": {folder.name for life in lives for folder in subfolders(life / "replicas")},
        "awake": {owner_of(data) for data in awake_data_directories(platform.home)},
        "half built": {folder.name for folder in subfolders(layout.building)},
        "several lives": {folder.name for folder in branch_folders if len(list(folder.iterdir())) != 1},
        "unended": {
            f"{each.action} is {each.status}"
            for project in projects
            for each in client.operations(project, limit=1000).operations
            if is_under_way(each)
        },
    }
    return Findings(said, found)


def folder_name(endpoint: Endpoint) -> str:
    """Whose data directory a compute runs on: a replica's is its own, a primary's is the branch's."""
    return endpoint.id if endpoint.type == "read_only" else endpoint.branch_id


def subfolders(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.is_dir()] if folder.exists() else []


def owner_of(data: Path) -> str:
    """`…/branches/<branch>/<incarnation>/data` or `…/replicas/<endpoint>/data`"""
    return data.parent.name if data.parent.parent.name == "replicas" else data.parent.parent.name


def awake_data_directories(home: Path) -> set[Path]:
    """Where a postmaster runs. Its working folder is its data directory, and its children's too."""
    found = set()
    for process in psutil.process_iter():
        try:
            where = Path(process.cwd())
            if where.name == "data" and home in where.parents:
                found.add(where)
        except (psutil.Error, OSError):
            continue
    return found


def unrest(platform: Platform) -> list[str]:
    """Operations under way, computes between two states, and what is being built: a spare is, after each use."""
    client = platform.client
    found = [f"{each.name} is being built" for each in subfolders(Layout(platform.home).building)]
    for project in (ProjectId(each.id) for each in client.projects(limit=400).projects):
        operations = client.operations(project, limit=1000).operations
        found += [
            f"{each.action} of {each.branch_id} is {each.status}" for each in operations if is_under_way(each)
        ]
        endpoints = client.endpoints(project)
        found += [f"{each.id} is to be {each.pending_state}" for each in endpoints if each.pending_state]
    return found


def is_under_way(operation: Operation) -> bool:
    return operation.status not in ENDED


def look_at_rest(platform: Platform) -> Findings:
    """A spare may be begun between the question and the look: only what differs three times is a difference."""
    for _ in range(3):
        until_it_rests(platform)
        findings = look(platform)
        if findings.said == findings.found:
            break
    return findings


def until_it_rests(platform: Platform) -> None:
    """Fail with what does not end."""
    try:
        wait_until(lambda: not unrest(platform), "what was begun has ended", 30)
    except AssertionError as error:
        raise AssertionError(f"{error}: {unrest(platform)}\n{trouble(platform)}") from error


def trouble(platform: Platform) -> str:
    """What the log says beside the ordinary."""
    return "\n".join(line for line in platform.log().splitlines() if " INFO " not in line)[-6000:]


def answers(platform: Platform) -> dict[str, str]:
    """What every primary answers of its roles and databases, beside what the API says of them."""
    client, wrong = platform.client, {}
    for project in (ProjectId(each.id) for each in client.projects(limit=400).projects):
        for endpoint in client.endpoints(project):
            if endpoint.type == "read_only" or endpoint.disabled:
                continue
            branch = BranchId(endpoint.branch_id)
            url = client.connection_uri(
                project, database="neondb", role="neondb_owner", endpoint=EndpointId(endpoint.id)
            )
            roles = {each.name for each in client.roles(project, branch)}
            databases = {each.name for each in client.databases(project, branch)}
            in_sql = rows(url, "SELECT rolname FROM pg_roles WHERE rolname ~ '^(role_|neondb_owner)'")
            of_sql = rows(url, "SELECT datname FROM pg_database WHERE datname ~ '^(database_|neondb)'")
            if {row[0] for row in in_sql} != roles or {row[0] for row in of_sql} != databases:
                wrong[endpoint.id] = f"{in_sql} {of_sql}, but the API has {roles} {databases}"
            client.suspend_endpoint(project, EndpointId(endpoint.id))
    return wrong


@pytest.mark.timeout(300)
def test_two_clients_leave_a_catalog_a_disk_and_processes_that_agree(
    own_platform: Platform, request: pytest.FixtureRequest
) -> None:
    seconds, seed = float(request.config.getoption("--soak")), int(request.config.getoption("--seed"))
    visitors = [Visitor(own_platform.client, Random(f"{seed} {number}")) for number in range(2)]
    failed = threading.Event()

    with ThreadPoolExecutor(len(visitors)) as both:
        deadline = time.monotonic() + seconds
        runs = [both.submit(visitor.act_until, deadline, failed) for visitor in visitors]
        for run in runs:
            error = run.exception()
            assert error is None, f"seed {seed}: {error!r}\n{trouble(own_platform)}"

    done, refused = visitors[0].done + visitors[1].done, visitors[0].refused + visitors[1].refused
    print(f"seed {seed}: {sum(done.values())} done {dict(done)}, refused {dict(refused)}")
    at_rest = look_at_rest(own_platform)
    for kind, said in at_rest.said.items():
        assert at_rest.found[kind] == said, kind
    assert answers(own_platform) == {}

    own_platform.kill()
    own_platform.up()
    again = look_at_rest(own_platform)
    for kind, said in again.said.items():
        assert again.found[kind] == said, f"{kind} after kill -9"
    for kind in ("projects", "branches", "replicas"):
        assert again.said[kind] == at_rest.said[kind]
