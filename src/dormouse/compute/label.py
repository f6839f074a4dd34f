"""`backup_label`: the file that tells a server from where to replay (manual, 26.3.3). Pure.

A directory that was copied after an orderly stop would start without replaying anything. To roll it forward it
gets a label too, of the kind that `pg_rewind` writes (createBackupLabel, pg_rewind.c): replay begins at a
checkpoint, and no end of a backup is waited for. Without `recovery.signal` the server then replays the WAL that
it finds in its own `pg_wal`, to the end, and stays on its timeline.
"""

import re
from datetime import UTC, datetime
from typing import Final

from dormouse.compute.wal import format_lsn, parse_lsn, segment_name, segment_number
from dormouse.errors import StorageError

__all__ = ["label_of_stopped", "replays_from"]

_START: Final = re.compile(r"^START WAL LOCATION: ([0-9A-F]+/[0-9A-F]+) \(file [0-9A-F]{24}\)$", re.MULTILINE)


def label_of_stopped(*, checkpoint: int, redo: int, segment_bytes: int, at: datetime) -> str:
    """The label for a copy of a directory whose server stopped in order, with its latest checkpoint."""
    file = segment_name(segment_number(redo, segment_bytes), segment_bytes)
    return (
        f"START WAL LOCATION: {format_lsn(redo)} (file {file})\n"
        f"CHECKPOINT LOCATION: {format_lsn(checkpoint)}\n"
        "BACKUP METHOD: pg_rewind\n"
        "BACKUP FROM: primary\n"
        f"START TIME: {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC\n"
    )


def replays_from(label: str) -> int:
    """The position at which a server with this label begins to replay. Raises StorageError."""
    found = _START.search(label)
    if found is None:
        raise StorageError("a backup_label does not say where its WAL begins")
    return parse_lsn(found[1])
