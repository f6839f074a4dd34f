"""What became of a transaction, and how to run one again.

    @retry_transaction
    def transfer(...): ...

    for attempt in retry_transaction(attempts=5):
        with attempt:
            ...

The block runs in `atomic(durable=True)`, and again from its beginning when the server undid it for a reason that
passes: a serialization failure, a deadlock, a connection that was lost before COMMIT. Its Python side runs again
too, so what it does besides (mail, files, calls to others) belongs into `transaction.on_commit`.
"""

import functools
import inspect
import random
import re
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, Generic, Literal, ParamSpec, TypeVar, cast, overload

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.transaction import TransactionManagementError

from django_dormouse.backend.retrying import pause
from django_dormouse.backend.wrapping import sqlstate_of
from django_dormouse.errors import CommitOutcomeUnknown, TransactionLost

__all__ = ["Attempt", "Retried", "Retrier", "TransactionStatus", "retry_transaction", "transaction_status"]

TransactionStatus = Literal["in progress", "committed", "aborted"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_chance: Final = random.random

STATUS: Final = (
    "SELECT pg_xact_status(%s::text::xid8), stats_reset > to_timestamp(nullif(%s::text, '')::float8) "
    "FROM pg_stat_archiver"
)
"""Of a number, and of when its transaction began. Recovery from a crash throws all statistics away, and only that
or somebody's `pg_stat_reset_shared` does (pgstat.c); an orderly stop keeps them."""

_ID: Final = re.compile(r"[0-9]+(?:@[0-9]+(?:\.[0-9]+)?)?")

# manual, appendix A: serialization_failure, deadlock_detected. The server has undone everything.
_UNDONE: Final = frozenset({"40001", "40P01"})


def transaction_status(transaction_id: str, using: str | None = None) -> TransactionStatus | None:
    """What became of the transaction of a CommitOutcomeUnknown; None where the server cannot know.

    Because it is too long ago; or because it has crashed since and knows a committed transaction of that number.
    The number is written down with what the transaction writes; where that was lost, it goes to another one.

    One question to the server, at once: "in progress" may mean that the server has not noticed yet that its
    client is gone, so ask again. To be asked outside of the lost transaction's block.
    Raises ValueError for what is no id.
    """
    if _ID.fullmatch(transaction_id) is None:
        raise ValueError(f"{transaction_id!r} is no id of a transaction; expected a CommitOutcomeUnknown's")
    number, _, began = transaction_id.partition("@")
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(STATUS, [number, began])
        status, has_crashed = cursor.fetchone()
    return meaning_of(status, has_crashed=bool(has_crashed))


def meaning_of(status: str | None, *, has_crashed: bool) -> TransactionStatus | None:
    """What the server's word for a number says of the transaction that had it, if it has crashed since or not."""
    if has_crashed and status == "committed":
        # That one, or another one after it.
        return None
    if has_crashed and status == "in progress":
        # Another one: who had it before the crash has ended with it.
        return "aborted"
    return cast("TransactionStatus | None", status)


class Attempt:
    """One try: a context manager that holds a transaction, and keeps errors to itself that are worth another "
    "try."""

    def __init__(self, using: str, *, is_last: bool) -> None:
        self._using = using
        self._is_last = is_last
        self._atomic: Any = None
        self.is_over = False
        """Whether no further try is needed."""

    def __enter__(self) -> None:
        if connections[self._using].in_atomic_block:
            raise TransactionManagementError(
                "retry_transaction stands inside an atomic block. The server undoes the whole transaction, so "
                "only its outermost block can be repeated: put retry_transaction there (under "
                "ATOMIC_REQUESTS, mark the view with transaction.non_atomic_requests)."
            )
        self._atomic = transaction.atomic(using=self._using)
        self._atomic.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            self._atomic.__exit__(kind, error, traceback)
        except Error as failure:
            error = failure
            if not self._is_last and self._is_worth_repeating(failure):
                return True
            self.is_over = True
            raise
        self.is_over = error is None
        return not self._is_last and error is not None and self._is_worth_repeating(error)

    def _is_worth_repeating(self, error: BaseException) -> bool:
        if isinstance(error, CommitOutcomeUnknown):
            known = error.transaction_id
            return known is not None and transaction_status(known, self._using) == "aborted"
        return isinstance(error, TransactionLost) or (isinstance(error, Error) and sqlstate_of(error) in _UNDONE)


class Retried(Generic[Arguments, Result]):
    """A function that runs in a transaction, again where that helps."""

    def __init__(self, function: Callable[Arguments, Result], retrier: "Retrier") -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._retrier = retrier

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """What the function returns. Raises what the last try raised."""
        for attempt in self._retrier:
            with attempt:
                result = self._function(*args, **kwargs)
            # Not inside the block: COMMIT may fail, and then the block has ended well and yet is run again.
            if attempt.is_over:
                return result
        raise AssertionError("the last attempt raises")

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        # As a method of a class.
        if instance is None:
            return self
        bound = functools.update_wrapper(functools.partial(cast("Any", self._function), instance), self._function)
        return Retried(bound, self._retrier)

    async def acall(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """The same from async code, in the thread where Django keeps this context's connections."""
        return await sync_to_async(self)(*args, **kwargs)


class Retrier:
    """How often, and on which alias. To be iterated over, or to decorate a function that is not async."""

    def __init__(self, using: str | None = None, *, attempts: int = 3) -> None:
        if attempts < 1:
            raise ValueError(f"attempts is {attempts}; expected 1 or more")
        self._using = using or DEFAULT_DB_ALIAS
        self._attempts = attempts

    def __iter__(self) -> Iterator[Attempt]:
        for number in range(1, self._attempts + 1):
            attempt = Attempt(self._using, is_last=number == self._attempts)
            yield attempt
            if attempt.is_over:
                return
            time.sleep(pause(number, _chance()))

    def __call__(self, function: Callable[Arguments, Result]) -> Retried[Arguments, Result]:
        """`function`, in a transaction each time. Raises TypeError for an async one."""
        if inspect.iscoroutinefunction(function):
            raise TypeError(
                "retry_transaction is for functions that are not async, because Django has no transactions in "
                "async code: decorate the part that runs in the transaction, and await its acall()."
            )
        return Retried(function, self)


@overload
def retry_transaction(using: Callable[Arguments, Result]) -> Retried[Arguments, Result]: ...
@overload
def retry_transaction(using: str | None = None, *, attempts: int = 3) -> Retrier: ...
def retry_transaction(using: Any = None, *, attempts: int = 3) -> Any:
    """Run a block in a transaction of its own, up to `attempts` times; between two a pause that grows and varies.

    With a function alone it decorates it; else it gives what decorates or can be iterated over.
    Raises what the last try raised; at once, what is not worth repeating, among that a CommitOutcomeUnknown of
    which the server does not say that it was undone; and TransactionManagementError inside an atomic block.
    """
    return Retrier()(using) if callable(using) else Retrier(using, attempts=attempts)
