"""A site under load while its compute is suspended, killed and restarted every few seconds.

No page may fail that had no transaction begun and no write in flight, and no write may be applied twice.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import psycopg
import pytest
from fix_platform import Made, Platform, rows, wait_until

from django_dormouse.transactions import STATUS, meaning_of
from dormouse.api.local import FaultRequest
from fix_site import PROJECT, Crowd, site_behind

FIRST = ("gunicorn", '{"pool": {"min_size": 1, "max_size": 4}}')


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("server", "overrides"),
    [
        FIRST,
        ("gunicorn", '{"conn_max_age": null}'),
        ("uvicorn", '{"pool": {"min_size": 1, "max_size": 8}}'),
    ],
    ids=["forked with a pool", "kept connections", "ASGI with a pool"],
)
def test_pages_while_the_compute_comes_and_goes(
    platform: Platform, pytestconfig: pytest.Config, tmp_path: Path, server: str, overrides: str
) -> None:
    seconds = float(pytestconfig.getoption("--soak"))
    if seconds < 60 and (server, overrides) != FIRST:
        pytest.skip("in `make soak`; a pool that was forked comes first, and is enough for a quick look")
    seed = int(pytestconfig.getoption("--seed"))
    made = platform.create()
    environment = {"DATABASE_URL": made.url, "OVERRIDES": overrides}
    migrate(environment)
    with site_behind(server, tmp_path, environment) as site:
        crowd = Crowd(site, clients=6, seed=seed)
        disturbed: Counter[str] = Counter()
        with crowd.let_loose():
            disturb(platform, made, crowd, Random(seed), time.monotonic() + seconds, disturbed)
    found = {str(title): int(str(count)) for title, count in rows(made.url, TITLES)}
    summary = crowd.assert_kept(found, lambda known: status(made, known))
    print(f"{server} {overrides}: {dict(disturbed)}; {dict(sorted(summary.items()))}")
    assert sum(asked.is_first for asked in crowd.asked) >= 6, "nobody asked after a silent disturbance"


TITLES = "SELECT title, count(*) FROM library_note GROUP BY title"


def disturb(
    platform: Platform, made: Made, crowd: Crowd, chance: Random, deadline: float, done: Counter[str]
) -> None:
    """Take the database away, again and again; every other time while nothing is under way."""
    client, port = platform.client, int(str(platform.there["pg_port"]))
    ways: dict[str, Callable[[], object]] = {
        "suspended": lambda: client.suspend_endpoint(made.project, made.primary),
        "killed": lambda: client.cause_fault(FaultRequest(kind="kill", endpoint=made.primary)),
        "restarted": lambda: client.restart_endpoint(made.project, made.primary),
        "cut off": lambda: client.cause_fault(FaultRequest(kind="drop", endpoint=made.primary)),
    }
    order = list(ways)
    chance.shuffle(order)
    number = 0
    # All ways, in silence and in the middle of things, are gone through once at least.
    while number < 2 * len(order) or time.monotonic() < deadline:
        name = order[number // 2 % len(order)]
        time.sleep(chance.uniform(0.2, 0.6))
        if number % 2:
            with crowd.silence():
                before = settled(platform, made, crowd, port)
                ways[name]()
                wait_until(
                    lambda there=before: not there & crowd.site.sessions(port), f"all sessions end when {name}"
                )
        else:
            ways[name]()
        done[name] += 1
        number += 1


def settled(platform: Platform, made: Made, crowd: Crowd, port: int) -> set[tuple[int, int]]:
    """The site's sessions, once the compute is awake and none of them is still waiting in the proxy for that."""
    rows(made.url)
    wait_until(
        lambda: all(each.status == "finished" for each in platform.client.operations(made.project).operations),
        "operations end",
    )
    found: list[set[tuple[int, int]]] = []

    def is_steady() -> bool:
        found.append(crowd.site.sessions(port))
        return len(found) >= 20 and all(each == found[-1] for each in found[-20:])

    wait_until(is_steady, "the site's pools are filled again")
    return found[-1]


def migrate(environment: dict[str, str]) -> None:
    """The project's tables."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DB_", "DATABASE_"))}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"],
        cwd=PROJECT, env=variables | environment | {"PYTHONPATH": str(PROJECT)}, check=True, timeout=90,
    )  # fmt: skip


def status(made: Made, transaction_id: str) -> str | None:
    """As `transaction_status` has it."""
    with psycopg.connect(made.url) as connection:
        row = connection.execute(STATUS, transaction_id.split("@")).fetchone()
    assert row is not None
    return meaning_of(row[0], has_crashed=row[1])
