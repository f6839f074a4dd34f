"""A crowd of clients that come at once to a compute that sleeps."""

import asyncio
import time

import psycopg
from fix_platform import Made, Platform, rows


def starts(platform: Platform, made: Made) -> int:
    return sum("compute_ready" in line and made.primary in line for line in platform.log().splitlines())


async def crowd(url: str, count: int) -> list[object]:
    """What each of so many clients got that connect, ask and leave, all at once."""

    async def visit() -> object:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            row = await (await connection.execute("SELECT 1")).fetchone()
        return row and row[0]

    return await asyncio.gather(*(visit() for _ in range(count)), return_exceptions=True)


def served(platform: Platform, count: int) -> float:
    """Let a crowd come, see that all were served by one start; the seconds that it took."""
    made = platform.create()
    rows(made.url)
    platform.put_to_sleep(made)
    before = starts(platform, made)
    began = time.monotonic()

    answers = asyncio.run(crowd(made.url, count))

    took_s = time.monotonic() - began
    assert [answer for answer in answers if answer != 1] == []
    assert starts(platform, made) - before == 1
    assert rows(made.url) == [(1,)]
    return took_s
