"""What is known of the request, task or block that runs now: the state behind the routing rules.

Two things, each in a ContextVar:

- a *unit*: one request, one task, one message of a consumer. Its record changes while it runs, and is shared by
the
  threads and tasks that the unit itself starts through asgiref or asyncio (they get a copy of the context, with
  the same record in it). Nobody else sees it.
- a *block*: what `with using_primary()` and its like ask for. It never changes; it is replaced, and put back. So a
  block that one coroutine opens is not seen by its neighbours of the same unit.
"""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django_dormouse.replicas.position import Position, Token, furthest

__all__ = ["NO_BLOCK", "Block", "Unit", "begin", "block", "current", "end", "enter", "in_event_loop", "wrote"]

_turns = count()


@dataclass(slots=True, kw_only=True, eq=False)
class Unit:
    """One request or task; or what runs, without being either, in one thread or task of asyncio."""

    is_announced: bool = True
    """Whether somebody said that it begins: the middleware, a task's signal, `at_least()`. Of anything else
    nothing is known, such as what its user has seen; scripts, shells and management commands are among it."""
    is_unsafe: bool = False
    """A request whose method may write (RFC 9110, 9.2.1)."""
    has_written: bool = False
    uncovered: set[int] = field(default_factory=set)
    """The connections, by identity, whose writes `position` does not cover; 0 for writes of others."""
    has_seen_primary: bool = False
    """Whether it has read from the primary what others read from replicas, and `position` does not cover that."""
    has_seen_newer: bool = False
    """Whether it has read from the primary what a replica did not have yet."""
    wants_fresh: bool = False
    """Whether the next read must see what anybody has committed by now: the primary is asked where it stands."""
    position: Position | None = None
    """Where the primary stood after this unit's last commit."""
    came_with: Token = field(default_factory=Token)
    """What is remembered of its user."""
    is_outlived: bool = False
    """What is remembered belongs to an incarnation that is gone, or cannot be read: the user is owed a new one."""
    replica: str | None = None
    """Which replica this unit reads from; None until one is needed."""
    answered: set[str] = field(default_factory=set)
    """The replicas that it was sent to, since `position`."""
    served_by: set[str] = field(default_factory=set)
    """The replicas whose answers it has."""
    refused: set[str] = field(default_factory=set)
    """The replicas that cannot answer it: not reached, or not far enough. None is asked twice."""
    lost_s: float = 0.0
    """How long it has waited in vain for replicas."""
    turn: int | None = None
    seat: Any = None
    """Where its last read from a replica went (`router._Seat`), for the next one."""
    statements: list[Any] | None = None
    """What was sent, where somebody wants to see it (`seeing.Statement`)."""

    @property
    def needs(self) -> Position | None:
        """What a replica must have replayed before it may answer."""
        return self.position if self.position is not None else self.came_with.needs

    @property
    def reads_only_from(self) -> str | None:
        """The replica whose state has been seen since `needs`, by this unit or by its user before it."""
        if self.answered:
            return self.replica
        return None if self.position is not None else self.came_with.replica

    def take_turn(self) -> int:
        """Units take turns, and one unit stays with one replica: two reads of a page see the same moment."""
        if self.turn is None:
            self.turn = next(_turns)
        return self.turn

    def note_write(self, connection: int = 0) -> None:
        """It is about to write, by the connection of that identity."""
        self.has_written = True
        self.uncovered.add(connection)

    def cover(self, position: Position, connection: int | None = None) -> None:
        """The primary stood at `position` after what `connection` wrote and this unit read; None: after
        everything."""
        if connection is None:
            self.uncovered.clear()
        else:
            self.uncovered.discard(connection)
        self.has_seen_primary = False
        before = self.position
        # The primary itself said it, so another incarnation than before is the one that is there now.
        is_ahead = before is not None and furthest(before, position) == before and before.lsn is not None
        if not is_ahead:
            self.position = position
            self.refused.clear()
            self.answered.clear()

    def require(self, token: Token) -> None:
        """From now on replicas must have replayed what `token` says, too."""
        needs = furthest(self.needs, token.needs)
        replica = self.reads_only_from
        if token.replica and replica and token.replica != replica:
            # Two replicas have been seen, and which is further nobody knows.
            needs = Position(incarnation="", lsn=None)
        changed = Token(needs=needs, replica=replica or token.replica)
        if changed != Token(needs=self.needs, replica=replica):
            self.came_with, self.position = changed, None
            self.refused.clear()
            self.answered.clear()


_unit: ContextVar[Unit | None] = ContextVar("django_dormouse_unit", default=None)


def current() -> Unit:
    """The unit that runs now. One that nobody announced is made at the first look."""
    unit = _unit.get()
    if unit is None:
        unit = Unit(is_announced=False)
        _unit.set(unit)
    return unit


def begin(unit: Unit) -> None:
    """Make `unit` the current one."""
    _unit.set(unit)


def end() -> None:
    """Forget the current unit, and blocks that were left open."""
    _unit.set(None)
    _block.set(NO_BLOCK)


def wrote() -> None:
    """Say that this request, task or block has written, where the backend cannot see it.

    A SELECT of a function that writes is such a case, and a write by a connection that is not Django's.
    """
    current().note_write()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What the innermost block asks for."""

    from_primary: bool = False
    from_replica: bool = False
    """Also: nothing may be written."""


NO_BLOCK = Block()

_block: ContextVar[Block] = ContextVar("django_dormouse_block", default=NO_BLOCK)


def block() -> Block:
    """The innermost block that is open."""
    return _block.get()


def enter(block: Block) -> Block:
    """Make `block` the innermost; the one before it, to be entered again afterwards."""
    before = _block.get()
    _block.set(block)
    return before


def in_event_loop() -> bool:
    """Whether this thread runs an event loop right now, and so may ask no database."""
    # Not `get_running_loop`, which would raise for every read of a synchronous site.
    return asyncio._get_running_loop() is not None
