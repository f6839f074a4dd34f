"""Whether a file is still what an earlier clone of it holds, told without reading either.

Size and time of the last change say it, but for one trap, which git and rsync know as well. A file system's
clock moves in ticks (4 ms on ext4, a second on old ones), so a file may change twice within one: we clone it
in between, it changes again, and nothing tells. Therefore a clone carries its source's time only where that
had settled, two seconds before the clone was begun. Any other file gets that very moment instead, which its
source does not have and cannot get any more. So there is no list of suspects to keep: equal is equal.
"""

from typing import Final

__all__ = ["carried_mtime_ns", "is_unchanged"]

_SETTLED_NS: Final = 2_000_000_000
"""The coarsest clock that a file system with hard links has counts seconds; and twice that."""


def carried_mtime_ns(mtime_ns: int, *, begun_ns: int) -> int:
    """What a cloned file has for its last change; `begun_ns` is when its clone was begun."""
    return min(mtime_ns, begun_ns - _SETTLED_NS)


def is_unchanged(*, size: int, mtime_ns: int, old_size: int, old_mtime_ns: int, old_ctime_ns: int) -> bool:
    """Whether a file is what an earlier clone holds (`old_…`).

    A file that was not cloned but put there afterwards has no carried time, and is never taken for the same:
    its time is then that of its own making, which is what `old_ctime_ns` tells.
    """
    carried = old_mtime_ns <= old_ctime_ns - _SETTLED_NS
    return carried and (size, mtime_ns) == (old_size, old_mtime_ns)
