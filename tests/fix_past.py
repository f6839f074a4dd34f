"""What tests of the past share: branches of moments, rows that know theirs, a load, a look at what is left."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import cast

import psutil
import psycopg
import pytest
from fix_platform import Made, Platform, rows, wait_until

from dormouse.api.bodies import BranchCreate, BranchRestore
from dormouse.api.records import Branch, Operation
from dormouse.compute.wal import format_lsn, parse_lsn
from dormouse.names import BranchId, EndpointId
from dormouse.storage.layout import BranchFolder, Layout
from dormouse.uri import ConnectionParameters

ENDED = frozenset({"finished", "failed", "cancelled", "skipped"})
PGBENCH = shutil.which("pgbench")
needs_pgbench = pytest.mark.skipif(
    PGBENCH is None, reason="pgbench is not on this machine (it comes with Postgres)"
)


def branched(
    platform: Platform,
    made: Made,
    name: str | None = None,
    *,
    lsn: str | None = None,
    time: datetime | None = None,
    schema_only: bool = False,
) -> Made:
    """A branch of `made` with a primary, and how to connect to it."""
    wanted = BranchCreate(
        name=name,
        parent_id=made.branch,
        parent_lsn=lsn,
        parent_timestamp=time,
        init_source="schema-only" if schema_only else None,
    )
    answer = platform.client.create_branch(made.project, wanted)
    primary = EndpointId(answer.endpoints[0].id)
    return Made(made.project, BranchId(answer.branch.id), primary, made.url.replace(made.primary, primary))


def branched_without_compute(platform: Platform, made: Made, name: str | None = None) -> BranchId:
    """A branch of `made` that nobody can connect to."""
    wanted = BranchCreate(name=name, parent_id=made.branch)
    return BranchId(platform.client.create_branch(made.project, wanted, endpoints=()).branch.id)


def read_write(platform: Platform, made: Made, branch: BranchId) -> Made:
    """A branch that has a primary already, as `branched` gives it."""
    (primary,) = (
        EndpointId(each.id)
        for each in platform.client.branch_endpoints(made.project, branch)
        if each.type == "read_write"
    )
    return Made(made.project, branch, primary, made.url.replace(made.primary, primary))


def restored(
    platform: Platform,
    made: Made,
    source: BranchId,
    *,
    lsn: str | None = None,
    time: datetime | None = None,
    preserve: str | None = None,
) -> Branch:
    """Restore a branch, and return its record when that is done. Fails with the operation's own words."""
    wanted = BranchRestore(
        source_branch_id=source, source_lsn=lsn, source_timestamp=time, preserve_under_name=preserve
    )
    ended = until_ended(
        platform, made, platform.client.restore_branch(made.project, made.branch, wanted).operations
    )
    assert {each.status for each in ended} == {"finished"}, [each.error for each in ended]
    return platform.client.branch(made.project, made.branch)


def undone(platform: Platform, made: Made) -> Branch:
    """Undo what was last done to a branch, and return its record when that is done."""
    ended = until_ended(platform, made, platform.client.undo_branch(made.project, made.branch).operations)
    assert {each.status for each in ended} == {"finished"}, [each.error for each in ended]
    return platform.client.branch(made.project, made.branch)


def until_ended(platform: Platform, made: Made, operations: Sequence[Operation]) -> list[Operation]:
    """The operations when all have ended."""

    def now() -> list[Operation]:
        return [platform.client.operation(made.project, each.id) for each in operations]

    wait_until(lambda: all(each.status in ENDED for each in now()), "the operations have ended", 60)
    return now()


def until_at_rest(platform: Platform, made: Made) -> None:
    """Wait until no operation of the project is under way."""
    until_ended(platform, made, platform.client.operations(made.project, limit=100).operations)


def failure_of(platform: Platform, made: Made) -> str:
    """What the newest failed operation of a project says."""
    until_at_rest(platform, made)
    return next(
        each.error or ""
        for each in platform.client.operations(made.project, limit=100).operations
        if each.status == "failed"
    )


def folder_of(platform: Platform, made: Made) -> BranchFolder:
    """Where the present life of a branch lies: the one whose server runs, or ran last."""
    (timeline,) = rows(made.url, "SHOW neon.timeline_id")[0]
    return BranchFolder(Layout(platform.home).project(made.project) / "branches" / made.branch / str(timeline))


def socket_folder(platform: Platform, made: Made) -> Path:
    """Where the server of an awake primary listens."""
    lines = (folder_of(platform, made).data / "postmaster.pid").read_text().splitlines()
    return Path(lines[4])


