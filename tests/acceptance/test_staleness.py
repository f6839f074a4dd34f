"""Nobody is shown anything older than what they were told was saved, whatever happens to two replicas."""

import pytest
from fix_platform import Platform
from hunt.run import hunt


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_nobody_is_shown_anything_stale(platform: Platform) -> None:
    reads = on_replicas = 0
    # In half a minute a few pauses that meet make a tenth: where they do, a whole minute more decides.
    for seconds, seed in ((30, 7), (60, 8)):
        outcome = hunt(platform, "dormouse", seconds, seed)

        print(outcome.table())
        assert outcome.failures == [], outcome.tracebacks
        assert outcome.wrong == []
        assert outcome.stale_tasks == []
        reads += outcome.reads
        on_replicas += outcome.on_replicas
        if on_replicas >= 0.9 * reads:
            return
    raise AssertionError(f"{on_replicas} of {reads} reads by those who did not write were served by replicas")
