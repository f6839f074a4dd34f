"""The ledger: writers keep what was acknowledged, while everything is killed, put to sleep, and out of disk.

At the end every row that was acknowledged is there exactly once, one whose answer was lost at most once, and no
other; no process and no file is left; and over the last third, in which the platform itself is not killed, it has
neither gathered descriptors nor memory.
"""

import contextlib
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import psutil
import psycopg
import pytest
from fix_disk import mounted
from fix_platform import Made, Platform, new_home, platform_in, processes_of, rows, wait_until

from dormouse.api.errors import Refused
from dormouse.compute.account import server_account
from dormouse.compute.pooler import find_pgbouncer
from dormouse.home import socket_root
from dormouse.storage.layout import Layout

WRITERS = 6
DISK_BYTES = 1500 << 20
GROWTH_BYTES = 24 << 20
"""What a Python process may have in its pools after a few thousand connections more."""


class Writer(threading.Thread):
    """Writes (name, 0), (name, 1), …; keeps what was acknowledged, and what was left in doubt."""

    def __init__(self, name: str, url: Callable[[], str]) -> None:
        super().__init__(daemon=True, name=name)
        self.url = url
        self.number = 0
        self.acknowledged: list[int] = []
        self.in_doubt: list[int] = []
        self.failures: Counter[str] = Counter()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.url(), autocommit=True, connect_timeout=20) as connection:
                    connection.prepare_threshold = None  # PgBouncer before 1.21 loses them
                    self._write(connection)
            except psycopg.Error as error:
                self.failures[error.sqlstate or type(error).__name__] += 1
                self.stopping.wait(0.05)

    def _write(self, connection: psycopg.Connection) -> None:
        for _ in range(200):  # then a new connection, as an application would have
            if self.stopping.is_set():
                return
            number, self.number = self.number, self.number + 1
            try:
                connection.execute("INSERT INTO ledger VALUES (%s, %s)", (self.name, number))
            except psycopg.Error:
                self.in_doubt.append(number)
                raise
            self.acknowledged.append(number)
            self.stopping.wait(0.002)


class Chaos:
    """What is done to a platform; each returns when it is done, not when it is survived."""

    def __init__(self, platform: Platform, made: Made, disk: Path | None, chance: Random) -> None:
        self.platform = platform
        self.made = made
        self.disk = disk
        self.chance = chance
        self.done: Counter[str] = Counter()
        self._deck: list[Callable[[], None]] = []

    def url(self, *, pooled: bool) -> str:
        """After each start the platform listens on another port."""
        url = re.sub(r":\d+/", f":{self.platform.there['pg_port']}/", self.made.url)
        return url.replace(self.made.primary, f"{self.made.primary}-pooler") if pooled else url

    def kill_platform(self) -> None:
        self.platform.kill()
        self.platform.up()

    def kill_postgres(self) -> None:
        for process in self._named("postgres", postmaster=True):
            process.send_signal(signal.SIGKILL)

    def kill_a_backend(self) -> None:
        if found := self._named("postgres", postmaster=False):
            self.chance.choice(found).send_signal(signal.SIGKILL)

    def kill_pgbouncer(self) -> None:
        for process in self._named("pgbouncer"):
            process.send_signal(signal.SIGKILL)

    def suspend(self) -> None:
        self.platform.client.suspend_endpoint(self.made.project, self.made.primary)

    def fill_disk(self) -> None:
        assert self.disk is not None
        with contextlib.suppress(OSError), (self.disk / "filler").open("wb") as filler:
            for size in (64 << 20, 1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), size)
                        filler.seek(0, os.SEEK_END)
        time.sleep(self.chance.uniform(0.5, 3.0))
        (self.disk / "filler").unlink(missing_ok=True)

    def strike(self, actions: list[Callable[[], None]]) -> None:
        """One of them; each has its turn before any has a second one."""
        if not (deck := [action for action in self._deck if action in actions]):
            deck = self.chance.sample(actions, len(actions))
        action, self._deck = deck[0], deck[1:]
        with contextlib.suppress(psutil.Error, Refused):
            action()
            self.done[action.__name__] += 1

    def _named(self, name: str, *, postmaster: bool | None = None) -> list[psutil.Process]:
        found = processes_of(self.platform.home, named=name)
        pids = {process.pid for process in found}
        return [each for each in found if postmaster is None or (each.ppid() not in pids) is postmaster]


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Path | None]:
    """A file system that can be filled; None where none can be mounted: that part is left out, and said."""
    with mounted(DISK_BYTES) as folder:
        yield folder


