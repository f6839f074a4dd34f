"""A thousand clients that come at once to a compute that sleeps: one start, and all are served."""

import pytest
from fix_platform import Platform

from fix_crowd import served


@pytest.mark.timeout(300)
def test_a_thousand_cause_one_start_and_are_all_served(platform: Platform, pytestconfig: pytest.Config) -> None:
    if float(pytestconfig.getoption("--soak")) < 60:
        pytest.skip("a thousand clients come in `make soak`; two hundred in tests/integration/platform")
    print(f"1,000 clients: {served(platform, 1000):.1f} s")
