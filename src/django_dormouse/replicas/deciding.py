"""Where a read goes, as one function over one small record.

The record is filled by the router, from the ORM's hints, the connections and the context. Writes are no
question: they go to the primary.
"""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Read", "Reason", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What is known of a read that is about to happen. All False: a read that a replica may answer."""

    in_event_loop: bool = False
    """Asked for from inside a running event loop, where no connection can be looked at or opened."""
    is_primary_only: bool = False
    """The app or the model is declared so: sessions, users, rights."""
    is_pinned: bool = False
    """Inside a `primary()` block."""
    in_transaction: bool = False
    """A transaction is open on the primary in this thread."""
    has_written: bool = False
    """This request, task or block has written."""
    is_unsafe_request: bool = False
    """The request's method may write: forms validate against what they will write to, and give no hint of it."""
    is_undecided_request: bool = False
    """The middleware has not seen this request yet, so nothing is known of its user."""
    is_of_primary_instance: bool = False
    """It follows from an object that was loaded from the primary, or written to it."""


class Reason(Enum):
    """Why a read went where it went."""

    REPLICA = "a replica may answer"
    EVENT_LOOP = "asked for inside an event loop"
    PRIMARY_ONLY = "this model is read from the primary only"
    PINNED = "inside a primary() block"
    TRANSACTION = "a transaction is open on the primary"
    WROTE = "this request or task has written"
    UNSAFE = "the request's method may write"
    UNDECIDED = "the middleware has not seen the request yet"
    INSTANCE = "the object came from the primary"


def decide(read: Read) -> Reason:
    """The first rule that keeps the read on the primary, or REPLICA if none does."""
    rules = (
        (read.in_event_loop, Reason.EVENT_LOOP),
        (read.is_primary_only, Reason.PRIMARY_ONLY),
        (read.is_pinned, Reason.PINNED),
        (read.in_transaction, Reason.TRANSACTION),
        (read.has_written, Reason.WROTE),
        (read.is_unsafe_request, Reason.UNSAFE),
        (read.is_undecided_request, Reason.UNDECIDED),
        (read.is_of_primary_instance, Reason.INSTANCE),
    )
    return next((reason for holds, reason in rules if holds), Reason.REPLICA)
