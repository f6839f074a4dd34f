"""What arrives on an idle connection, and what that means."""

import pytest

from django_dormouse.backend.liveness import Transaction, is_alive, may_reopen


class Link:
    """A connection on which the given reads wait: True goes on, False is the end."""

    def __init__(self, *reads: bool, transaction: Transaction = Transaction.NONE, endless: bool = False) -> None:
        self.reads = list(reads)
        self.state = transaction
        self.endless = endless

    def transaction(self) -> Transaction:
        return self.state

    def readable(self) -> bool:
        return self.endless or bool(self.reads)

    def consume(self) -> bool:
        return self.endless or self.reads.pop(0)


@pytest.mark.parametrize(
    ("link", "alive"),
    [
        (Link(), True),
        (Link(False), False),
        (Link(True), True),
        (Link(True, True, True), True),
        (Link(True, False), False),
        (Link(transaction=Transaction.UNKNOWN), False),
        (Link(False, transaction=Transaction.BEGUN), False),
        (Link(endless=True), True),
    ],
)
def test_alive(link, alive):
    assert is_alive(link) is alive


@pytest.mark.parametrize(
    ("transaction", "autocommit", "may"),
    [
        (Transaction.NONE, True, True),
        (Transaction.NONE, False, True),
        (Transaction.BEGUN, True, False),
        (Transaction.BEGUN, False, False),
        (Transaction.UNKNOWN, True, True),
        (Transaction.UNKNOWN, False, False),
    ],
)
def test_may_reopen(transaction, autocommit, may):
    assert may_reopen(transaction, autocommit=autocommit) is may
