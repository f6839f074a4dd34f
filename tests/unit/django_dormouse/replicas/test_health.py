"""Replicas that are left out."""

import pytest

from django_dormouse.replicas.health import Health, backoff_s


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (9999, 30)])
def test_backoff(failures, seconds):
    assert backoff_s(failures) == seconds


def test_a_replica_that_never_failed_is_used():
    assert Health().may_try("replica", now=0)


def test_one_that_failed_is_left_out_for_a_while_and_then_tried_by_one_caller():
    health = Health()
    health.failed("replica", now=10)

    assert not health.may_try("replica", now=10.9)
    assert health.may_try("replica", now=11)
    assert not health.may_try("replica", now=11), "the others go on without it"
    assert health.may_try("other", now=11)


def test_failures_in_a_row_are_waited_for_longer():
    health = Health()
    for now in (10, 11, 13):
        record = health.failed("replica", now=now)

    assert (record.failures, record.left_out_until) == (3, 17)


def test_one_success_ends_it():
    health = Health()
    assert not health.succeeded("replica")
    health.failed("replica", now=10)

    assert health.succeeded("replica")
    assert health.may_try("replica", now=10)
    assert health.failed("replica", now=20).failures == 1
