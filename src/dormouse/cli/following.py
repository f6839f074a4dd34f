"""Log files: their last lines, and what is written to them from now on."""

import contextlib
import os
import time
from pathlib import Path
from typing import Final

from dormouse.cli.output import answer
from dormouse.errors import UserError
from dormouse.storage.layout import Layout

__all__ = ["follow"]

_LOOK_AGAIN_S: Final = 0.2
_TAIL_BYTES: Final = 1 << 20


def follow(layout: Layout, compute: str | None, *, lines: int, forever: bool) -> None:
    """Print the last lines of the platform's log or of a compute's, and with `forever` all that follow.

    Ends at Ctrl-C. Raises UserError if there is no such log.
    """
    path = layout.log if compute is None else _log_of(layout, compute)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL_BYTES))
            last = file.read().decode("utf-8", "replace").splitlines()
            for line in last[-lines:] if lines else ():
                answer(line)
            with contextlib.suppress(KeyboardInterrupt):
                while forever:
                    if text := file.read():
                        print(text.decode("utf-8", "replace"), end="", flush=True)
                    else:
                        if os.fstat(file.fileno()).st_size < file.tell():  # it was shortened
                            file.seek(0)
                        time.sleep(_LOOK_AGAIN_S)
    except OSError as error:
        raise UserError(f"there is no log at {path}: {error.strerror or error}") from error


def _log_of(layout: Layout, compute: str) -> Path:
    """A replica's log lies in a folder of its name; a primary's names itself nowhere but in its settings."""
    for data in layout.projects.glob("*/branches/*/*/replicas/*/data"):
        if data.parent.name == compute:
            return data.parent / "postgres.log"
    wanted = f"cluster_name = '{compute}'"
    for conf in layout.projects.glob("*/branches/*/*/data/dormouse.conf"):
        if wanted in conf.read_text("utf-8", "replace"):
            return conf.parent.parent / "postgres.log"
    raise UserError(f"there is no compute {compute!r}, or it never ran", "see `dormouse status`")
