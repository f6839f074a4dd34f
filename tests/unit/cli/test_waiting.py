from collections.abc import Callable

import pytest

from dormouse.api.bodies import EndpointChanged
from dormouse.api.errors import Busy
from dormouse.api.records import Operation
from dormouse.cli import waiting
from dormouse.cli.waiting import failed, patiently, under_way, wait_for
from dormouse.errors import UserError
from dormouse.names import ProjectId
from fake_api import FakeApi

SHOP = ProjectId("cold-sea-00000001")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes when somebody sleeps."""
    now = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(waiting.time, "sleep", lambda pause: now.__setitem__(0, now[0] + pause))
    return now


def started(api: FakeApi) -> tuple[Operation, ...]:
    return api.start_endpoint(SHOP, "ep-cold-sea-00000001").operations


def looking(api: FakeApi) -> Callable[[Operation], Operation]:
    return lambda each: api.operation(SHOP, each.id)


def test_what_ended_is_not_waited_for(seconds: list[float]) -> None:
    wait_for((), lambda each: each)

    assert seconds == [0.0]


def test_returns_when_all_ended(api: FakeApi, seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    api.lasting = 8

    wait_for(started(api), looking(api))

    assert 0.5 < seconds[0] < 5
    assert capsys.readouterr().err == "start_endpoint … 1 s\n"


def test_is_still_when_asked_to_be(api: FakeApi, seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    api.lasting = 8

    wait_for(started(api), looking(api), quiet=True)

    assert capsys.readouterr() == ("", "")


def test_a_failure_is_told_in_the_servers_words(api: FakeApi, seconds: list[float]) -> None:
    api.ending = "failed"

    with pytest.raises(UserError, match="start_endpoint failed: the disk is full"):
        wait_for(started(api), looking(api))


def test_every_wait_has_an_end(api: FakeApi, seconds: list[float]) -> None:
    api.lasting = 10**9

    with pytest.raises(UserError, match="start_endpoint: not done after 600 s"):
        wait_for(started(api), looking(api), quiet=True)


@pytest.mark.parametrize(
    ("status", "is_under_way", "has_failed"),
    [
        ("scheduling", True, False),
        ("running", True, False),
        ("error", True, False),
        ("cancelling", True, False),
        ("of tomorrow", True, False),
        ("finished", False, False),
        ("skipped", False, False),
        ("failed", False, True),
        ("cancelled", False, True),
    ],
)
def test_what_a_status_means(status: str, is_under_way: bool, has_failed: bool, api: FakeApi) -> None:
    api.ending = status
    (operation,) = started(api)
    now = [api.operation(SHOP, operation.id)]

    assert (bool(under_way(now)), bool(failed(now))) == (is_under_way, has_failed)


def test_a_busy_project_is_asked_again(
    api: FakeApi, seconds: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    api.busy = 3

    def call() -> EndpointChanged:
        return api.start_endpoint(SHOP, "ep-cold-sea-00000001")

    assert patiently(call).endpoint.id == "ep-cold-sea-00000001"
    assert api.calls == ["start_endpoint"] * 4
    assert capsys.readouterr().err == "the project is busy with other work; trying again …\n"


def test_but_not_for_ever(api: FakeApi, seconds: list[float]) -> None:
    api.busy = 10**9

    with pytest.raises(Busy):
        patiently(lambda: api.start_endpoint(SHOP, "ep-cold-sea-00000001"), quiet=True)

    assert seconds[0] <= 60
