"""One hunt from beginning to end, and what came of it."""

import re
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from statistics import median

from fix_platform import Made, Platform, rows
from hunt.gate import Gate
from hunt.ledger import Ledger, Verdict
from hunt.notes import Board
from hunt.plan import Kind, troubles
from hunt.serving import STAFF, Site, served
from hunt.troubles import Server, Troubles
from hunt.users import Client, Editor, Failed, Onlooker, Person, Program, User, Web, World, Writer

from dormouse.api.bodies import EndpointCreate
from dormouse.names import EndpointId

THREADS = 8
_CROWD: tuple[tuple[type[User], int, str], ...] = (
    (Person, 90, "person"),
    (Program, 60, "program"),
    (Client, 30, "client"),
    (Writer, 20, "writer"),
    (Editor, STAFF, "staff"),
    (Onlooker, 110, "onlooker"),
)
"""320 users: as many as meet each other's troubles several times a minute on two cores."""

_COUNTERS_COME_LATE_S = 15.0
"""A session that stays open tells its counters ten seconds after its last query at the latest (pgstat.c)."""

_TRACEBACK = re.compile(r"^Traceback.*?\n(?=\S)[^\n]*", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a hunt has found."""

    router: str
    seconds: float
    took_s: list[float]
    """Each request."""
    failures: list[str]
    wrong: list[str]
    verdicts: dict[Verdict, int]
    tasks: int
    stale_tasks: list[str]
    notices: dict[str, int]
    on_replicas: int
    on_primary: int
    happened: dict[Kind, int]
    tracebacks: list[str]

    @property
    def stale(self) -> int:
        """Reads older than what their user had been told was saved; and what a restore had taken back."""
        return self.verdicts[Verdict.STALE] + self.verdicts[Verdict.GHOST] + len(self.stale_tasks)

    @property
    def reads(self) -> int:
        """Of those who did not write."""
        return sum(self.notices.values())

    @property
    def share(self) -> float:
        """Of these reads, how many the replicas have counted."""
        return min(1.0, self.on_replicas / self.reads)

    def table(self) -> str:
        """For people."""
        judged = sum(count for verdict, count in self.verdicts.items() if verdict is not Verdict.NOT_JUDGED)
        lines = [
            ("router", self.router),
            ("seconds", f"{self.seconds:.0f}"),
            (
                "requests",
                f"{len(self.took_s)}, {len(self.took_s) / self.seconds:.0f}/s; {median(self.took_s):.2f} s p50, "
                f"{self.took_s[len(self.took_s) * 99 // 100]:.1f} s p99, {self.took_s[-1]:.1f} s at most",
            ),
            ("failed requests", str(len(self.failures))),
            ("reads judged", f"{judged + self.tasks}, {self.tasks} of them by tasks"),
            ("stale", f"{self.stale}, {len(self.stale_tasks)} of them by tasks"),
            ("backwards", str(self.verdicts[Verdict.BACKWARDS])),
            ("not judged", f"{self.verdicts[Verdict.NOT_JUDGED]}, during restores"),
            (
                "on replicas",
                f"{self.share:.1%} of {self.reads} reads of those who did not write: "
                f"{self.on_replicas} by their own counters, {self.on_primary} by the primary's",
            ),
            ("by the site's account", str(dict(self.notices))),
            *((kind.value, str(count)) for kind, count in self.happened.items()),
        ]
        shown = [*self.failures[:10], *self.tracebacks[-1:], *self.wrong[:10], *self.stale_tasks[:5]]
        return "\n".join([f"  {name:22} {value}" for name, value in lines] + [f"    {line}" for line in shown])


def hunt(platform: Platform, router: str, duration_s: float, seed: int) -> Outcome:
    """Let users and troubles loose on a site of its own for so long."""
    made = platform.create()
    replicas = tuple(_replica(platform, made) for _ in range(2))
    urls = tuple(made.url.replace(made.primary, endpoint) for endpoint in replicas)
    for url in (made.url, *urls):
        rows(url)
    with (
        tempfile.TemporaryDirectory(prefix="dormouse-hunt-") as folder,
        served(Path(folder), url=made.url, replica_urls=urls, router=router) as site,
    ):
        world = World(web=Web(site.ports), ledger=Ledger(), board=Board(), gate=Gate())
        servers = [Server(made.primary, f"/branches/{made.branch}/[^/]+/data$")]
        servers += [Server(endpoint, f"/replicas/{endpoint}/data$") for endpoint in replicas]
        acts = Troubles(
            platform=platform,
            made=made,
            primary=servers[0],
            replicas=tuple(servers[1:]),
            gate=world.gate,
            ledger=world.ledger,
            tasks_are_done=lambda: len(site.receipts) >= world.tasks,
        )
        began = time.monotonic()
        try:
            _let_loose(world, acts, duration_s, Random(seed))
            took_s = time.monotonic() - began
            _wait_for_counters(acts, world)
        finally:
            for server in servers:
                server.close()
        return _outcome(router, took_s, site, world, acts)


def _replica(platform: Platform, made: Made) -> EndpointId:
    wanted = EndpointCreate(branch_id=made.branch, type="read_only")
    return EndpointId(platform.client.create_endpoint(made.project, wanted).endpoint.id)


def _let_loose(world: World, acts: Troubles, duration_s: float, chance: Random) -> None:
    waiting: SimpleQueue[User] = SimpleQueue()
    crowd = [
        kind(name=f"{name}{number}", world=world, chance=Random(chance.random()), has_header=kind is Program)
        for kind, count, name in _CROWD
        for number in range(count)
    ]
    chance.shuffle(crowd)
    for user in crowd:
        waiting.put(user)
    over = threading.Event()
    errors: list[BaseException] = []

    def serve() -> None:
        try:
            while not over.is_set():
                try:
                    user = waiting.get(timeout=0.2)
                except Empty:
                    continue
                # A failure is counted where it happened.
                with suppress(Failed):
                    user.visit()
                waiting.put(user)
        except BaseException as error:
            errors.append(error)
            over.set()
        finally:
            world.web.close()

    def cause() -> None:
        try:
            acts.carry_out(troubles(chance, duration_s), over)
        except BaseException as error:
            errors.append(error)
            over.set()

    def count() -> None:
        acts.count_until(over)

    threads = [threading.Thread(target=work, daemon=True) for work in (cause, count, *[serve] * THREADS)]
    for thread in threads:
        thread.start()
    over.wait(duration_s)
    over.set()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a visitor, or a trouble, has not ended"
    if errors:
        raise errors[0]


def _wait_for_counters(acts: Troubles, world: World) -> None:
    deadline = time.monotonic() + _COUNTERS_COME_LATE_S
    acts.count()
    while time.monotonic() < deadline and sum(each.scans for each in acts.replicas) < world.notices.total():
        time.sleep(0.5)
        acts.count()


def _outcome(router: str, seconds: float, site: Site, world: World, acts: Troubles) -> Outcome:
    receipts = [line.split(" ", 2) for line in site.receipts]
    return Outcome(
        router=router,
        seconds=seconds,
        took_s=sorted(world.web.took_s),
        failures=world.web.failures + [" ".join(each) for each in receipts if each[2].startswith("failed")],
        wrong=world.ledger.wrong,
        verdicts=world.ledger.verdicts,
        tasks=len(receipts),
        stale_tasks=[" ".join(each) for each in receipts if each[2].isdigit() and int(each[2]) < int(each[1])],
        notices=world.notices,
        on_replicas=sum(each.scans for each in acts.replicas),
        on_primary=acts.primary.scans,
        happened=acts.happened,
        tracebacks=_TRACEBACK.findall(site.log()),
    )
