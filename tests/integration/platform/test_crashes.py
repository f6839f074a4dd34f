"""kill -9 at the worst moments: no acknowledged row is lost, and the next start cleans up."""

import os
import signal
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest
from fix_platform import Made, Platform, processes_of, rows, wait_until

pytestmark = pytest.mark.faults


@dataclass
class Writer(threading.Thread):
    """Inserts numbers, and remembers those whose commit was acknowledged."""

    url: str
    acknowledged: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                for number in range(1_000_000):
                    connection.execute("INSERT INTO numbers VALUES (%s)", (number,))
                    self.acknowledged.append(number)
        except psycopg.Error:
            return


def write_then(platform: Platform, made: Made, blow: object) -> list[int]:
    """Write, strike in the middle of it, and return what was acknowledged before."""
    rows(made.url, "CREATE TABLE numbers (i int PRIMARY KEY)")
    writer = Writer(made.url)
    writer.start()
    wait_until(lambda: len(writer.acknowledged) > 200, "the writer writes")
    blow()  # type: ignore[operator]
    writer.join(20)
    assert not writer.is_alive()
    return writer.acknowledged


def postmaster_of(platform: Platform, made: Made) -> psutil.Process:
    (pid_file,) = platform.home.glob(f"projects/{made.project}/branches/*/*/data/postmaster.pid")
    return psutil.Process(int(pid_file.read_text().splitlines()[0]))


def now_at(platform: Platform, made: Made) -> str:
    """The connection string after the platform came back on another port."""
    return platform.client.connection_uri(
        made.project, database="neondb", role="neondb_owner", endpoint=made.primary
    )


def test_kill_9_of_the_platform_loses_no_acknowledged_row(own_platform: Platform) -> None:
    made = own_platform.create(replica=True)
    rows(made.replica_url)

    acknowledged = write_then(own_platform, made, own_platform.kill)
    own_platform.up()

    found = {row[0] for row in rows(now_at(own_platform, made), "SELECT i FROM numbers")}
    assert set(acknowledged) <= found


def test_kill_9_of_a_postmaster_loses_no_acknowledged_row(own_platform: Platform) -> None:
    made = own_platform.create()
    rows(made.url)

    acknowledged = write_then(own_platform, made, lambda: postmaster_of(own_platform, made).kill())

    wait_until(lambda: own_platform.state(made, made.primary) == "idle", "the death is noticed")
    found = {row[0] for row in rows(made.url, "SELECT i FROM numbers")}
    assert set(acknowledged) <= found


def test_kill_9_of_a_backend_loses_no_acknowledged_row(own_platform: Platform) -> None:
    made = own_platform.create()

    def kill_a_backend() -> None:
        (pid,) = rows(
            made.url, "SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT INTO numbers%' LIMIT 1"
        )[0]
        os.kill(int(str(pid)), signal.SIGKILL)

    acknowledged = write_then(own_platform, made, kill_a_backend)

    # No waiting here: whoever connects while the server restarts its backends is let in when it has.
    found = {row[0] for row in rows(made.url, "SELECT i FROM numbers")}
    assert set(acknowledged) <= found


def test_kill_9_of_one_compute_leaves_the_others_alone(own_platform: Platform) -> None:
    """As the kernel does when memory is short: it is to take a backend first, then a server, the platform last."""
    victim, other = own_platform.create(), own_platform.create()
    with psycopg.connect(victim.url, autocommit=True) as lost, psycopg.connect(other.url, autocommit=True) as kept:
        lost.execute("SELECT 1")
        kept.execute("CREATE TEMP TABLE mine AS SELECT 1 AS i")
        postmaster = postmaster_of(own_platform, victim)
        backend, platform_pid = lost.info.backend_pid, own_platform.there["pid"]
        own, middle, first = (
            int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in (platform_pid, postmaster.pid, backend)
        )
        assert own < middle < first

        postmaster.kill()

        with pytest.raises(psycopg.OperationalError):
            while True:  # a backend notices when it has nothing to do
                lost.execute("SELECT 1")
        assert kept.execute("SELECT i FROM mine").fetchone() == (1,)
    assert rows(victim.url) == [(1,)]
    assert rows(other.url) == [(1,)]


def test_the_next_start_stops_what_a_killed_platform_left(own_platform: Platform) -> None:
    made = own_platform.create(replica=True)
    rows(made.replica_url)
    own_platform.kill()
    left = {process.pid for process in processes_of(own_platform.home)}
    assert left, "servers outlive a platform that was killed"

    own_platform.up()

    assert not {pid for pid in left if psutil.pid_exists(pid)}
    assert own_platform.state(made, made.primary) == "idle"


def test_a_pid_file_that_names_a_stranger_does_not_stop_a_start(own_platform: Platform) -> None:
    made = own_platform.create()
    rows(made.url)
    postmaster = postmaster_of(own_platform, made)
    own_platform.kill()
    (pid_file,) = own_platform.home.glob(f"projects/{made.project}/branches/*/*/data/postmaster.pid")
    lines = pid_file.read_text().splitlines()
    postmaster.kill()
    wait_until(lambda: not psutil.pid_exists(postmaster.pid), "the server is gone")
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    own_platform.up()

    assert rows(now_at(own_platform, made)) == [(1,)]


def test_after_down_no_process_is_left(own_platform: Platform) -> None:
    made = own_platform.create(replica=True)
    with closing(psycopg.connect(made.url)) as idle, closing(psycopg.connect(made.replica_url)) as reader:
        idle.execute("SELECT 1")
        reader.execute("SELECT 1")

        own_platform.down()

    assert processes_of(own_platform.home) == []
    assert not (own_platform.home / "run" / "platform.json").exists()


def test_the_data_is_there_after_down_and_up(own_platform: Platform) -> None:
    made = own_platform.create(replica=True)
    rows(made.url, "CREATE TABLE kept AS SELECT 1 AS i")
    own_platform.down()

    own_platform.up()

    assert rows(now_at(own_platform, made), "SELECT i FROM kept") == [(1,)]
