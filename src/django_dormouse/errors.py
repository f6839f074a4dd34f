"""What this package raises about a database beyond Django's own exceptions.

    django.db.OperationalError
    ├── CommitOutcomeUnknown      the answer to a COMMIT, or to a write outside of transactions, was lost
    ├── TransactionLost           the connection ended inside a transaction: nothing of it was kept
    │   ├── IdleInTransactionTimeout   … because the code between two statements took too long (25P03)
    │   └── TransactionTimeout         … because the transaction took too long (25P04)
    └── ReadOnlyServer            a write reached a server that takes none (25006)
    django.db.transaction.TransactionManagementError
    └── WriteInReplicaBlock       a write inside `using_replica()`: nothing was sent

The last three of the first are InternalError too: Django calls them that, and code that catches it goes on to
work.
"""

from django.db import InternalError, OperationalError
from django.db.transaction import TransactionManagementError

__all__ = [
    "CommitOutcomeUnknown",
    "IdleInTransactionTimeout",
    "ReadOnlyServer",
    "TransactionLost",
    "TransactionTimeout",
    "WriteInReplicaBlock",
]


class CommitOutcomeUnknown(OperationalError):
    """A write may have been applied or not: the connection died before the answer came.

    It is never sent again by itself. `django_dormouse.transactions.transaction_status()` asks the server for the
    truth where the id is known.
    """

    transaction_id: str | None = None
    """As `transaction_status()` takes it: the number that `pg_xact_status()` knows, and when it began by the
    server's clock, `1605@1764198000.123456`. None where the server had not told it."""

    @classmethod
    def of(cls, what: str, transaction_id: str | None, reason: object) -> "CommitOutcomeUnknown":
        """`what` was sent and not answered, for `reason`."""
        how = (
            "it is not known which transaction it was, so look whether its rows are there"
            if transaction_id is None
            else f"ask transaction_status({transaction_id!r})"
        )
        made = cls(
            f"The connection was lost before {what} was answered: it may have been applied or not. "
            f"Before you repeat it, {how}. Reason: {str(reason).strip()}"
        )
        made.transaction_id = transaction_id
        return made


class TransactionLost(OperationalError):
    """The connection ended inside a transaction, before COMMIT: the server keeps nothing of it."""


class IdleInTransactionTimeout(TransactionLost, InternalError):
    """SQLSTATE 25P03: nothing was sent for longer than `idle_in_transaction_session_timeout`."""


class TransactionTimeout(TransactionLost, InternalError):
    """SQLSTATE 25P04: the transaction took longer than `transaction_timeout`."""


class ReadOnlyServer(OperationalError, InternalError):
    """SQLSTATE 25006: a write, or a SELECT … FOR UPDATE, in a transaction that only reads."""


class WriteInReplicaBlock(TransactionManagementError):
    """A write, or a SELECT … FOR UPDATE, inside `using_replica()`, which promises that there is none."""

    @classmethod
    def of(cls, alias: str) -> "WriteInReplicaBlock":
        """The write was meant for `alias`."""
        return cls(
            f"A write to {alias!r} inside using_replica(): the block reads from a replica, and what it reads "
            "may be old. Nothing was sent. Write outside of the block."
        )
