"""Where a read goes, as one function over one small record.

The record is filled by the router, from the ORM's hints, the connections and the context. Writes are no
question: they go to the primary.
"""

from enum import Enum
from typing import NamedTuple

__all__ = ["Read", "Reason", "decide"]


class Read(NamedTuple):
    """What is known of a read that is about to happen. All False: a read that a replica may answer.

    In the order in which the facts decide. A tuple, because one is made and searched for every read.
    """

    in_event_loop: bool = False
    """Asked for from inside a running event loop, where no connection can be looked at or opened."""
    is_raw_write: bool = False
    """A `raw()` whose statement may write."""
    in_replica_block: bool = False
    """Inside a `using_replica()` block: the code says that what it reads may be old."""
    is_primary_only: bool = False
    """The app or the model is declared so: sessions, users, rights."""
    in_primary_block: bool = False
    """Inside a `using_primary()` block."""
    in_transaction: bool = False
    """A transaction is open on the primary in this thread."""
    has_written: bool = False
    """This request, task or block has written."""
    has_seen_newer: bool = False
    """This request or task has read from the primary what no replica had."""
    is_unsafe_request: bool = False
    """The request's method may write: forms validate against what they will write to, and give no hint of it."""
    is_unannounced: bool = False
    """Neither a request nor a task that anybody announced, so nothing is known of whom it serves."""
    is_of_primary_instance: bool = False
    """It follows from an object that was loaded from the primary, or written to it, of a model that others read
    from replicas."""
    is_generic_relation: bool = False
    """It follows from a GenericRelation, which Django binds to an alias before it knows whether it will write."""


class Reason(Enum):
    """Why a statement went where it went."""

    # By identity, as they are compared. Enum's own hash is a function in Python, and each read is counted by it.
    __hash__ = object.__hash__

    REPLICA = "a replica may answer"
    REPLICA_BLOCK = "inside a using_replica() block"
    EVENT_LOOP = "asked for inside an event loop"
    RAW_WRITE = "a raw() that may write"
    PRIMARY_ONLY = "this model is read from the primary only"
    PRIMARY_BLOCK = "inside a using_primary() block"
    TRANSACTION = "a transaction is open on the primary"
    WROTE = "this request or task has written"
    SEEN_NEWER = "this request or task has seen newer data"
    UNSAFE = "the request's method may write"
    UNANNOUNCED = "no request and no task was announced"
    INSTANCE = "the object came from the primary"
    GENERIC_RELATION = "a generic relation, which may write"
    # Not rules: what became of a read that a replica may answer.
    NOT_REPLAYED = "no replica has what this user wrote or saw"
    NO_REPLICA = "no replica can be used"
    FAILED = "the replica failed"
    MISSING = "the replica did not have it"
    # No question.
    WRITE = "a write"
    ASKED = "this database was asked by name"


RULES = (
    ("in_event_loop", Reason.EVENT_LOOP),
    ("is_raw_write", Reason.RAW_WRITE),
    ("in_replica_block", Reason.REPLICA_BLOCK),
    ("is_primary_only", Reason.PRIMARY_ONLY),
    ("in_primary_block", Reason.PRIMARY_BLOCK),
    ("in_transaction", Reason.TRANSACTION),
    ("has_written", Reason.WROTE),
    ("has_seen_newer", Reason.SEEN_NEWER),
    ("is_unsafe_request", Reason.UNSAFE),
    ("is_unannounced", Reason.UNANNOUNCED),
    ("is_of_primary_instance", Reason.INSTANCE),
    ("is_generic_relation", Reason.GENERIC_RELATION),
)
"""Each fact, and the reason that it gives. The first that holds decides."""

_REPLICA = Reason.REPLICA
_REASONS = tuple(dict(RULES)[fact] for fact in Read._fields)


def decide(read: Read) -> Reason:
    """The first rule that holds, or REPLICA if none does. REPLICA and REPLICA_BLOCK go to a replica."""
    return _REASONS[read.index(True)] if True in read else _REPLICA
