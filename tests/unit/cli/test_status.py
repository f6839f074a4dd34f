from pathlib import Path

from dormouse.cli.status import platform_status
from dormouse.storage.layout import Layout


def test_a_home_in_which_nothing_runs(tmp_path: Path) -> None:
    assert platform_status(Layout(tmp_path)) == {
        "running": False,
        "home": str(tmp_path),
        "computes": [],
        "faults": [],
    }
