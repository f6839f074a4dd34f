"""What branches and the past cost: in time beside `cp -a` of the same bytes, and on disk.

python bench/branches.py [ROUNDS] [SCALE] [FOLDER] [PART …]

SCALE is pgbench's: 60 is 0.9 GB. FOLDER is where the homes lie, by default the temporary folder; copy-on-write
clones want one on XFS or btrfs. If a file system is mounted there, disk is counted as `df` does; else, since
others write there too, file by file, and files that share their blocks count as often as there are of them.
PARTS: fresh, steady, load, disk, restore, suspends, crowd; by default all. Needs pgbench.

The thousand branches are records alone, as in api.py.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fix_platform import Made, Platform, platform_in, rows, wait_until

from dormouse.api.bodies import BranchCreate, BranchRestore
from dormouse.api.records import Operation
from dormouse.control.catalog import Catalog
from dormouse.control.changes import Record
from dormouse.names import BranchId, ProjectId
from dormouse.uri import ConnectionParameters
from fix_sleepers import branch_records, project_of
from measuring import in_turn, ratio_of, spread, timed_ms

REPLAYED = {"18 segments of 1 MB": 18 << 20, "as much as 18 segments of 16 MB": 288 << 20}
FEW, MANY = 10, 1000
STEADY = 100
"""Transactions a second of a site that has something to do: an eighth of what two cores can."""


def main() -> None:
    rounds, scale, folder, *parts = [*sys.argv[1:], *("11", "60", tempfile.gettempdir())[len(sys.argv) - 1 :]]
    run = {
        "fresh": fresh,
        "steady": partial(load, transactions_s=STEADY),
        "load": load,
        "disk": disk,
        "restore": restore,
        "suspends": suspends,
        "crowd": crowd,
    }
    for part in parts or run:
        run[part](Bench(rounds=int(rounds), scale=int(scale), folder=Path(folder)))


@dataclass(frozen=True, slots=True)
class Bench:
    """What was asked for."""

    rounds: int
    scale: int
    folder: Path

    @contextmanager
    def platform(self) -> Iterator[Platform]:
        """In a home of its own."""
        root = Path(tempfile.mkdtemp(prefix="dormouse-bench-", dir=self.folder))
        root.chmod(0o711)
        try:
            with platform_in(root / "home") as platform:
                yield platform
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def taken_bytes(self, home: Path) -> int:
        """On disk: by the whole file system if it is ours, else by the home."""
        subprocess.run(["sync", "--file-system", home], check=True)
        if self.folder.is_mount():
            there = os.statvfs(self.folder)
            return (there.f_blocks - there.f_bfree) * there.f_frsize
        found = {}
        for path in home.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                found[status.st_ino] = status.st_blocks * 512
        return sum(found.values())


def tell(what: str, values: list[float]) -> None:
    print(f"{what}: {spread(values)}", flush=True)


def fresh(bench: Bench) -> None:
    """A branch of a project in which little was done; alone, and at once behind another.

    A branch is made of a spare, and the next one of those while its server starts.
    """
    with bench.platform() as platform:
        made = platform.create()
        rows(made.url, "CREATE TABLE t AS SELECT 1 AS i")
        what = f"branch of a fresh project ({driver(platform)})"

        def alone() -> tuple[float, float]:
            wait_until(lambda: list(platform.home.glob("spares/*/*")), "a spare is there")
            subprocess.run(["sync", "--file-system", platform.home], check=True)
            return timed_branch(platform, made)

        for how, work in (("", alone), (" at once behind another", lambda: timed_branch(platform, made))):
            # Each is deleted untimed, and what that leaves to be written does not wait for the next.
            took = [work() for _ in range(bench.rounds + 1)][1:]
            tell(f"{what}{how}, to its first row", [whole for whole, _ in took])
            tell(f"{what}{how}, until its operation ended", [operation for _, operation in took])


def load(bench: Bench, *, transactions_s: int | None = None) -> None:
    """A branch of 1 GB beside `cp -a` of the parent's directory, both while four clients write.

    They write as fast as they can, which takes both cores and the disk, or so many times a second.
    """
    with bench.platform() as platform:
        made = filled(bench, platform)
        data = next(platform.home.glob(f"projects/{made.project}/branches/{made.branch}/*/data"))
        operations: list[float] = []
        synced: list[float] = []

        def ours() -> float:
            took, operation_ms = timed_branch(platform, made)
            operations.append(operation_ms)
            return took

        def copied() -> float:
            took, on_disk = timed_copy(data, platform.home / "copy")
            synced.append(on_disk)
            return took

        with writers(made, transactions_s) as progress:
            time.sleep(3)
            began = time.time()
            mine, theirs = in_turn(bench.rounds, ours, copied)
            ended = time.time()
            time.sleep(3)
        size = f"{sum(path.stat().st_size for path in data.rglob('*') if path.is_file()) / 1e9:.1f} GB"
        written = "full write load" if transactions_s is None else f"{transactions_s} writes a second"
        what = f"branch of {size} under {written} ({driver(platform)})"
        tell(f"{what}, to its first row", mine)
        tell(f"{what}, until its operation ended, which gives it its past", operations[1:])
        tell("`cp -a` of the parent's directory under the same load", theirs)
        tell("the same, and `sync` of that file system", synced[1:])
        print(f"{what} / `cp -a`: {ratio_of(mine, theirs)}")
        print(f"{what} / `cp -a` and `sync`, which ours does too: {ratio_of(mine, synced[1:])}", flush=True)
        tell_latency(progress, began, ended)


def disk(bench: Bench) -> None:
    """What a branch takes on disk before anybody writes to it; parent and branch asleep."""
    with bench.platform() as platform:
        made = filled(bench, platform)
        platform.put_to_sleep(made)
        wait_until(lambda: not list(platform.home.glob("building/*")), "no base is being made", 120)
        before = bench.taken_bytes(platform.home)
        branch = platform.client.create_branch(made.project, BranchCreate(name="still"), endpoints=())
        wait_until(lambda: is_ready(platform, made.project, BranchId(branch.branch.id)), "it is there", 120)
        after = bench.taken_bytes(platform.home)
        print(
            f"extra disk of a branch of scale {bench.scale} ({driver(platform)}): {(after - before) / 1e6:.1f} MB"
        )


def restore(bench: Bench) -> None:
    """Back to a moment, with as much WAL to replay before it as was written since; one base, before both."""
    for what, amount in REPLAYED.items():
        for scale in (1, bench.scale):
            with bench.platform() as platform:
                took = [timed_restore(bench, platform, scale, amount) for _ in range(max(1, bench.rounds // 3))]
                where = f"scale {scale} ({driver(platform)})"
                tell(f"restore to a moment {what} back, {where}, to its first row", took)


def suspends(bench: Bench) -> None:
    """What sleep leaves on disk."""
    with bench.platform() as platform:
        made = platform.create()
        rows(made.url, "CREATE TABLE t (i int)")
        platform.put_to_sleep(made)
        before = bench.taken_bytes(platform.home)
        for number in range(5):
            rows(made.url, f"INSERT INTO t VALUES ({number})")
            platform.put_to_sleep(made)
        after = bench.taken_bytes(platform.home)
        print(f"five suspends after one row each: {(after - before) / 1e6:.1f} MB on disk", flush=True)


def crowd(bench: Bench) -> None:
    """A thousand sleeping branches beside ten: two platforms in turn."""
    with bench.platform() as many, bench.platform() as few:
        homes = {MANY: many, FEW: few}
        crowded: dict[int, ProjectId] = {}
        for count, platform in homes.items():
            platform.down()
            crowded[count] = asyncio.run(write_records(platform.home / "catalog.sqlite", count, Random(7)))
            platform.up()
        made = {count: platform.create() for count, platform in homes.items()}

        def compare(what: str, work: Callable[[int], float]) -> None:
            mine, theirs = in_turn(bench.rounds, lambda: work(MANY), lambda: work(FEW))
            medians = f"{statistics.median(mine):.1f} / {statistics.median(theirs):.1f} ms"
            print(f"{what}, beside {MANY} sleeping branches / {FEW}: {ratio_of(mine, theirs)}  ({medians})")

        compare("list ten branches of a project", lambda n: timed_list(homes[n], crowded[n]))
        compare("create a branch, to its first row", lambda n: timed_branch(homes[n], made[n])[0])
        compare("wake, to the first row", lambda n: timed_wake(homes[n], made[n]))


def driver(platform: Platform) -> str:
    """`copy`, `reflink`"""
    return platform.client.diagnose().storage


def filled(bench: Bench, platform: Platform, scale: int | None = None) -> Made:
    """A project with pgbench's tables, that never sleeps by itself."""
    made = platform.create(suspend_timeout_seconds=-1)
    pgbench(made, "-i", "-q", "-s", str(scale or bench.scale))
    return made


