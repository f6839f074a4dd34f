"""A Django project behind a real server, and a crowd that asks it for pages while its database comes and goes."""

import contextlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil
from fix_platform import wait_until

PROJECT = Path(__file__).parent / "integration" / "django_dormouse" / "project"

SERVERS = {
    "gunicorn": [
        "-m",
        "gunicorn",
        "served:wsgi",
        "--preload",
        "--workers",
        "2",
        "--threads",
        "4",
        "--bind",
        "fd://{}",
    ],
    "uvicorn": ["-m", "uvicorn", "served:asgi", "--workers", "1", "--log-level", "warning", "--fd", "{}"],
}


@dataclass(frozen=True, slots=True)
class Site:
    """Pages at a port."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def sessions(self, port: int) -> set[tuple[int, int]]:
        """Connections to a database at `port` that both sides hold: process and port on this side."""
        parent = psutil.Process(self.process.pid)
        return {
            (process.pid, connection.laddr.port)
            for process in (parent, *parent.children(recursive=True))
            for connection in process.net_connections("tcp4")
            if connection.raddr and connection.raddr.port == port and connection.status == psutil.CONN_ESTABLISHED
        }

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of one page, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@contextlib.contextmanager
def site_behind(server: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Site]:
    """The project served by `server`; its log, in `folder`, is shown if it does not come up."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DB_", "DATABASE_"))}
    variables |= {
        "PYTHONPATH": str(PROJECT),
        "DJANGO_SETTINGS_MODULE": "project_settings",
        "SETTINGS": json.dumps({"ROOT_URLCONF": "load_urls"}),
        **environment,
    }
    log = folder / f"{server}.log"
    with socket.socket() as listener, log.open("wb") as output:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        process = subprocess.Popen(
            [sys.executable, *(word.format(listener.fileno()) for word in SERVERS[server])],
            cwd=PROJECT, env=variables, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=output,
            stderr=output,
        )  # fmt: skip
        site = Site(listener.getsockname()[1], log, process)

        def answers() -> bool:
            assert process.poll() is None, log.read_text()[-3000:]
            with contextlib.suppress(OSError, http.client.HTTPException):
                return site.get("/read/")[0] == 200
            return False

        try:
            wait_until(answers, f"{server} serves: {log}", 60)
            yield site
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


@dataclass(frozen=True, slots=True)
class Asked:
    """One page that a client asked for."""

    page: str
    title: str
    status: int
    told: dict[str, Any]
    is_first: bool
    """Whether nothing at all was under way when the database went away just before."""


@dataclass
class Crowd:
    """Clients that ask one page after the other; they can be made to hold their breath."""

    site: Site
    clients: int
    seed: int
    asked: list[Asked] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _go: threading.Event = field(default_factory=threading.Event)
    _at_rest: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _has_asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def let_loose(self) -> Iterator[None]:
        """Until the end of the block. Raises what a client raised."""
        errors: list[BaseException] = []

        def live(number: int) -> None:
            try:
                self._ask_on(Random(self.seed + number))
            except BaseException as error:
                errors.append(error)
                # Nobody is to wait for this one: what it died of is raised at the end of the block.
                self._at_rest.release()
                self._has_asked.release()

        self._go.set()
        threads = [threading.Thread(target=live, args=(number,)) for number in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            self._go.set()
            for thread in threads:
                thread.join(90)
        if errors:
            raise errors[0]

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Nobody asks for anything within the block, and no answer is awaited; then all ask, and are answered."""
        self._go.clear()
        for _ in range(self.clients):
            assert self._at_rest.acquire(timeout=60), "a client did not come to rest"
        yield
        self._go.set()
        for _ in range(self.clients):
            assert self._has_asked.acquire(timeout=60), "a client has no answer after a minute"

    def _ask_on(self, chance: Random) -> None:
        pages = ["read", "read", "write", "write_in_a_transaction", "write_with_patience"]
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        is_first = False
        while not self._stopped.is_set():
            if not self._go.is_set():
                self._at_rest.release()
                self._go.wait()
                is_first = True
            page, title = chance.choice(pages), f"title {next(self._numbers)}"
            try:
                connection.request("GET", f"/{page}/?title={title.replace(' ', '%20')}")
                answer = connection.getresponse()
                body = answer.read()
            except ConnectionError:
                # The server closed a connection that it had kept: gunicorn's threads do after two seconds. Whether
                # one hears of the end, of a reset or of a broken pipe depends on who was faster.
                connection.close()
                continue
            told = json.loads(body) if answer.headers.get_content_type() == "application/json" else {"text": body}
            self.asked.append(Asked(page, title, answer.status, told, is_first))
            if is_first:
                self._has_asked.release()
            is_first = False
        connection.close()

    def assert_kept(self, rows: Mapping[str, int], status: Any) -> Counter[str]:
        """What the project promises, held against the titles that the database has, and how often. A summary.

        `status(transaction_id)` asks the server; None: it cannot know.
        """
        summary: Counter[str] = Counter()
        assert max(rows.values()) == 1, "a write was applied twice"
        for asked in self.asked:
            ended = "fine" if asked.status == 200 else asked.told["error"][0]
            summary[f"{asked.page}: {ended}"] += 1
            there = asked.title in rows
            if asked.page == "read" or asked.is_first:
                assert asked.status == 200, f"nothing had begun, and it failed: {asked}"
            if asked.page == "read":
                continue
            if ended == "fine":
                assert there, f"acknowledged, and lost: {asked}"
            elif ended == "CommitOutcomeUnknown":
                known = asked.told["transaction_id"]
                said = None if known is None else status(known)
                assert said is None or (said == "committed") == there, (asked, said)
            else:
                assert "TransactionLost" in asked.told["error"], asked
                assert asked.page == "write_in_a_transaction", f"this one is run again: {asked}"
                assert not there, f"said to be lost, and applied: {asked}"
        return summary