def as_admin(platform: Platform, made: Made) -> AbstractContextManager[psycopg.Connection]:
    """A superuser's connection to an awake primary, over its socket, past the proxy."""
    return _as_admin(socket_folder(platform, made))


def as_admin_of_replica(platform: Platform, made: Made) -> AbstractContextManager[psycopg.Connection]:
    """The same to its replica, which is awake too."""
    data = folder_of(platform, made).replica_data(EndpointId(str(made.replica)))
    return _as_admin(Path((data / "postmaster.pid").read_text().splitlines()[4]))


@contextlib.contextmanager
def _as_admin(host: Path) -> Iterator[psycopg.Connection]:
    with closing(
        psycopg.connect(host=str(host), port=5432, user="cloud_admin", dbname="postgres", autocommit=True)
    ) as connection:
        yield connection


def switch_segment(platform: Platform, made: Made) -> None:
    """End the segment that a primary writes; returns when it was archived. Nothing may have failed."""
    with as_admin(platform, made) as connection:
        (name,) = connection.execute(
            "SELECT pg_walfile_name(pg_switch_wal()) FROM pg_logical_emit_message(false, '', '')"
        ).fetchone() or ("",)
        counts = "SELECT failed_count, last_archived_wal >= %s FROM pg_stat_archiver"
        wait_until(
            lambda: (connection.execute(counts, (name,)).fetchone() or (0, False))[1], f"{name} is archived"
        )
        assert connection.execute(counts, (name,)).fetchone() == (0, True), "the archiver failed"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a row knows: a position and a time inside its transaction, and one of each after its commit."""

    number: int
    lsn_before: int
    time_before: datetime
    lsn_after: int
    time_after: datetime


_POINT = "SELECT pg_current_wal_insert_lsn()::text, clock_timestamp()"


class Diary:
    """Rows that are committed one after the other in several sessions, and when each was.

    Row n comes with a table `row_<n>`, so that a schema tells of it as well.
    """

    def __init__(self, made: Made, sessions: int = 3) -> None:
        self.made = made
        self.marks: list[Mark] = []
        self._sessions = sessions
        rows(made.url, "CREATE TABLE diary (n int, filler text)")
        rows(made.url, "ALTER TABLE diary ALTER filler SET STORAGE EXTERNAL")

    def write(self, count: int, *, filler_bytes: int = 30_000) -> None:
        """So many more; with the filler, some thirty of them are a segment."""
        with contextlib.ExitStack() as stack:
            sessions = [
                stack.enter_context(psycopg.connect(self.made.url, autocommit=True)) for _ in range(self._sessions)
            ]
            for _ in range(count):
                number = len(self.marks)
                session = sessions[number % len(sessions)]
                with session.transaction():
                    session.execute("INSERT INTO diary VALUES (%s, repeat('x', %s))", (number, filler_bytes))
                    session.execute(f"CREATE TABLE row_{number} ()")
                    lsn_before, time_before = session.execute(_POINT).fetchone() or ("", None)
                lsn_after, time_after = session.execute(_POINT).fetchone() or ("", None)
                self.marks.append(
                    Mark(number, parse_lsn(lsn_before), time_before, parse_lsn(lsn_after), time_after)
                )

    def lsn_of(self, number: int) -> str:
        """A position at which there is row `number`, and no later one."""
        return format_lsn(self.marks[number].lsn_after)

    def moment(self, chance: Random) -> tuple[int, str, datetime]:
        """Between a row and the next: the row's number, a position and a time. Ends of the span among them."""
        at = chance.randrange(len(self.marks) - 1)
        here, there = self.marks[at], self.marks[at + 1]
        share = chance.choice([0.0, 1.0, chance.random()])
        lsn = here.lsn_after + round(share * (there.lsn_before - here.lsn_after))
        time = here.time_after + share * (there.time_before - here.time_after)
        return here.number, format_lsn(lsn), time


