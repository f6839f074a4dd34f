"""What a server takes of the memory, shared pages counted in proportion."""

import contextlib
import re
from pathlib import Path

import psutil


def proportional_kb(postmaster: psutil.Process) -> int:
    """The Pss of a server's processes (Linux, proc(5): smaps_rollup)."""
    total = 0
    for process in [postmaster, *postmaster.children(recursive=True)]:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += int((re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE) or ["", "0"])[1])
    return total