@pytest.mark.timeout(2400)
def test_what_was_acknowledged_is_kept(disk: Path | None, request: pytest.FixtureRequest) -> None:
    seconds, seed = float(request.config.getoption("--soak")), request.config.getoption("--seed")
    home = new_home() if disk is None else disk / "home"
    with platform_in(home) as platform:
        made = platform.create(suspend_timeout_seconds=-1)
        rows(made.url, "CREATE TABLE ledger (writer text, number int)")
        chaos = Chaos(platform, made, disk, Random(f"ledger {seed}"))
        may_pool = find_pgbouncer(os.environ) is not None
        writers = [
            Writer(f"w{number}", lambda n=number: chaos.url(pooled=may_pool and n % 2 == 1))  # type: ignore[misc]
            for number in range(WRITERS)
        ]
        mild = [chaos.kill_postgres, chaos.kill_a_backend, chaos.suspend]
        mild += [chaos.kill_pgbouncer] if may_pool else []
        mild += [chaos.fill_disk] if disk is not None else []
        for writer in writers:
            writer.start()
        began = time.monotonic()
        until(began + seconds * 2 / 3, lambda: chaos.strike([*mild, chaos.kill_platform]), chaos.chance)

        before = at_rest(chaos, writers)
        until(began + seconds, lambda: chaos.strike(mild), chaos.chance)
        after = at_rest(chaos, writers)

        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive(), f"{writer.name} hangs"
        written = entries(chaos)
        platform.put_to_sleep(made)
        left_half_built = list(home.glob("building/*"))
        sockets = socket_root(Layout(home), server_account(), os.environ.get("XDG_RUNTIME_DIR"))
        platform.down()
        left = [*processes_of(home), *sockets.glob("*"), *home.glob("projects/*/branches/*/*/data/postmaster.pid")]

    acknowledged = sum(len(writer.acknowledged) for writer in writers)
    doubtful = sum(len(writer.in_doubt) for writer in writers)
    failures: Counter[str] = sum((writer.failures for writer in writers), Counter())
    print(
        f"seed {seed}: {acknowledged} rows acknowledged, {doubtful} in doubt, "
        f"{sum(written.values()) - acknowledged} of them written; "
        + ("no disk to fill; " if disk is None else "")
        + ", ".join(f"{count} × {name}" for name, count in sorted(chaos.done.items()))
        + f"; clients saw {dict(failures)}; descriptors {before[0]} → {after[0]}, "
        f"memory {before[1] / 1e6:.0f} → {after[1] / 1e6:.0f} MB"
    )
    for writer in writers:
        assert [n for n in writer.acknowledged if written[writer.name, n] != 1] == [], writer.name
        assert [n for n in writer.in_doubt if written[writer.name, n] > 1] == [], writer.name
    known = {(w.name, n) for w in writers for n in (*w.acknowledged, *w.in_doubt)}
    assert set(written) <= known
    assert all(len(writer.acknowledged) > 20 for writer in writers)
    assert [*left, *left_half_built] == []
    assert after[0] <= before[0] + 4
    assert after[1] <= before[1] + GROWTH_BYTES


def until(deadline: float, strike: Callable[[], None], chance: Random) -> None:
    """Strike now and then; what is written in between grows with the pause."""
    while time.monotonic() < deadline:
        time.sleep(min(chance.expovariate(0.8), 5.0))
        strike()


def entries(chaos: Chaos) -> Counter[tuple[str, int]]:
    """How often each row is there."""
    return Counter(
        (str(writer), int(str(number)))
        for writer, number in rows(chaos.url(pooled=False), "SELECT writer, number FROM ledger")
    )


def at_rest(chaos: Chaos, writers: list[Writer]) -> tuple[int, int]:
    """Descriptors and resident bytes of the platform, all writers writing again after whatever befell them."""
    marks = [len(writer.acknowledged) for writer in writers]
    wait_until(
        lambda: all(len(w.acknowledged) > mark + 20 for w, mark in zip(writers, marks, strict=True)),
        "every writer writes again",
        90,
    )
    process = psutil.Process(int(str(chaos.platform.there["pid"])))
    # A connection that is being made has more descriptors than one that is there.
    return min(process.num_fds() for _ in range(20) if not time.sleep(0.02)), process.memory_info().rss
