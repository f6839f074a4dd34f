"""Which statement asks the router, where it is one of `raw()`.

Django asks for the alias of a `raw()` as for that of any read, and gives no hint of the statement. But whether it
may write decides where it must go, and once it has failed on a replica it is too late: so the one frame that knows
is looked at. It is `QuerySet.raw` itself, two calls up, and nothing else.
"""

import sys

from django.db.models import QuerySet

__all__ = ["is_raw", "raw_statement"]

_RAW = QuerySet.raw.__code__

_DEPTH = 6
"""From here up to `QuerySet.raw`: the router's own calls, Django's router, `QuerySet.db`."""


def is_raw(calls: int) -> bool:
    """Whether the frame so many calls up from the caller is that of a `raw()`: for who knows where it would be."""
    return sys._getframe(calls + 1).f_code is _RAW


def raw_statement() -> str | None:
    """The statement of the `raw()` that the caller is routing for; None if it is none."""
    frame = sys._getframe(1)
    for _ in range(_DEPTH):
        if frame.f_code is _RAW:
            return str(frame.f_locals["raw_query"])
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None
