"""The measurements are run seldom: that they can be loaded at all is seen here."""

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench"


def test_every_measurement_can_be_loaded() -> None:
    names = sorted(path.stem for path in BENCH.glob("*.py"))
    assert "lifecycle" in names

    done = subprocess.run(
        [sys.executable, "-c", "\n".join(f"import {name}" for name in names)],
        cwd=BENCH, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
