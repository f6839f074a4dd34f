"""COMMIT, and in the same round trip where the log stands after it.

Three statements in one message, as a simple query: they travel together, the server answers each, and what fails
after COMMIT takes nothing back. A pipeline would do it too, at twice the cost on this side.
"""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import errors
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus

__all__ = ["Committed", "can_ask_along", "commit_and_ask"]

_COMMITTED: Final = b"COMMIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A COMMIT that was answered, and what the question after it gave."""

    synchronous_commit: str
    """As it was when the transaction ended: SET LOCAL may have changed it for this transaction alone."""
    row: tuple[str | None, ...] | None
    """None where the question failed, or the server had rolled the transaction back."""


def can_ask_along(connection: Any) -> bool:
    """Whether a transaction is open on the server that COMMIT would commit."""
    return bool(connection.pgconn.transaction_status == TransactionStatus.INTRANS)


def commit_and_ask(connection: Any, question: str) -> Committed:
    """Commit, and ask `question`, which gives one row. Raises what `connection.commit()` would.

    An error of the question is none of COMMIT: it gives no row.
    """
    with connection.lock:
        results = connection.wait(
            _send(connection.pgconn, f"SHOW synchronous_commit; COMMIT; {question}".encode())
        )
    mode, *rest = results
    for result in results[:2]:
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding=connection.info.encoding)
    answer = rest[1] if len(rest) > 1 and rest[0].command_status == _COMMITTED else None
    row = None
    if answer is not None and answer.status == ExecStatus.TUPLES_OK:
        row = tuple(_text(answer.get_value(0, column)) for column in range(answer.nfields))
    return Committed(synchronous_commit=_text(mode.get_value(0, 0)) or "", row=row)


def _send(pgconn: Any, statements: bytes) -> Any:
    pgconn.send_query(statements)
    return (yield from execute(pgconn))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
