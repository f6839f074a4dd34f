"""A client that stops reading amid a gigabyte, and ten thousand wrong passwords, at a whole platform."""

import asyncio
import statistics
import time

import psutil
import psycopg
import pytest
from fix_platform import Platform, rows, wait_until

GIGABYTE = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"
GUESSES = 10_000
AT_ONCE = 200
GROWTH_BYTES = 24 << 20


@pytest.fixture(autouse=True)
def in_soak_alone(request: pytest.FixtureRequest) -> None:
    if float(request.config.getoption("--soak")) < 60:
        pytest.skip("minutes of it: make soak; less of it in tests/integration/proxy")


def memory(platform: Platform) -> int:
    return psutil.Process(int(str(platform.there["pid"]))).memory_info().rss


@pytest.mark.timeout(600)
def test_a_gigabyte_that_nobody_reads_is_not_kept(platform: Platform) -> None:
    made = platform.create(suspend_timeout_seconds=-1)
    rows(made.url, "SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
    before = memory(platform)
    highest = 0
    with psycopg.connect(made.url) as connection, connection.cursor() as cursor:
        pid = connection.info.backend_pid
        with cursor.copy(f"COPY ({GIGABYTE}) TO STDOUT") as copy:
            waits = f"SELECT wait_event = 'ClientWrite' FROM pg_stat_activity WHERE pid = {pid}"
            wait_until(lambda: rows(made.url, waits) == [(True,)], "the compute waits for its reader")
            length = 0
            for number, data in enumerate(copy):
                length += len(data)
                if number % 50_000 == 0:
                    time.sleep(0.3)  # it fills up again
                    highest = max(highest, memory(platform))
    print(f"a gigabyte, read with pauses: {before / 1e6:.0f} MB before, {highest / 1e6:.0f} MB at most")
    assert length == 1_001_000_000
    assert highest - before < GROWTH_BYTES


@pytest.mark.timeout(1200)
def test_ten_thousand_wrong_passwords_wake_nothing(platform: Platform) -> None:
    made, honest = platform.create(), platform.create(suspend_timeout_seconds=-1)
    rows(made.url)
    platform.put_to_sleep(made)
    wrong = made.url.replace(":npg_", ":wrong_")
    assert wrong != made.url
    told: list[str] = []

    async def guess(left: list[None]) -> None:
        while left:
            left.pop()
            try:
                await psycopg.AsyncConnection.connect(wrong, connect_timeout=120)
            except psycopg.OperationalError as error:
                told.append(str(error))

    def visit_ms() -> float:
        began = time.monotonic()
        rows(honest.url)
        return (time.monotonic() - began) * 1000

    async def attack() -> list[float]:
        left = [None] * GUESSES
        meanwhile: list[float] = []
        async with asyncio.TaskGroup() as group:
            guessers = [group.create_task(guess(left)) for _ in range(AT_ONCE)]
            while not all(guesser.done() for guesser in guessers):
                meanwhile.append(await asyncio.to_thread(visit_ms))
                await asyncio.sleep(0.05)
        return meanwhile

    alone = [visit_ms() for _ in range(50)]
    meanwhile = asyncio.run(attack())
    usual, then = statistics.median(alone), statistics.median(meanwhile)
    # The guessers' own work is on the same cores.
    print(
        f"{len(told)} wrong passwords; a connect and a query of somebody else: "
        f"{usual:.0f} ms alone, {then:.0f} ms meanwhile, {then / usual:.1f} ×"
    )
    assert len(told) == GUESSES
    # Where the guessers get little of the cores, some are too slow with their proof.
    refusals = ("password authentication failed for user 'neondb_owner'", "Authentication timed out")
    assert [text for text in told if not any(refusal in text for refusal in refusals)] == []
    assert platform.state(made, made.primary) == "idle"
    assert len(meanwhile) > 20
