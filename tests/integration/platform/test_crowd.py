"""Many clients that come at once to a compute that sleeps: one start, and all are served."""

from fix_platform import Platform

from fix_crowd import served


def test_two_hundred_cause_one_start_and_are_all_served(platform: Platform) -> None:
    served(platform, 200)
