"""The watcher over one compute that is written here, by a clock that is turned by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest

from dormouse.control.idling import Busy
from dormouse.control.model import Endpoint, EndpointType
from dormouse.control.watcher import IdleWatcher
from dormouse.names import BranchId, EndpointId, ProjectId

IDLE = Busy(backends=0, walsenders=0, autovacuum_workers=0)
BUSY = Busy(backends=1, walsenders=0, autovacuum_workers=0)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDPOINT = Endpoint(
    id=EndpointId("ep-a"),
    project_id=ProjectId("p"),
    branch_id=BranchId("br-a"),
    type=EndpointType.READ_WRITE,
    name="",
    autoscaling_limit_min_cu=0.25,
    autoscaling_limit_max_cu=0.25,
    suspend_timeout_seconds=300,
    disabled=False,
    created_at=NOW,
    updated_at=NOW,
)


class House:
    """One compute, as the watcher sees all of them. It is awake, and was last used when the test began."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.changed = asyncio.Event()
        self.record = ENDPOINT
        self.endpoint = ENDPOINT.id
        self.awake = True
        self.held = False
        self.asked = 0
        self.answer: Busy | psycopg.Error = IDLE
        self.while_asked: Callable[[], None] = lambda: None
        self.last_activity = now()

    def ready(self) -> Iterator[tuple[Endpoint, "House"]]:
        if self.awake and not self.held:
            yield self.record, self

    async def busy(self, _compute: "House") -> Busy:
        self.asked += 1
        self.while_asked()
        if isinstance(self.answer, psycopg.Error):
            raise self.answer
        return self.answer

    def is_held(self, _compute: "House") -> bool:
        return self.held

    async def sleep(self) -> None:
        self.awake = False


class Clock:
    """The loop's time, which goes on when it is told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    async def advance(self, seconds: float) -> None:
        self.time += seconds
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: made.time)
    return made


@pytest.fixture
async def house(clock: Clock) -> AsyncIterator[House]:
    made = House(lambda: clock.time)
    watcher = IdleWatcher(cast("Any", made), lambda _endpoint: made.last_activity)
    watching = asyncio.ensure_future(watcher.run())
    await clock.advance(0)
    yield made
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def test_an_idle_compute_is_put_to_sleep_at_the_deadline(house: House, clock: Clock) -> None:
    await clock.advance(299)
    assert (house.awake, house.asked) == (True, 0)

    await clock.advance(1)
    assert (house.awake, house.asked) == (False, 1)


async def test_activity_moves_the_deadline(house: House, clock: Clock) -> None:
    await clock.advance(200)
    house.last_activity = clock.time

    await clock.advance(299)
    assert house.awake
    await clock.advance(1)
    assert not house.awake


async def test_a_busy_compute_is_asked_again_until_it_is_idle(house: House, clock: Clock) -> None:
    house.answer = BUSY
    await clock.advance(300)
    await clock.advance(15)
    assert (house.awake, house.asked) == (True, 2)

    house.answer = IDLE
    await clock.advance(15)
    assert not house.awake


async def test_a_busy_compute_is_left_in_peace_when_another_changes(house: House, clock: Clock) -> None:
    house.answer = BUSY
    await clock.advance(300)

    house.changed.set()
    await clock.advance(14)
    assert house.asked == 1


async def test_a_compute_that_does_not_answer_stays_awake_and_is_asked_again(house: House, clock: Clock) -> None:
    house.answer = psycopg.OperationalError("gone")
    await clock.advance(300)
    assert house.awake

    house.answer = IDLE
    await clock.advance(300)
    assert not house.awake


async def test_a_client_that_comes_during_the_question_keeps_it_awake(house: House, clock: Clock) -> None:
    def client_comes() -> None:
        house.last_activity = clock.time

    house.while_asked = client_comes
    await clock.advance(300)
    assert house.awake

    house.while_asked = lambda: None
    await clock.advance(300)
    assert not house.awake


async def test_who_takes_hold_of_it_during_the_question_keeps_it_awake(house: House, clock: Clock) -> None:
    def held() -> None:
        house.held = True

    house.while_asked = held
    await clock.advance(300)
    assert house.awake

    house.held, house.while_asked = False, lambda: None
    house.changed.set()
    await clock.advance(0)
    assert not house.awake


async def test_one_that_never_sleeps_is_not_asked(house: House, clock: Clock) -> None:
    house.record = replace(ENDPOINT, suspend_timeout_seconds=-1)
    house.changed.set()

    await clock.advance(1e9)
    assert (house.awake, house.asked) == (True, 0)


async def test_one_that_wakes_later_is_watched_from_then_on(house: House, clock: Clock) -> None:
    house.awake = False
    await clock.advance(1000)

    house.awake, house.last_activity = True, clock.time
    house.changed.set()
    await clock.advance(0)
    await clock.advance(300)

    assert (house.awake, house.asked) == (False, 1)
