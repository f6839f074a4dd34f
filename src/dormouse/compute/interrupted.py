"""A first start that was cut off.

A directory that was copied from a running server is whole only when its own server has replayed up to the end of
that backup, of which its `backup_label` tells. As replay begins, Postgres puts the label aside and notes in the
control file that the end of a backup is to come. If it is killed then, the next start finds no label, takes what
it sees for an ordinary crash, does not look for the end of a backup, and refuses for ever: "WAL ends before end of
online backup" (StartupXLOG, xlog.c). With the label back in its place it begins again from the start, as it may.
"""

import contextlib
from pathlib import Path
from typing import Final

from dormouse.compute.binaries import Postgres
from dormouse.compute.control_file import read_control_data

__all__ = ["forget_label", "put_label_back"]

_LABEL: Final = "backup_label"
_ASIDE: Final = "backup_label.old"


def put_label_back(postgres: Postgres, data: Path) -> None:
    """Before a start: if an earlier one was cut off before the end of the backup, let it begin anew. Blocks.

    Raises ComputeError when the directory cannot be read.
    """
    aside, label = data / _ASIDE, data / _LABEL
    if not aside.exists() or label.exists() or (data / "standby.signal").exists():
        return
    if read_control_data(postgres, data).awaits_backup_end:
        aside.rename(label)


def forget_label(data: Path) -> None:
    """After a start: the label has done its work. Blocks."""
    # One that stays costs the next start a look at the control file.
    with contextlib.suppress(OSError):
        (data / _ASIDE).unlink()
