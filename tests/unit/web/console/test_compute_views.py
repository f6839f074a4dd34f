import pytest

from dormouse.api.local import FaultInForce
from dormouse.control.model import EndpointState, EndpointType, ReplicaLag, Vitals
from dormouse.names import EndpointId
from dormouse.web.console.compute_views import compute_card, live_compute, suspend_choices, suspend_text
from dormouse.web.console.trends import Sample
from fix_values import endpoint

AWAKE = endpoint(current_state=EndpointState.ACTIVE)
REPLICA = endpoint("r", type=EndpointType.READ_ONLY, current_state=EndpointState.ACTIVE)
VITALS = Vitals(wake_ms=48.2, connections=3, transactions=100)
SAMPLES = (Sample(at=0, transactions=60), Sample(at=2, transactions=100))


def test_a_primary_has_two_figures() -> None:
    live = live_compute(AWAKE, VITALS, None, SAMPLES, ())

    assert [(each.name, each.value) for each in live.figures] == [
        ("Connections", "3"),
        ("Queries per second", "20"),
    ]
    assert (live.state.word, live.wake, live.faults) == ("ready", "48 ms", "")


def test_a_replica_says_how_far_it_is_behind() -> None:
    live = live_compute(REPLICA, VITALS, ReplicaLag(lag_bytes=8192, lag_ms=12), SAMPLES, ())

    assert [each.value for each in live.figures[2:]] == ["8.2 kB", "12 ms"]


def test_of_a_sleeping_one_nothing_is_known() -> None:
    live = live_compute(endpoint(type=EndpointType.READ_ONLY), Vitals(), None, (), ())

    assert (live.state.word, live.wake) == ("asleep", "–")
    assert [each.value for each in live.figures] == ["–"] * 4


def test_faults_are_those_of_the_compute() -> None:
    def fault(name: str, **more: float) -> FaultInForce:
        usual = {"delay_ms": 0, "denied_for_s": 0.0, "drops": 0, "drop_after_bytes": 0}
        return FaultInForce(endpoint=EndpointId(name), **(usual | more))  # type: ignore[arg-type]

    live = live_compute(AWAKE, VITALS, None, (), (fault("ep-b", drops=1), fault("ep-a", delay_ms=200, drops=3)))

    assert live.faults == "delayed by 200 ms, cuts the next 3 connections after 0 bytes"


@pytest.mark.parametrize(
    ("least", "most", "size"), [(0.25, 0.25, "0.25 CU"), (0.25, 2.0, "0.25 to 2 CU"), (1.0, 1.0, "1 CU")]
)
def test_size(least: float, most: float, size: str) -> None:
    one = endpoint(autoscaling_limit_min_cu=least, autoscaling_limit_max_cu=most)

    assert compute_card(one, "host:1", live_compute(one, Vitals(), None, (), ())).size == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "after 5 minutes"), (-1, "never"), (3600, "after an hour"), (77, "after 77 s")],
)
def test_suspend_text(seconds: int, text: str) -> None:
    assert suspend_text(seconds) == text


def test_the_time_that_holds_is_among_those_that_are_offered() -> None:
    assert [value for value, _ in suspend_choices(77)][:2] == ["77", "0"]
    assert len(suspend_choices(0)) == len(suspend_choices(77)) - 1
