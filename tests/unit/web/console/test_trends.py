import pytest

from dormouse.control.model import ReplicaLag, Vitals
from dormouse.names import EndpointId
from dormouse.web.console.trends import SAMPLES, Sample, Trends, chart, rates

A, B = EndpointId("ep-a"), EndpointId("ep-b")
AWAKE = Vitals(wake_ms=48, connections=3, transactions=100)


def test_samples_are_kept_in_order() -> None:
    trends = Trends()
    trends.add(A, AWAKE, None, 0)

    assert trends.add(A, AWAKE, ReplicaLag(lag_bytes=8192, lag_ms=12), 2) == (
        Sample(at=0, connections=3, transactions=100),
        Sample(at=2, connections=3, transactions=100, lag_bytes=8192, lag_ms=12),
    )
    assert len(trends.add(B, AWAKE, None, 2)) == 1


def test_two_who_look_at_once_measure_into_one_trend() -> None:
    trends = Trends()
    trends.add(A, AWAKE, None, 0)

    assert len(trends.add(A, AWAKE, None, 0.1)) == 1


def test_what_was_long_ago_is_forgotten() -> None:
    trends = Trends()
    trends.add(A, AWAKE, None, 0)

    assert len(trends.add(A, AWAKE, None, 60)) == 1


def test_a_trend_has_an_end_and_so_have_all_of_them() -> None:
    trends = Trends()
    for at in range(2 * SAMPLES):
        found = trends.add(A, AWAKE, None, at * 2)
    for number in range(600):
        trends.add(EndpointId(f"ep-{number}"), AWAKE, None, 0)

    assert len(found) == SAMPLES
    assert len(trends._samples) == 500


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([5], [None]),
        ([5, 25, 25], [None, 10, 0]),
        ([5, None, 25, 45], [None, None, None, 10]),
        ([500, 20], [None, 0]),
    ],
)
def test_rates(counts: list[int | None], expected: list[float | None]) -> None:
    assert rates([Sample(at=2.0 * at, transactions=count) for at, count in enumerate(counts)]) == expected


def test_the_newest_value_is_at_the_right_edge_and_the_largest_at_the_top() -> None:
    drawn = chart([0, 10, 5], width=59, height=48)

    assert drawn.lines == ("57.0,46.0 58.0,2.0 59.0,24.0",)


def test_a_line_is_broken_where_nothing_was_found() -> None:
    assert [line.count(",") for line in chart([1, 2, None, None, 3]).lines] == [2, 1]


@pytest.mark.parametrize("values", [[], [None], [0], [0, 0]])
def test_nothing_is_a_flat_line_or_none(values: list[float | None]) -> None:
    drawn = chart(values)

    assert all(point.endswith(",46.0") for line in drawn.lines for point in line.split())
