"""When an operation is said to have ended: by each profile, and when the profile changes meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

import fix_values
from dormouse.control import telling
from dormouse.control.model import Operation, OperationStatus
from dormouse.control.telling import Profile, Teller


class Scene:
    """A teller, what it told, and its tasks."""

    def __init__(self, profile: Profile) -> None:
        self.told: list[Operation] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.teller = Teller(profile, self._spawn, self._tell, {})

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    async def _tell(self, operation: Operation) -> None:
        self.told.append(operation)


ENDED = fix_values.operation(status=OperationStatus.FINISHED)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "TIMED_S", 0.01)


def test_at_once_holds_nothing_back() -> None:
    assert not Scene("immediate").teller.hold(ENDED)


@pytest.mark.parametrize("profile", ["timed", "manual"])
def test_a_failure_is_told_at_once(profile: Profile) -> None:
    assert not Scene(profile).teller.hold(fix_values.operation(status=OperationStatus.FAILED))


@pytest.mark.parametrize(
    ("first", "then", "is_told"),
    [
        ("timed", None, True),
        ("manual", None, False),
        ("manual", "immediate", True),
        ("manual", "timed", True),
        ("timed", "immediate", True),
        ("timed", "manual", False),
    ],
)
def test_what_is_held_ends_by_the_profile_that_holds(first: Profile, then: Profile | None, is_told: bool) -> None:
    async def play() -> Scene:
        scene = Scene(first)
        assert scene.teller.hold(ENDED)
        assert scene.teller.is_busy(ENDED.project_id)
        if then is not None:
            await scene.teller.follow(then)
        await asyncio.gather(*scene.tasks)
        return scene

    scene = asyncio.run(play())

    assert scene.told == [ENDED] * is_told
    assert scene.teller.is_busy(ENDED.project_id) is not is_told
