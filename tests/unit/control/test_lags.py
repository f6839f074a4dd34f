import pytest

from dormouse.control.lags import lag_of
from dormouse.control.model import ReplicaLag

SEGMENT = 1 << 20


@pytest.mark.parametrize(
    ("replayed", "written", "since_ms", "lag"),
    [
        (SEGMENT + 5000, SEGMENT + 5000, 3_600_000.0, (0, 0)),  # idle for an hour, and behind in nothing
        (SEGMENT + 5001, SEGMENT + 5000, None, (0, 0)),  # it went on while the primary was asked
        (2 * SEGMENT, 2 * SEGMENT + 40, 10.0, (0, 0)),  # a header, which no standby can replay
        (SEGMENT + 5000, SEGMENT + 13192, 41.7, (8192, 42)),
        (SEGMENT + 5000, SEGMENT + 5001, None, (1, 0)),  # it has not yet replayed any commit
        (SEGMENT + 5000, SEGMENT + 5001, -3.0, (1, 0)),  # the clock was set back
    ],
)
def test_a_lag_is_what_is_written_and_not_replayed(
    replayed: int, written: int, since_ms: float | None, lag: tuple[int, int]
) -> None:
    assert lag_of(replayed, written, since_ms) == ReplicaLag(lag_bytes=lag[0], lag_ms=lag[1])