def pgbench_command(made: Made, *flags: str) -> tuple[list[str], dict[str, str]]:
    variables = ConnectionParameters.from_url(made.url).pg_variables()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | variables
    program = shutil.which("pgbench") or str(next(Path("/usr/lib/postgresql").glob("*/bin/pgbench")))
    return [program, "-n", *flags], environment


def pgbench(made: Made, *flags: str) -> None:
    command, environment = pgbench_command(made, *flags)
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@contextmanager
def writers(made: Made, transactions_s: int | None) -> Iterator[list[tuple[float, float, float]]]:
    """Four clients that write for the length of a block; then the list holds seconds, tps and latency in ms."""
    rate = () if transactions_s is None else ("--rate", str(transactions_s))
    command, environment = pgbench_command(made, "-c", "4", "-j", "1", "-T", "100000", "-P", "1", *rate)
    progress: list[tuple[float, float, float]] = []
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*command, "--progress-timestamp"], env=environment, stdout=subprocess.DEVNULL, stderr=said
        )
        try:
            yield progress
            assert process.poll() is None, "a client was cut off, or failed"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        said.seek(0)
        for line in said:
            # progress: 1763600000.123 s, 812.0 tps, lat 4.921 ms stddev 1.2, 0 failed
            if found := re.match(r"progress: ([\d.]+) s, ([\d.]+) tps, lat ([\d.]+|NaN) ms", line):
                seconds, tps, latency = map(float, found.groups())
                progress.append((seconds, tps, latency))
                assert ", 0 failed" in line, line


