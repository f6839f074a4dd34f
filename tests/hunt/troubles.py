"""The plan carried out on the platform, and the servers' own counters read while they are there."""

import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from uuid import uuid4

import psutil
import psycopg
from fix_past import restored, until_at_rest, until_ended
from fix_platform import Made, Platform, wait_until
from hunt.gate import Gate
from hunt.ledger import Ledger
from hunt.plan import Kind, Trouble

from dormouse.api.errors import Refused
from dormouse.api.local import FaultRequest
from dormouse.names import EndpointId

_SCANS = (
    "SELECT coalesce(sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0)), 0)::bigint "
    "FROM pg_stat_user_tables WHERE relname = 'hunted_notice'"
)


@dataclass(slots=True)
class Server:
    """One compute, by the socket that only the platform's administrator uses: asking there wakes nothing."""

    endpoint: EndpointId
    data: str
    """What the path of its data matches: a regular expression."""
    scans: int = 0
    """Of the notices, over all its lives: how many it has answered from itself."""
    _last: int = 0
    _connection: psycopg.Connection | None = None
    _lock: Lock = field(default_factory=Lock)

    def execute(self, statement: str) -> object:
        """The first value; None if it does not run now."""
        with self._lock:
            for _ in range(2):
                try:
                    if self._connection is None:
                        self._connection = self._connect()
                    if self._connection is not None:
                        row = self._connection.execute(statement.encode()).fetchone()
                        return row and row[0]
                except psycopg.Error:
                    if self._connection is not None:
                        self._connection.close()
                        self._connection = None
            return None

    def close(self) -> None:
        """Ask no more."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def count(self) -> None:
        """Take its counter in. A crash sets it to nothing, a sleep does not."""
        value = self.execute(_SCANS)
        if isinstance(value, int):
            self.scans += value - self._last if value >= self._last else value
            self._last = value

    def _connect(self) -> psycopg.Connection | None:
        for process in psutil.process_iter(["name"]):
            with suppress(psutil.Error, OSError, IndexError):
                if process.info["name"] == "postgres" and re.search(self.data, process.cwd()):
                    socket = (Path(process.cwd()) / "postmaster.pid").read_text().splitlines()[4]
                    return psycopg.connect(
                        host=socket, user="cloud_admin", dbname="neondb", autocommit=True, connect_timeout=5
                    )
        return None


@dataclass(slots=True, kw_only=True)
class Troubles:
    """What a plan needs to be carried out."""

    platform: Platform
    made: Made
    primary: Server
    replicas: tuple[Server, ...]
    gate: Gate
    ledger: Ledger
    tasks_are_done: Callable[[], bool]
    happened: Counter[Kind] = field(default_factory=Counter)
    resumptions: list[Thread] = field(default_factory=list)

    def carry_out(self, plan: tuple[Trouble, ...], over: Event) -> None:
        """Each in its time. Returns when all have passed."""
        began = time.monotonic()
        for trouble in plan:
            if over.wait(max(0.0, began + trouble.at_s - time.monotonic())):
                break
            if self._happen(trouble):
                self.happened[trouble.kind] += 1
        for thread in self.resumptions:
            thread.join()

    def count_until(self, over: Event) -> None:
        """Take in the counters of all, again and again: whatever one has not told when it dies is lost."""
        while not over.wait(0.3):
            self.count()

    def count(self) -> None:
        """Take in the counters of all."""
        for server in (self.primary, *self.replicas):
            server.count()

    def _happen(self, trouble: Trouble) -> bool:
        """Whether there was something that it could happen to."""
        replica = self.replicas[trouble.replica]
        match trouble.kind:
            case Kind.PAUSE:
                return self._pause(replica, trouble.for_s)
            case Kind.KILL:
                replica.count()
                return self._allowed(
                    lambda: self.platform.client.cause_fault(FaultRequest(kind="kill", endpoint=replica.endpoint))
                )
            case Kind.SUSPEND:
                replica.count()
                return self._suspend(replica.endpoint)
            case Kind.SUSPEND_PRIMARY:
                # Nobody may be writing: who is cut off in a transaction is told so, and that is as it should be.
                with self.gate.alone():
                    self.primary.count()
                    return self._suspend(self.primary.endpoint)
            case Kind.RESTORE:
                return self._restore()

    def _pause(self, replica: Server, for_s: float) -> bool:
        if replica.execute("SELECT pg_wal_replay_pause()") is None:
            return False

        def resume() -> None:
            time.sleep(for_s)
            replica.execute("SELECT pg_wal_replay_resume()")

        thread = Thread(target=resume, daemon=True)
        thread.start()
        self.resumptions.append(thread)
        return True

    def _suspend(self, endpoint: EndpointId) -> bool:
        """Returns when it sleeps, so that nobody writes too early again."""
        return self._allowed(
            lambda: until_ended(
                self.platform,
                self.made,
                self.platform.client.suspend_endpoint(self.made.project, endpoint).operations,
            )
        )

    def _allowed(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except Refused:
            # It sleeps already, or something else is under way.
            return False
        return True

    def _restore(self) -> bool:
        """Back to a moment, after more was written since."""
        with self.gate.alone():
            wait_until(self.tasks_are_done, "all tasks have run")
            mark = self.ledger.mark()
            lsn = self._end_of_log()
        time.sleep(2)
        with self.gate.alone():
            wait_until(self.tasks_are_done, "all tasks have run")
            until_at_rest(self.platform, self.made)
            self.ledger.begin_restore()
            restored(self.platform, self.made, self.made.branch, lsn=lsn, preserve=f"before {uuid4().hex[:8]}")
            self.ledger.end_restore(mark)
        return True

    def _end_of_log(self) -> str:
        with psycopg.connect(self.made.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        return str(row[0])
