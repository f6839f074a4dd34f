"""Nobody is shown anything older than what they were told was saved, whatever happens to two replicas."""

import pytest
from fix_platform import Platform
from hunt.run import hunt


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nobody_is_shown_anything_stale(platform: Platform) -> None:
    outcome = hunt(platform, "dormouse", 30, seed=7)

    print(outcome.table())
    assert outcome.failures == [], outcome.tracebacks
    assert outcome.wrong == []
    assert outcome.stale_tasks == []
    assert outcome.share >= 0.9, outcome.table()
