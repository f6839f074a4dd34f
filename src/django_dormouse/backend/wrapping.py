"""The driver's exceptions as Django's, and some of them as what they are.

Drivers put three SQLSTATEs of class 25 under InternalError, which says "a bug in the database". They are none:
two are timeouts that end the connection, one is a write that reached a standby.
"""

from types import TracebackType
from typing import Any, Final

from django.db import DatabaseError
from django.db.utils import DatabaseErrorWrapper as DjangoDatabaseErrorWrapper

from django_dormouse.errors import IdleInTransactionTimeout, ReadOnlyServer, TransactionTimeout

__all__ = ["DatabaseErrorWrapper", "sqlstate_of"]

# manual, appendix A, class 25.
_KNOWN: Final[dict[str, tuple[type[DatabaseError], str]]] = {
    "25006": (
        ReadOnlyServer,
        "This server, or this transaction, only reads: a replica, or a primary that another one has replaced. "
        "Send the statement to the primary; where this is the primary's alias, close the connection and "
        "connect anew.",
    ),
    "25P03": (
        IdleInTransactionTimeout,
        "Nothing was sent in this transaction for longer than idle_in_transaction_session_timeout, and "
        "nothing of it was kept. Move slow work out of the atomic block, or raise the timeout.",
    ),
    "25P04": (
        TransactionTimeout,
        "The transaction took longer than transaction_timeout, and nothing of it was kept. Split it, or raise the "
        "timeout.",
    ),
}


def sqlstate_of(error: BaseException | None) -> str | None:
    """The SQLSTATE that an error, or the driver's error behind it, carries; None if neither does."""
    while error is not None:
        code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if code:
            return str(code)
        error = error.__cause__
    return None


class DatabaseErrorWrapper(DjangoDatabaseErrorWrapper):
    """Django's, with three InternalErrors told apart."""

    wrapper: Any

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_value is not None and isinstance(exc_value, self.wrapper.Database.InternalError):
            known = _KNOWN.get(sqlstate_of(exc_value) or "")
            if known is not None:
                kind, hint = known
                self.wrapper.errors_occurred = True
                raise kind(f"{str(exc_value).strip()}\n{hint}").with_traceback(traceback) from exc_value
        super().__exit__(exc_type, exc_value, traceback)
