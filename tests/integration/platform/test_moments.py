"""A branch of a moment has the rows that were committed before it, all of them and no other."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from fix_past import Diary, branched, crash, diary_of, moments_hold, switch_segment
from fix_platform import Platform, rows

from dormouse.api.errors import Refused


@pytest.fixture(scope="module")
def diary(platform: Platform) -> Diary:
    """Rows of several segments, written over several lives of the server; it is awake."""
    diary = Diary(platform.create())
    for _ in range(2):
        diary.write(20)
        platform.put_to_sleep(diary.made)
    diary.write(20)
    crash(platform, diary.made)
    diary.write(2)
    switch_segment(platform, diary.made)
    diary.write(4)
    return diary


def test_random_moments(platform: Platform, diary: Diary) -> None:
    moments_hold(platform, diary, 12, Random(4))


def test_a_moment_that_is_not_yet_is_the_present(platform: Platform, diary: Diary) -> None:
    all_rows = [mark.number for mark in diary.marks]

    of_later = branched(platform, diary.made, time=datetime.now(UTC) + timedelta(hours=1))
    beyond = branched(platform, diary.made, lsn="FF/0")

    assert diary_of(of_later.url) == all_rows
    assert diary_of(beyond.url) == all_rows


def test_a_moment_that_is_too_far_back_is_told_the_earliest(platform: Platform, diary: Diary) -> None:
    (history,) = (
        each
        for each in platform.client.branch_histories(diary.made.project)
        if each.branch_id == diary.made.branch
    )
    earliest = history.earliest_time.isoformat(timespec="milliseconds")
    message = f"too far back: the earliest moment that can be restored is {earliest} \\({history.earliest_lsn}\\)"

    with pytest.raises(Refused, match=message.replace("+", "\\+")) as refused:
        branched(platform, diary.made, time=history.earliest_time - timedelta(seconds=1))
    assert refused.value.status == 422
    with pytest.raises(Refused, match="too far back"):
        branched(platform, diary.made, lsn="0/1000")
    first = branched(platform, diary.made, lsn=history.earliest_lsn)
    assert rows(first.url, "SELECT to_regclass('diary')") == [(None,)]
