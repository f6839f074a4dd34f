"""A compute whose start fails before there is a process. With real servers: the platform's tests."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from dormouse.compute.control_file import ControlData
from dormouse.compute.lifecycle import ComputeState
from dormouse.compute.server import Server
from dormouse.compute.supervisor import Compute, Start
from dormouse.errors import StartFailed, StorageError
from dormouse.names import EndpointId


class FailingDuty:
    """Its `prepare` waits until it may fail."""

    def __init__(self) -> None:
        self.starts = 0
        self.may_fail = asyncio.Event()
        self.error: Exception = StorageError("the disk is full")

    async def prepare(self) -> Start:
        self.starts += 1
        await self.may_fail.wait()
        raise self.error

    async def until_ready(self, server: Server) -> None:
        raise AssertionError("no server was started")

    async def before_stop(self, server: Server) -> None:
        raise AssertionError("no server was started")

    async def after_stop(self, control: ControlData | None) -> None:
        raise AssertionError("no server was started")


@pytest.fixture
async def duty() -> FailingDuty:
    return FailingDuty()


@pytest.fixture
async def compute(duty: FailingDuty) -> AsyncIterator[Compute]:
    async with asyncio.TaskGroup() as group:
        spawn: Callable[..., asyncio.Task[None]] = group.create_task
        yield Compute(EndpointId("ep-a"), duty, account=None, start_timeout_s=1.0, spawn_task=spawn)
        duty.may_fail.set()


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_all_who_wait_share_one_start_and_its_answer(compute: Compute, duty: FailingDuty) -> None:
    waiting = [asyncio.ensure_future(compute.wake()) for _ in range(3)]
    await turns()
    assert compute.state is ComputeState.STARTING
    duty.may_fail.set()

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert duty.starts == 1
    assert {(type(answer), str(answer)) for answer in answers} == {
        (StartFailed, "the compute ep-a could not be started: the disk is full")
    }
    assert compute.state is ComputeState.FAILED


async def test_a_failed_start_keeps_the_words_of_the_server(compute: Compute, duty: FailingDuty) -> None:
    duty.error = StartFailed("Postgres ended at start (exit 1)", "FATAL: no")
    duty.may_fail.set()

    with pytest.raises(StartFailed, match="exit 1") as caught:
        await compute.wake()

    assert caught.value.log_tail == "FATAL: no"


async def test_after_a_failed_start_the_next_wake_tries_again(compute: Compute, duty: FailingDuty) -> None:
    duty.may_fail.set()

    for _ in range(2):
        with pytest.raises(StartFailed):
            await compute.wake()

    assert duty.starts == 2


async def test_a_waiter_that_gives_up_does_not_end_the_start(compute: Compute, duty: FailingDuty) -> None:
    impatient, patient = (asyncio.ensure_future(compute.wake()) for _ in range(2))
    await turns()

    impatient.cancel()
    await turns()

    assert impatient.cancelled()
    assert compute.state is ComputeState.STARTING
    duty.may_fail.set()
    with pytest.raises(StartFailed):
        await patient


async def test_sleeping_during_a_start_that_fails_is_sleeping(compute: Compute, duty: FailingDuty) -> None:
    waking = asyncio.ensure_future(compute.wake())
    sleeping = asyncio.ensure_future(compute.sleep())
    await turns()
    duty.may_fail.set()

    await sleeping
    assert compute.state is ComputeState.FAILED
    with pytest.raises(StartFailed):
        await waking


async def test_a_sleeper_that_is_put_to_sleep_stays_asleep(compute: Compute, duty: FailingDuty) -> None:
    await compute.sleep()

    assert (compute.state, duty.starts) == (ComputeState.ASLEEP, 0)


async def test_a_sleeper_has_no_server(compute: Compute) -> None:
    compute.reload()

    with pytest.raises(StartFailed, match="ep-a is asleep"):
        _ = compute.server
