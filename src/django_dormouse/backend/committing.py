"""Questions of our own, as simple queries past the driver's cursor; and COMMIT, with one in the same round trip.

A cursor takes longer for a question than the server. For COMMIT it is three statements in one message: they travel
together, the server answers each, and what fails after COMMIT takes nothing back. A pipeline would do it too, at
twice the cost on this side.
"""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import errors
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus

__all__ = ["Committed", "ask", "can_ask_along", "commit_and_ask"]

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


def ask(connection: Any, question: str) -> tuple[str | None, ...]:
    """The one row that the last statement of `question` gives, as texts. Raises what a cursor would."""
    results = _answers(connection, question)
    _raise_first_error(connection, results)
    return _row(results[-1])


def commit_and_ask(connection: Any, question: str) -> Committed:
    """Commit, and ask `question`, which gives one row. Raises what `connection.commit()` would.

    An error of the question is none of COMMIT: it gives no row.
    """
    mode, *rest = results = _answers(connection, f"SHOW synchronous_commit; COMMIT; {question}")
    _raise_first_error(connection, results[:2])
    answer = rest[1] if len(rest) > 1 and rest[0].command_status == _COMMITTED else None
    row = _row(answer) if answer is not None and answer.status == ExecStatus.TUPLES_OK else None
    return Committed(synchronous_commit=_row(mode)[0] or "", row=row)


def _answers(connection: Any, statements: str) -> list[Any]:
    with connection.lock:
        return list(connection.wait(_send(connection.pgconn, statements.encode())))


def _send(pgconn: Any, statements: bytes) -> Any:
    pgconn.send_query(statements)
    return (yield from execute(pgconn))


def _raise_first_error(connection: Any, results: list[Any]) -> None:
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding=connection.info.encoding)


def _row(result: Any) -> tuple[str | None, ...]:
    values = (result.get_value(0, column) for column in range(result.nfields))
    return tuple(None if value is None else value.decode() for value in values)
