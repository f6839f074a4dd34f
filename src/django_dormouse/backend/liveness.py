"""Whether a kept connection still lives, seen from its socket alone: no round trip.

A server that ends a connection sends a last word (an ErrorResponse of severity FATAL) and closes; the
socket becomes readable. A healthy idle connection has nothing to read. What is readable is not always death: a
notice, a notification, a changed parameter or a TLS session ticket arrive unasked too. So what came is read
until nothing is left, the end of the stream is reached, or the last word was heard. One read is not enough:
libpq reports a stream that holds a FATAL and its end as healthy until it reads again.

Not seen: a network that swallows packets without a word. TCP keepalives and `tcp_user_timeout` are for that.
"""

import os
import select
import socket
import time
from contextlib import suppress
from enum import Enum
from typing import Any, Final, Protocol

__all__ = ["Link", "Psycopg2Link", "PsycopgLink", "Transaction", "is_alive", "may_reopen"]

_READS: Final = 1000
"""How often one look reads before it believes: more than any burst of notifications, and an end in any case."""

_FATAL: Final = ("FATAL", "PANIC")


class Transaction(Enum):
    """What the driver knows of the transaction on the server."""

    NONE = "none"
    """None has begun there. Drivers send BEGIN with the first statement: at the start of `atomic()` too."""
    BEGUN = "begun"
    UNKNOWN = "unknown"
    """The connection is broken, and whether one had begun is no longer known."""


class Link(Protocol):
    """A driver's connection, as far as these questions go."""

    facts: dict[str, Any]
    """What was learnt of the server, and holds for as long as this connection does."""

    def transaction(self) -> Transaction:
        """What has begun on the server, without asking it."""
        ...

    def readable(self) -> bool:
        """Whether something can be read without waiting."""
        ...

    def is_quiet(self) -> bool:
        """Whether nothing has begun on the server and nothing can be read: almost always, before a statement."""
        ...

    def consume(self) -> bool:
        """Read what is there. False when it was the end: of the stream, or a last word."""
        ...


def is_alive(link: Link) -> bool:
    """Whether the connection can be used, as far as this side knows."""
    if link.transaction() is Transaction.UNKNOWN:
        return False
    for _ in range(_READS):
        if not link.readable():
            return True
        if not link.consume():
            return False
    return True


def may_reopen(transaction: Transaction, *, autocommit: bool) -> bool:
    """Whether a dead connection may be replaced without anyone noticing.

    `transaction` as it was before the death was noticed. Never where a transaction had begun: its writes,
    locks and cursors are gone, and the code that made them must hear of it. Where it is not known, being in
    autocommit mode says that there was none.
    """
    if transaction is Transaction.BEGUN:
        return False
    return transaction is Transaction.NONE or autocommit


class PsycopgLink:
    """A connection of psycopg 3."""

    __slots__ = ("__weakref__", "_error", "_heard_last_word", "_pgconn", "_poll", "facts", "made_at")

    def __init__(self, connection: Any, error: type[Exception]) -> None:
        # Not the connection itself: it holds this object, and a circle would outlive its last user.
        self._pgconn = connection.pgconn
        self._error = error
        self.facts: dict[str, Any] = {}
        self._heard_last_word = False
        self.made_at = time.monotonic()
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN)
        # libpq hands a FATAL that answers no query to whoever listens for notices.
        connection.add_notice_handler(self._on_notice)

    @classmethod
    def of(cls, connection: Any, error: type[Exception]) -> "PsycopgLink":
        """A connection's own: a pool hands one out many times, and one listener is enough."""
        link: PsycopgLink | None = getattr(connection, "_dormouse_link", None)
        if link is None:
            link = connection._dormouse_link = cls(connection, error)
        return link

    def transaction(self) -> Transaction:
        """PQtransactionStatus (manual, 34.2), as one of ours."""
        status = int(self._pgconn.transaction_status)
        if status == _PQTRANS_IDLE:
            return Transaction.NONE
        return Transaction.UNKNOWN if status == _PQTRANS_UNKNOWN else Transaction.BEGUN

    def readable(self) -> bool:
        """Whether the kernel has bytes, an end or an error for this socket."""
        return bool(self._poll.poll(0))

    def is_quiet(self) -> bool:
        """Both in one call, since each statement asks."""
        return self._pgconn.transaction_status == _PQTRANS_IDLE and not self._poll.poll(0)

    def consume(self) -> bool:
        """Read, and have libpq look at what came: only then does it pass on notices."""
        try:
            self._pgconn.consume_input()
            self._pgconn.is_busy()
        except self._error:
            return False
        return not self._heard_last_word

    def is_waiting(self) -> bool:
        """Whether a statement was sent and its answer is not there yet; may be asked from another thread."""
        return bool(self._pgconn.transaction_status == _PQTRANS_ACTIVE)

    def cut(self) -> None:
        """If it waits, let it meet the end of the stream; from another thread than the one that waits."""
        try:
            number = self._pgconn.socket
            copy = socket.socket(fileno=os.dup(number))
        except (self._error, OSError):
            return
        with copy:
            # The number may have become another connection's before it was copied, but not if it is still this
            # one's now.
            if self.is_waiting() and self._pgconn.socket == number:
                with suppress(OSError):
                    copy.shutdown(socket.SHUT_RDWR)

    def _on_notice(self, diagnostic: Any) -> None:
        if diagnostic.severity_nonlocalized in _FATAL:
            self._heard_last_word = True


class Psycopg2Link:
    """A connection of psycopg2."""

    __slots__ = ("_connection", "_error", "facts")

    def __init__(self, connection: Any, error: type[Exception]) -> None:
        self._connection = connection
        self._error = error
        self.facts: dict[str, Any] = {}

    def transaction(self) -> Transaction:
        """The status that psycopg2 keeps, as one of ours."""
        if self._connection.closed:
            return Transaction.UNKNOWN
        status = self._connection.get_transaction_status()
        if status == _PQTRANS_IDLE:
            return Transaction.NONE
        return Transaction.UNKNOWN if status == _PQTRANS_UNKNOWN else Transaction.BEGUN

    def readable(self) -> bool:
        """Whether the kernel has bytes, an end or an error for this socket."""
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def is_quiet(self) -> bool:
        """Both in one call."""
        return self.transaction() is Transaction.NONE and not self.readable()

    def consume(self) -> bool:
        """Read by way of `poll()`, which is how psycopg2 takes in notifications."""
        heard = len(self._connection.notices)
        try:
            self._connection.poll()
        except self._error:
            return False
        # psycopg2 keeps notices as texts that begin with their severity.
        return not any(text.startswith(_FATAL) for text in self._connection.notices[heard:])


# libpq-fe.h, PGTransactionStatusType.
_PQTRANS_IDLE: Final = 0
_PQTRANS_ACTIVE: Final = 1
_PQTRANS_UNKNOWN: Final = 4
