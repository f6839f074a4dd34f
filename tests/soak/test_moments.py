"""Two hundred random moments of a branch that fell asleep, crashed, and was written to in several sessions."""

from random import Random

import pytest
from fix_past import Diary, crash, moments_hold, switch_segment
from fix_platform import Platform


@pytest.mark.timeout(1800)
def test_two_hundred_moments(own_platform: Platform, request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--seed")
    if float(request.config.getoption("--soak")) < 60:
        pytest.skip("two hundred moments take minutes: make soak")
    chance = Random(f"moments {seed}")
    diary = Diary(own_platform.create(), sessions=5)
    for _ in range(12):
        diary.write(chance.randrange(1, 60), filler_bytes=chance.choice([10, 8000, 60_000]))
        match chance.randrange(3):
            case 0:
                crash(own_platform, diary.made)
            case 1:
                switch_segment(own_platform, diary.made)
            case _:
                own_platform.put_to_sleep(diary.made)
    diary.write(3)

    moments_hold(own_platform, diary, 200, chance)
