"""Whether this process was forked since, and what it must then leave alone.

A forked child has its parent's sockets and none of its threads: a connection that both use mixes their answers up,
and a pool whose workers are missing never grows. Closing is no way out either, because the goodbye would go to the
parent's session.
"""

import os
from typing import Any

__all__ = ["generation", "set_aside"]

_generation = 0
_set_aside: list[Any] = []


def generation() -> int:
    """A number that is another one in a forked child than in its parent."""
    return _generation


def set_aside(inherited: Any) -> None:
    """Keep for ever what belongs to the parent, so that nobody here closes it, the garbage collector included."""
    _set_aside.append(inherited)


def _after_fork() -> None:
    global _generation
    _generation += 1


os.register_at_fork(after_in_child=_after_fork)
