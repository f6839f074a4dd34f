"""Log files that others write, kept from growing for ever: the newest part, and one older beside it.

The writers have them open for appending, and are told nothing: so a file is copied and then emptied, not renamed.
A line that is written in the instant between may be lost.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

__all__ = ["LOG_LIMIT_BYTES", "shorten"]

LOG_LIMIT_BYTES: Final = 8 << 20
"""A day of a busy application: some 30,000 connections, a line at each end."""


def shorten(path: Path, limit: int = LOG_LIMIT_BYTES) -> bool:
    """Move what a log holds to `<name>.1`, if it is more than `limit` bytes; whether it was.

    What `.1` held is gone then. A log that is not there, or cannot be moved (a full disk), is left as it is.
    """
    older = path.with_name(f"{path.name}.1")
    with contextlib.suppress(OSError):
        if path.stat().st_size <= limit:
            return False
        shutil.copyfile(path, older)
        shutil.copystat(path, older)
        os.truncate(path, 0)
        return True
    return False