def clock_of(url: str) -> datetime:
    """The server's time: whoever commits later commits after it."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return cast("datetime", row[0])


def diary_of(url: str) -> list[int]:
    """The numbers of the rows that are there."""
    return [int(str(row[0])) for row in rows(url, "SELECT n FROM diary ORDER BY n")]


def moments_hold(platform: Platform, diary: Diary, moments: int, chance: Random) -> None:
    """Look at so many moments of a diary, by position and by time, in branches and in schemas of the past."""
    for turn in range(moments):
        last, lsn, time = diary.moment(chance)
        at = f"at {lsn}" if turn % 2 else f"at {time}"
        if turn % 3:
            branch = branched(platform, diary.made, **({"lsn": lsn} if turn % 2 else {"time": time}))
            found = diary_of(branch.url)
            platform.client.delete_branch(diary.made.project, branch.branch, hard=True)
        else:
            point = {"lsn": lsn} if turn % 2 else {"timestamp": time}
            tables = platform.client.branch_tables(diary.made.project, diary.made.branch, "neondb", **point)
            found = sorted(int(each.name.removeprefix("row_")) for each in tables if each.name != "diary")
        around = diary.marks[max(0, last - 1) : last + 3]
        assert found == list(range(last + 1)), f"{at}: up to {found[-1:]} instead of {last}, of {around}"


def crash(platform: Platform, made: Made) -> None:
    """kill -9 of a primary's server."""
    folder = folder_of(platform, made)
    psutil.Process(int((folder.data / "postmaster.pid").read_text().splitlines()[0])).kill()
    wait_until(lambda: platform.state(made, made.primary) == "idle", "the death is noticed")


INVARIANT = """
    SELECT (SELECT sum(abalance) FROM pgbench_accounts) - coalesce(sum(delta), 0),
           (SELECT sum(bbalance) FROM pgbench_branches) - coalesce(sum(delta), 0),
           (SELECT sum(tbalance) FROM pgbench_tellers) - coalesce(sum(delta), 0)
    FROM pgbench_history
"""


def assert_balanced(url: str) -> int:
    """Every transaction of pgbench is there whole or not at all; returns how many are there."""
    assert rows(url, INVARIANT) == [(0, 0, 0)]
    (count,) = rows(url, "SELECT count(*) FROM pgbench_history")[0]
    return int(str(count))


def fill_for_pgbench(made: Made) -> None:
    """Its tables, at the smallest scale."""
    command, environment = _pgbench(made, "-i", "-q", "-s", "1", "-I", "dtGp")
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@dataclass(slots=True)
class Load:
    """Clients of pgbench that write; what they said is there when they are gone."""

    process: "subprocess.Popen[bytes]"
    said: str = ""
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What went wrong for a client."""
        return [line for line in self.said.splitlines() if not line.startswith(("progress:", "pgbench ("))]


@contextlib.contextmanager
def load(made: Made, clients: int = 2) -> Iterator[Load]:
    """pgbench for the length of a block."""
    command, environment = _pgbench(made, "-n", "-c", str(clients), "-T", "3600", "-P", "1")
    with tempfile.TemporaryFile("w+") as said:
        running = Load(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said))
        try:
            first = "SELECT EXISTS (SELECT FROM pgbench_history)"
            wait_until(lambda: rows(made.url, first) == [(True,)], "pgbench writes")
            yield running
        finally:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(20)
            said.seek(0)
            running.said = said.read()
            found = re.findall(r"^progress: .* lat ([\d.]+) ms", running.said, re.MULTILINE)
            running.latencies_ms = [float(each) for each in found]


def _pgbench(made: Made, *flags: str) -> tuple[list[str], dict[str, str]]:
    assert PGBENCH is not None
    variables = ConnectionParameters.from_url(made.url).pg_variables()
    return [PGBENCH, *flags], {k: v for k, v in os.environ.items() if not k.startswith("PG")} | variables


def checksums(folder: BranchFolder) -> dict[str, str]:
    """Of all that is past: each archived segment, and each file of each base."""
    found = {}
    for kind in (folder.wal, folder.bases):
        for path in sorted(kind.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    found[str(path.relative_to(folder.root))] = hashlib.md5(path.read_bytes()).hexdigest()
    return found


def is_swept(platform: Platform) -> bool:
    """Whether nothing is half built, and no socket's folder is there but those of computes that may be awake."""
    building = [path for path in Layout(platform.home).building.iterdir() if not path.name.startswith("spare-")]
    return not building


def awake_data(home: Path) -> set[Path]:
    """The data directories below a home that a server has."""
    return {path.parent for path in home.glob("**/data/postmaster.pid")}


@dataclass
class Writer(threading.Thread):
    """Runs a statement in one session, again and again."""

    url: str
    statement: str
    count: int = 0
    errors: list[psycopg.Error] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def until(self, count: int) -> None:
        """Wait until it has run the statement so many times."""
        wait_until(lambda: self.count >= count or self.errors, "it is run again")

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while not self.over.is_set():
                    connection.execute(self.statement)
                    self.count += 1
        except psycopg.Error as error:
            self.errors.append(error)


@contextlib.contextmanager
def writing(url: str, statement: str) -> Iterator[Writer]:
    """A writer for the length of a block."""
    writer = Writer(url, statement)
    writer.start()
    try:
        yield writer
    finally:
        writer.over.set()
        writer.join(30)
