"""A million openings, cut and with bits turned: a refusal or a wait, never an exception, never growth."""

import resource
import time

import pytest

from fix_openings import play_many

PART = 50_000
GROWTH_KB = 8 << 10


@pytest.mark.timeout(3600)
def test_a_million_spoilt_openings(request: pytest.FixtureRequest) -> None:
    seconds, seed = float(request.config.getoption("--soak")), request.config.getoption("--seed")
    if seconds < 60:
        pytest.skip("a million openings: make soak; four thousand in tests/unit/proxy")
    play_many(PART, "warm")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    closed = sum(
        ends.total() for part in range(1_000_000 // PART) for ends, _ in [play_many(PART, f"{seed} {part}")]
    )
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{closed} openings in {time.monotonic() - began:.0f} s; {grown} kB more")
    assert grown < GROWTH_KB
