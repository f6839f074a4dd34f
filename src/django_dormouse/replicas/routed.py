"""An alias that knows why it was chosen.

Django passes on what a router answers, to the query's compiler at last. So the compiler can tell a read that the
router sent somewhere, which may be sent elsewhere if it fails there, from one that names its database itself.
"""

from typing import Any

from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.metrics import Tally, tally

__all__ = ["Routed"]


class Routed(str):
    """The name of an alias, equal to it in every way."""

    __slots__ = ("reason", "tally")

    reason: Reason
    tally: Tally
    """Where the reads that it leads are counted."""

    def __new__(cls, alias: str, reason: Reason) -> "Routed":
        """`alias`, chosen for `reason`."""
        made = super().__new__(cls, alias)
        made.reason = reason
        made.tally = tally(alias, reason)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        # Objects remember the alias that they came from, and are pickled into caches: there it is a name.
        return str, (str(self),)
