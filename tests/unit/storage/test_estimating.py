from pathlib import Path

import pytest

from dormouse.storage.copying import CopyDriver
from dormouse.storage.driver import Usage
from dormouse.storage.estimating import Cost, Pace, expected_cost, measure_pace

COPYING = Pace(fixed_s=0.05, file_s=0.0001, byte_s=1e-9, shares=False)
SHARING = Pace(fixed_s=0.05, file_s=0.0001, byte_s=0.0, shares=True)


@pytest.mark.parametrize(
    ("pace", "files", "size", "seconds", "bytes_on_disk"),
    [
        (COPYING, 0, 0, 0.05, 0),
        (COPYING, 1000, 1_000_000_000, 1.15, 1_002_048_000),
        (SHARING, 1000, 1_000_000_000, 0.15, 2_048_000),
    ],
)
def test_what_a_clone_would_cost(pace: Pace, files: int, size: int, seconds: float, bytes_on_disk: int) -> None:
    cost = expected_cost(pace, Usage(files=files, size_bytes=size, own_bytes=size))

    assert cost == Cost(seconds=pytest.approx(seconds), bytes_on_disk=bytes_on_disk)


def test_a_pace_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    pace = measure_pace(CopyDriver(), tmp_path)

    assert not pace.shares
    assert pace.fixed_s > 0
    assert 0 <= pace.file_s < 1
    assert 0 <= pace.byte_s < 1e-5
    assert list(tmp_path.iterdir()) == []


def test_a_pace_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        measure_pace(CopyDriver(), tmp_path / "missing")
