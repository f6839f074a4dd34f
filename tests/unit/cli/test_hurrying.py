import signal
import time

import pytest

from dormouse.cli.hurrying import within
from dormouse.errors import UserError


def test_what_takes_too_long_ends() -> None:
    began = time.monotonic()

    with pytest.raises(UserError, match=r"it took longer than 0\.05 s"), within(0.05):
        time.sleep(5)

    assert time.monotonic() - began < 2


def test_what_is_quick_is_left_alone_and_nothing_is_left_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)

    with within(0.05):
        pass
    time.sleep(0.1)

    assert signal.getsignal(signal.SIGALRM) is before
