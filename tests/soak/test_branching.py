"""Fifty branches of a parent under load: none of its clients sees an error, each branch is whole, and goes."""

import statistics

import pytest
from fix_past import assert_balanced, branched, fill_for_pgbench, is_swept, load, needs_pgbench, switch_segment
from fix_platform import Platform, wait_until


@needs_pgbench
@pytest.mark.timeout(900)
def test_fifty_branches(own_platform: Platform, request: pytest.FixtureRequest) -> None:
    if float(request.config.getoption("--soak")) < 60:
        pytest.skip("fifty branches take a minute or two: make soak")
    made = own_platform.create()
    fill_for_pgbench(made)
    with load(made) as alone:
        wait_until(lambda: assert_balanced(made.url) > 5000, "it has run for a while alone", 120)

    counts = [0]
    with load(made) as running:
        for _ in range(50):
            child = branched(own_platform, made)
            counts.append(assert_balanced(child.url))
            switch_segment(own_platform, child)
            own_platform.client.delete_branch(made.project, child.branch, hard=True)

    assert running.errors == []
    assert counts == sorted(set(counts))
    assert_balanced(made.url)
    switch_segment(own_platform, made)
    assert len(list(own_platform.home.glob(f"projects/{made.project}/branches/*"))) == 1
    assert is_swept(own_platform)
    quiet, busy = statistics.median(alone.latencies_ms), statistics.median(running.latencies_ms)
    print(
        f"{counts[-1]} transactions; latency {quiet:.1f} ms alone, {busy:.1f} ms while it was branched from, "
        f"worst second {max(running.latencies_ms):.1f} ms"
    )
