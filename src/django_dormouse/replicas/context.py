"""What is known of the request, task or block that runs now: the state behind the routing rules.

One mutable record per unit of work, in a ContextVar. It is shared by the threads and tasks that the
unit itself starts through asgiref (they get a copy of the context, with the same record in it), and seen by no
other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

from asgiref.sync import SyncToAsync

from django_dormouse.replicas.position import Position

__all__ = ["Scope", "begin", "current", "end", "note_write", "primary", "wrote"]

_turns = count()


@dataclass(slots=True, kw_only=True)
class Scope:
    """One request, or what runs outside of requests in one thread or task."""

    undecided: bool = False
    """A request that the middleware has not seen yet, or may be one: nothing is known of its user."""
    unsafe: bool = False
    """A request whose method may write (RFC 9110, 9.2.1)."""
    has_written: bool = False
    pins: int = 0
    """How many `primary()` blocks are open."""
    needs: Position | None = None
    """What a replica must have replayed before it may answer; None if anything will do."""
    needs_outlived: bool = False
    """`needs` belongs to an incarnation that is gone, or cannot be read: the user should be given a new one."""
    caught_up: dict[str, bool] = field(default_factory=dict)
    """Replica → whether it had replayed `needs` when it was asked, once for the whole unit."""
    turn: int | None = None
    """Which replica is asked first; None until one is needed."""

    def take_turn(self) -> int:
        """Units take turns, and one unit stays with one replica: two reads of a page see the same moment."""
        if self.turn is None:
            self.turn = next(_turns)
        return self.turn


_scope: ContextVar[Scope | None] = ContextVar("django_dormouse_scope", default=None)


def current() -> Scope:
    """The scope that runs now; outside of requests it is made at the first look.

    What asynchronous code asks for before the middleware has seen it may serve a request too, one that nobody
    announced: under ASGI Django sends `request_started` in a task of its own, and a consumer of websockets passes
    no middleware at all.
    """
    scope = _scope.get()
    if scope is None:
        scope = Scope(undecided=_is_asked_by_async_code())
        _scope.set(scope)
    return scope


def begin(scope: Scope) -> None:
    """Make `scope` the current one."""
    _scope.set(scope)


def end() -> None:
    """Forget the current scope."""
    _scope.set(None)


def note_write() -> None:
    """Called by the backend before each statement on a primary that may write."""
    current().has_written = True


def wrote() -> None:
    """Say that this request, task or block has written, where the backend cannot see it.

    A SELECT of a function that writes is such a case, and a write by a connection that is not Django's.
    """
    note_write()


def _is_asked_by_async_code() -> bool:
    # asgiref notes the event loop that waits for this thread; threads of other makes have none.
    return getattr(SyncToAsync.threadlocal, "main_event_loop", None) is not None


@contextmanager
def primary() -> Iterator[None]:
    """Read from the primary inside: `with primary(): …`, or as a decorator of a function.

    May be nested. For coroutine functions use it as a block.
    """
    scope = current()
    scope.pins += 1
    try:
        yield
    finally:
        scope.pins -= 1