def tell_latency(progress: list[tuple[float, float, float]], began: float, ended: float) -> None:
    busy = [line for line in progress if began + 1 < line[0] <= ended]
    quiet = [line for line in progress if not began <= line[0] <= ended + 1]
    for when, lines in (("before and after", quiet), ("meanwhile", busy)):
        latencies = sorted(latency for _, tps, latency in lines if tps)
        if latencies:
            tps = statistics.median(line[1] for line in lines)
            worst = f"worst second {latencies[-1]:.0f} ms"
            print(
                f"the writers {when}: {tps:.0f} tps, {statistics.median(latencies):.1f} ms each, {worst}",
                flush=True,
            )


def timed_branch(platform: Platform, made: Made) -> tuple[float, float]:
    """How long a branch takes to its first row, and until its operation has ended; it is deleted."""
    began = time.perf_counter()
    answer = platform.client.create_branch(made.project)
    branch = BranchId(answer.branch.id)
    url = made.url.replace(made.primary, answer.endpoints[0].id)
    rows(url)
    took = (time.perf_counter() - began) * 1000

    def operation() -> Operation:
        operations = platform.client.operations(made.project, limit=20).operations
        return next(one for one in operations if one.branch_id == branch and one.action == "create_branch")

    # Who waits for the branch is served before its operation is said to have ended.
    wait_until(lambda: operation().status == "finished", "its operation ended")
    operation_ms = float(operation().total_duration_ms)
    platform.client.delete_branch(made.project, branch, hard=True)
    wait_until(lambda: not list(platform.home.glob(f"projects/*/branches/{branch}")), "its files are gone")
    subprocess.run(["sync", "--file-system", platform.home], check=True)
    return took, operation_ms


def timed_copy(data: Path, target: Path) -> tuple[float, float]:
    """`cp -a` of all bytes, until it ends, and until they are on the disk.

    A running server removes files meanwhile, which it says and goes on.
    """

    def copy() -> None:
        # Where it can, it would make a copy-on-write clone by itself.
        subprocess.run(["cp", "-a", "--reflink=never", data, target], check=False, stderr=subprocess.DEVNULL)

    def sync() -> None:
        subprocess.run(["sync", "--file-system", data], check=True)

    took = timed_ms(copy)
    on_disk = took + timed_ms(sync)
    shutil.rmtree(target)
    sync()
    return took, on_disk


def timed_restore(bench: Bench, platform: Platform, scale: int, amount: int) -> float:
    """From the call to the first row, which must be that of then."""
    made = filled(bench, platform, scale)
    # A sleep makes a base, unless somebody is in a hurry.
    platform.put_to_sleep(made)
    bases = f"projects/{made.project}/branches/{made.branch}/*/bases"
    wait_until(lambda: len(list(platform.home.glob(f"{bases}/[0-9A-F]*"))) > 1, "a base is kept", 120)
    rows(made.url, "CREATE TABLE state AS SELECT 'then' AS at")
    rows(made.url, "CREATE TABLE filler (line text)")
    write(made, amount)
    time.sleep(1.1)
    then = datetime.now(UTC)
    time.sleep(1.1)
    rows(made.url, "UPDATE state SET at = 'later'")
    write(made, amount)
    wanted = BranchRestore(source_branch_id=made.branch, source_timestamp=then, preserve_under_name="before")
    began = time.perf_counter()
    platform.client.restore_branch(made.project, made.branch, wanted)
    found = rows(made.url, "SELECT at FROM state")
    took = (time.perf_counter() - began) * 1000
    assert found == [("then",)], found
    platform.client.delete_project(made.project)
    return took


def write(made: Made, amount: int) -> None:
    """So many bytes of WAL."""
    ((begin,),) = rows(made.url, "SELECT pg_current_wal_lsn()::text")
    while rows(made.url, f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '{begin}') < {amount}") == [(True,)]:
        rows(made.url, "INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 1000)")


def timed_list(platform: Platform, project: ProjectId) -> float:
    return timed_ms(lambda: platform.client.branches(project, limit=10))


def timed_wake(platform: Platform, made: Made) -> float:
    platform.put_to_sleep(made)
    return timed_ms(lambda: rows(made.url))


def is_ready(platform: Platform, project: ProjectId, branch: BranchId) -> bool:
    return platform.client.branch(project, branch).current_state == "ready"


async def write_records(path: Path, count: int, chance: Random) -> ProjectId:
    catalog = Catalog.open(path)
    project = project_of(chance)
    records: list[Record] = [project]
    for number in range(count):
        records += branch_records(project, chance, f"branch {number}", default=number == 0)
    await catalog.put(*records)
    await catalog.close()
    return project.id


if __name__ == "__main__":
    main()
