from math import inf

from dormouse.control.wake_times import LIMITS_S, WakeTimes


def test_each_bucket_counts_all_that_took_no_longer() -> None:
    times = WakeTimes()
    for seconds in (0.01, 0.08, 0.0801, 100.0):
        times.add(seconds)
    times.add(None)

    buckets = dict(times.buckets())

    assert (buckets[0.025], buckets[0.08], buckets[0.1], buckets[60.0], buckets[inf]) == (1, 2, 3, 3, 4)
    assert times.failures == 1
    assert round(times.total_s, 4) == 100.1701


def test_before_the_first_start_all_are_empty() -> None:
    assert WakeTimes().buckets() == tuple((limit, 0) for limit in LIMITS_S)
