"""Replicas that are left out."""

import pytest

from django_dormouse.replicas.health import Health, backoff_s
from django_dormouse.replicas.lag import Lag


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.25), (2, 0.5), (3, 1), (7, 16), (8, 30), (9999, 30)])
def test_backoff(failures, seconds):
    assert backoff_s(failures) == seconds


def test_a_replica_that_never_failed_is_used_and_nobody_tries_it():
    assert Health().is_in_use("replica")
    assert not Health().take_try("replica", now=0)


def test_one_that_failed_is_left_out_and_after_a_while_tried_by_one_caller():
    health = Health()
    health.failed("replica", now=10, why="gone")

    assert not health.is_in_use("replica")
    assert not health.take_try("replica", now=10.2)
    assert health.take_try("replica", now=10.25)
    assert not health.take_try("replica", now=10.25), "one at a time"
    assert not health.is_in_use("replica"), "and all others go on without it"
    assert health.is_in_use("other")


def test_a_caller_that_never_came_back_is_followed_by_another():
    health = Health()
    health.failed("replica", now=10, why="gone")
    assert health.take_try("replica", now=11)

    assert not health.take_try("replica", now=11.4)
    assert health.take_try("replica", now=11.5)


def test_failures_in_a_row_are_waited_for_longer():
    health = Health()
    for now in (10, 11, 12):
        record = health.failed("replica", now=now, why="gone")

    assert (record.failures, record.left_out_until, record.why) == (3, 13, "gone")


def test_one_success_ends_it():
    health = Health()
    assert not health.succeeded("replica", asked_at=5)
    health.failed("replica", now=10, why="gone")

    assert not health.succeeded("replica", asked_at=9), "the answer is older than the failure"
    assert not health.is_in_use("replica")
    assert health.succeeded("replica", asked_at=11)
    assert health.is_in_use("replica")
    assert health.failed("replica", now=20, why="gone").failures == 1


def test_who_has_answered_is_awake_until_it_fails_or_ends_a_connection():
    health = Health()
    assert health.awake_s_ago("replica", now=10) is None
    health.answered("replica", now=10)
    assert health.awake_s_ago("replica", now=12) == 2

    health.fell_asleep("replica")
    assert health.awake_s_ago("replica", now=12) is None
    health.answered("replica", now=12)
    health.failed("replica", now=13, why="gone")
    assert health.awake_s_ago("replica", now=13) is None


def test_the_last_known_lag():
    health = Health()
    health.lags("replica", Lag(size_bytes=5, age_s=1))
    assert health.lag_of("replica") == Lag(size_bytes=5, age_s=1)

    health.lags("replica", None)
    assert health.lag_of("replica") is None
