"""A queue over a loop that is real, and a patience that is short."""

import asyncio

import pytest

from dormouse.proxy.queues import Queues

ONE, TWO = "/run/one", "/run/two"


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_finds_a_place_does_not_wait() -> None:
    queues = Queues(2, patience_s=0.01)

    await queues.enter(ONE)
    await queues.enter(ONE)
    await queues.enter(TWO)

    assert (queues.waiting(ONE), queues.waiting(TWO)) == (0, 0)


async def test_places_are_passed_on_in_the_order_of_coming() -> None:
    queues, came = Queues(1, patience_s=5.0), list[str]()

    async def visit(name: str) -> None:
        await queues.enter(ONE)
        came.append(name)

    await queues.enter(ONE)
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c"):
            group.create_task(visit(name))
        await settle()
        assert queues.waiting(ONE) == 3
        for expected in (["a"], ["a", "b"], ["a", "b", "c"]):
            queues.leave(ONE)
            await settle()
            assert came == expected


async def test_who_waits_too_long_is_told_and_takes_no_place() -> None:
    queues = Queues(1, patience_s=0.02)
    await queues.enter(ONE)

    with pytest.raises(TimeoutError):
        await queues.enter(ONE)

    assert queues.waiting(ONE) == 0
    queues.leave(ONE)
    await queues.enter(ONE)


async def test_as_long_as_somebody_leaves_one_waits_on() -> None:
    queues = Queues(1, patience_s=0.2)
    await queues.enter(ONE)

    async def visit() -> None:
        await queues.enter(ONE)
        await asyncio.sleep(0.05)
        queues.leave(ONE)

    async with asyncio.TaskGroup() as group:
        # Eight visits take twice the patience, one after the other.
        for _ in range(8):
            group.create_task(visit())
        await settle()
        queues.leave(ONE)


@pytest.mark.parametrize("leaves_first", [False, True])
async def test_who_gives_up_keeps_nobody_from_its_place(*, leaves_first: bool) -> None:
    queues = Queues(1, patience_s=5.0)
    await queues.enter(ONE)
    gone = asyncio.create_task(queues.enter(ONE))
    await settle()

    if leaves_first:
        queues.leave(ONE)
        gone.cancel()
    else:
        gone.cancel()
        await settle()
        queues.leave(ONE)
    await asyncio.wait([gone])

    async with asyncio.timeout(1.0):
        await queues.enter(ONE)
