"""The staleness hunt at length; and what it finds of other routers, for the table in the docs.

`make soak ARGS="--soak 600 -k staleness"` hunts for ten minutes.
"""

import pytest
from fix_platform import Platform
from hunt.run import hunt

ENOUGH_S = 30


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("router", ["dormouse", "guide", "multidb"])
def test_what_users_are_shown(platform: Platform, pytestconfig: pytest.Config, router: str) -> None:
    duration_s = float(pytestconfig.getoption("--soak"))
    if duration_s < ENOUGH_S:
        pytest.skip("in `make soak`; tests/acceptance hunts in `make acceptance`")

    outcome = hunt(platform, router, duration_s, int(pytestconfig.getoption("--seed")))

    print(f"\n{outcome.table()}")
    if router == "dormouse":
        assert outcome.failures == [], outcome.tracebacks
        assert outcome.wrong == []
        assert outcome.stale_tasks == []
        assert outcome.share >= 0.9
    else:
        # Who cannot find anything stale in a router that is known to be wrong, cannot find it in ours.
        assert outcome.stale > 0
