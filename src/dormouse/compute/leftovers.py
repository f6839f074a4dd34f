"""Server processes that a platform which was killed has left.

A process is known by more than its pid, which the system gives out again: by its executable's name and its
working directory, which for every process of a Postgres is its data directory.
"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dormouse.compute.process import STOP_LADDER
from dormouse.storage.layout import Layout

if TYPE_CHECKING:
    import psutil

__all__ = ["find_pid_files", "stop_leftovers"]

_DATA: Final = ("projects/*/branches/*/*/data", "projects/*/branches/*/*/replicas/*/data", "building/*/data")
"""Where data directories lie. Looking into every folder below would take seconds for a thousand branches."""


def find_pid_files(layout: Layout) -> list[Path]:
    """The `postmaster.pid` of every data directory; a server that stopped has none."""
    return [path for pattern in _DATA for path in layout.home.glob(f"{pattern}/postmaster.pid")]


def stop_leftovers(layout: Layout, sockets: Path) -> list[int]:
    """Stop every server process whose data directory lies in the home; return the pids of all.

    They are what a platform that was killed has left: their clients are gone already, since those came
    through it. Blocks until they are gone. A `postmaster.pid` that names nobody of ours is removed, because
    its number may by now belong to another process, and Postgres would then refuse to start.
    """
    pid_files = find_pid_files(layout)
    # A PgBouncer has no such file. But a folder for its socket, which an orderly end of the platform removes.
    if not pid_files and not any(sockets.iterdir()):
        return []
    import psutil  # 40 ms, which a start after an orderly stop need not pay

    home = layout.home.resolve()
    left = [process for process in psutil.process_iter(["name", "cwd"]) if _is_server_below(process, home)]
    stopped = [process.pid for process in left]
    for step in STOP_LADDER:
        among = {process.pid for process in left}
        for process in left:
            # Only a postmaster may be asked; the others follow it, or are orphans and exit by themselves.
            with contextlib.suppress(psutil.Error):
                if step.name == "kill" or process.ppid() not in among:
                    process.send_signal(step.signal)
        _, left = psutil.wait_procs(left, timeout=step.timeout_s)
        if not left:
            break
    for path in pid_files:
        path.unlink(missing_ok=True)
    return stopped


def _is_server_below(process: "psutil.Process", home: Path) -> bool:
    # None is what was not to be seen: it ended meanwhile, or is somebody else's.
    name, working = process.info["name"] or "", process.info["cwd"] or "/"
    return name.startswith(("postgres", "pgbouncer")) and Path(working).is_relative_to(home)
