"""Whether a read may connect to a replica."""

import pytest

from django_dormouse.replicas.waking import Waking, may_open


@pytest.mark.parametrize(
    ("waking", "can_sleep", "seen_awake_s_ago", "may"),
    [
        (Waking.AT_ONCE, True, None, True),
        (Waking.BACKGROUND, False, None, True),
        (Waking.NEVER, False, None, True),
        (Waking.BACKGROUND, True, None, False),
        (Waking.NEVER, True, None, False),
        (Waking.BACKGROUND, True, 1, True),
        (Waking.NEVER, True, 1, True),
        (Waking.BACKGROUND, True, 3600, False),
        (Waking.NEVER, True, 3600, False),
    ],
)
def test_may_open(waking, can_sleep, seen_awake_s_ago, may):
    assert may_open(waking, can_sleep=can_sleep, seen_awake_s_ago=seen_awake_s_ago) is may
