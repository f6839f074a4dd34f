"""What a stopped data directory says of itself: `pg_controldata`, read by its own program.

The file's layout changes with versions; its program comes with the server that wrote it.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dormouse.compute.binaries import Postgres
from dormouse.compute.environment import child_environment
from dormouse.compute.wal import parse_lsn
from dormouse.errors import ComputeError

__all__ = ["ControlData", "parse_control_data", "read_control_data"]

_FIELD: Final = re.compile(r"^([^:]+):\s*(.*)$", re.MULTILINE)
_CLEAN: Final = frozenset({"shut down", "shut down in recovery"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlData:
    """The lines that we read."""

    state: str
    """`shut down` after an orderly stop, `in production` after a crash or while a server runs."""
    checkpoint: int
    """The position of the latest checkpoint record; after an orderly stop the last record there is."""
    redo: int
    """Where replay would begin."""
    awaits_backup_end: bool = False
    """Whether it was copied from a running server, and has not been replayed up to the end of that backup."""

    @property
    def is_clean(self) -> bool:
        """Whether the server stopped in order."""
        return self.state in _CLEAN


def parse_control_data(text: str) -> ControlData:
    """Raises ComputeError when a line is missing."""
    fields = {name.strip(): value.strip() for name, value in _FIELD.findall(text)}
    try:
        return ControlData(
            state=fields["Database cluster state"],
            checkpoint=parse_lsn(fields["Latest checkpoint location"]),
            redo=parse_lsn(fields["Latest checkpoint's REDO location"]),
            awaits_backup_end=fields["End-of-backup record required"] == "yes",
        )
    except (KeyError, ValueError) as error:
        raise ComputeError(f"pg_controldata said something unexpected: {error}") from error


def read_control_data(postgres: Postgres, data: Path) -> ControlData:
    """Blocks for some milliseconds. Raises ComputeError when the directory cannot be read."""
    done = subprocess.run(
        [postgres.program("pg_controldata"), "-D", str(data)],
        env=child_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ComputeError(f"{data} is no readable data directory: {done.stderr.strip()}")
    return parse_control_data(done.stdout)
