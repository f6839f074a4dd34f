"""In which order replicas are asked."""

from collections import Counter

import pytest

from django_dormouse.replicas.choosing import Candidate, in_order


def firsts(weights, turns, *, least_lag=False, lags=None):
    candidates = [
        Candidate(alias=f"r{number}", weight=weight, lag_bytes=(lags or {}).get(f"r{number}", 0))
        for number, weight in enumerate(weights)
    ]
    return [in_order(candidates, turn, least_lag=least_lag)[0] for turn in range(turns)]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1], ["r0", "r0"]),
        ([1, 1], ["r0", "r1", "r0", "r1"]),
        ([3, 1], ["r0", "r0", "r1", "r0", "r0"]),
        ([1, 0], ["r0", "r0"]),
        ([0, 0], ["r0", "r1", "r0"]),
    ],
)
def test_turns(weights, expected):
    assert firsts(weights, len(expected)) == expected


def test_each_gets_its_share_of_a_round():
    assert Counter(firsts([5, 2, 1], 80)) == {"r0": 50, "r1": 20, "r2": 10}


def test_all_are_in_the_order_once_and_those_of_no_weight_last():
    candidates = [Candidate(alias="a", weight=0), Candidate(alias="b"), Candidate(alias="c", weight=3)]

    for turn in range(8):
        order = in_order(candidates, turn, least_lag=False)
        assert sorted(order) == ["a", "b", "c"]
        assert order[-1] == "a"


def test_least_lag_comes_first_and_those_alike_take_turns():
    lags = {"r0": 500, "r1": 100, "r2": 100}

    assert firsts([1, 1, 1], 3, least_lag=True, lags=lags) == ["r1", "r1", "r2"]
    assert firsts([1, 1, 1], 3, lags=lags) == ["r0", "r1", "r2"]
