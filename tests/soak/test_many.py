"""A thousand computes that sleep and fifty that are awake, all with a client, on whatever machine this is."""

import asyncio
import contextlib
import statistics
import time
from random import Random

import psutil
import psycopg
import pytest
from fix_platform import new_home, platform_in, rows

from fix_memory import proportional_kb
from fix_sleepers import BRANCHES, crowd

AWAKE = 50


@pytest.mark.timeout(1200)
def test_fifty_awake_beside_a_thousand_asleep(request: pytest.FixtureRequest) -> None:
    if float(request.config.getoption("--soak")) < 60:
        pytest.skip("fifty servers take minutes: make soak")
    home = new_home()
    with platform_in(home) as platform, contextlib.ExitStack() as clients:
        platform.down()
        asyncio.run(crowd(home / "catalog.sqlite", Random(7)))
        platform.up()
        process = psutil.Process(int(str(platform.there["pid"])))
        made = [platform.create(suspend_timeout_seconds=-1) for _ in range(AWAKE)]
        connections = [clients.enter_context(psycopg.connect(each.url, autocommit=True)) for each in made]
        for number, connection in enumerate(connections):
            connection.execute(f"CREATE TABLE own AS SELECT {number} AS i")
        assert [connection.execute("SELECT i FROM own").fetchone() for connection in connections] == [
            (number,) for number in range(AWAKE)
        ]
        postmasters = [each for each in process.children() if each.name() == "postgres"]
        assert len(postmasters) == AWAKE
        platform.put_to_sleep(made[0])
        began = time.monotonic()
        assert rows(made[0].url, "SELECT i FROM own") == [(0,)]
        wake_ms = (time.monotonic() - began) * 1000
        each_mb = statistics.median(proportional_kb(each) for each in postmasters[1:]) / 1024
        print(
            f"{BRANCHES} asleep, {AWAKE} awake: platform {process.memory_info().rss / 1e6:.0f} MB, "
            f"each compute with a client {each_mb:.1f} MB proportional, a wake among them {wake_ms:.0f} ms"
        )
