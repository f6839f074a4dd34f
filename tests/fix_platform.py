"""A platform for tests: a process of its own in a home of its own, on free ports, gone afterwards."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest

from dormouse.api.bodies import EndpointCreate, ProjectCreate
from dormouse.api.client import Client
from dormouse.api.records import EndpointSettings
from dormouse.names import BranchId, EndpointId, ProjectId


@dataclass(slots=True)
class Made:
    """A project with what a test needs of it."""

    project: ProjectId
    branch: BranchId
    primary: EndpointId
    url: str
    replica: EndpointId | None = None
    replica_url: str = ""


@dataclass(slots=True)
class Platform:
    """`dormouse up` in `home`, with verbs."""

    home: Path
    environment: dict[str, str]
    there: dict[str, object] = field(default_factory=dict)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One `dormouse` command."""
        done = subprocess.run(
            [sys.executable, "-m", "dormouse", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        if check:
            assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self) -> "Platform":
        self.there = json.loads(self.run("up", "--json").stdout)
        return self

    def down(self) -> None:
        self.run("down")

    def kill(self) -> None:
        """kill -9, as the kernel does when memory is short."""
        pid = int(str(self.there["pid"]))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(pid), "the platform is gone")

    @property
    def client(self) -> Client:
        return Client(f"{self.there['http_url']}/api/v2", (self.home / "api-key").read_text().strip())

    @property
    def ca(self) -> Path:
        return self.home / "tls" / "ca.pem"

    def log(self) -> str:
        return (self.home / "run" / "dormouse.log").read_text("utf-8", "replace")

    def create(self, *, replica: bool = False, suspend_timeout_seconds: int | None = None) -> Made:
        settings = (
            None
            if suspend_timeout_seconds is None
            else EndpointSettings(suspend_timeout_seconds=suspend_timeout_seconds)
        )
        answer = self.client.create_project(ProjectCreate(default_endpoint_settings=settings))
        made = Made(
            project=ProjectId(answer.project.id),
            branch=BranchId(answer.branch.id),
            primary=EndpointId(answer.endpoints[0].id),
            url=answer.connection_uris[0].connection_uri,
        )
        if replica:
            self.add_replica(made)
        return made

    def add_replica(self, made: Made) -> None:
        changed = self.client.create_endpoint(
            made.project, EndpointCreate(branch_id=made.branch, type="read_only")
        )
        made.replica = EndpointId(changed.endpoint.id)
        made.replica_url = made.url.replace(made.primary, made.replica)

    def state(self, made: Made, endpoint: EndpointId) -> str:
        return self.client.endpoint(made.project, endpoint).current_state

    def put_to_sleep(self, made: Made, *endpoints: EndpointId | None) -> None:
        for endpoint in endpoints or (made.replica, made.primary):
            if endpoint is not None:
                self.client.suspend_endpoint(made.project, endpoint)
                wait_until(lambda e=endpoint: self.state(made, e) == "idle", f"{endpoint} is asleep")

    def processes(self) -> list[psutil.Process]:
        """Every process that has to do with this home: by command line, folder, open files, environment."""
        return processes_of(self.home)


def processes_of(home: Path | str, *, named: str | None = None) -> list[psutil.Process]:
    """Processes with a word of `home` in their command line, working folder, open files or environment.

    `named` leaves out all others: asked here, where a process that has just ended does no harm.
    """
    needle = str(home)
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError):
            texts = [" ".join(process.cmdline()), process.cwd(), process.environ().get("DORMOUSE_HOME", "")]
            texts += [file.path for file in process.open_files()]
            if any(needle in text for text in texts) and named in (None, process.name()):
                found.append(process)
    return found


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Return when `condition` holds; fail naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain: {what}"
        time.sleep(0.01)


def rows(url: str, query: str = "SELECT 1") -> list[tuple[object, ...]]:
    """Connect, ask, close."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def new_home(name: str = "home", *, within: str | None = None) -> Path:
    """A folder that Postgres's own user can reach, which pytest's are not, as root."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-test-", dir=within))
    folder.chmod(0o711)
    return folder / name


@contextlib.contextmanager
def platform_in(home: Path, **settings: str) -> Iterator[Platform]:
    """A platform that is up; afterwards nothing of it is left."""
    ours = ("PG", "DORMOUSE_", "NEON_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environment |= {"DORMOUSE_HOME": str(home), "DORMOUSE_PG_PORT": "0", "DORMOUSE_HTTP_PORT": "0", **settings}
    # Where `dormouse login` keeps a key: the developer's own would send the commands elsewhere.
    environment["XDG_CONFIG_HOME"] = str(home.parent / "config")
    there = Platform(home, environment)
    try:
        yield there.up()
    finally:
        there.run("down", check=False)
        left = there.processes()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        shutil.rmtree(home, ignore_errors=True)
        if home.parent.name.startswith("dormouse-test-"):
            shutil.rmtree(home.parent, ignore_errors=True)
    assert not left, f"processes are left: {[str(process) for process in left]}"


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """One for all tests that leave it up."""
    with platform_in(new_home()) as there:
        yield there


@pytest.fixture
def own_platform() -> Iterator[Platform]:
    """One for a test that stops or kills it."""
    with platform_in(new_home()) as there:
        yield there


@pytest.fixture(scope="session")
def project(platform: Platform) -> Made:
    """A project with a primary and a replica that tests only read from, or write to tables of their own."""
    return platform.create(replica=True)
