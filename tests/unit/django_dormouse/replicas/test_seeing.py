"""What was sent where, as a header."""

import pytest

from django_dormouse.replicas.context import Unit
from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.seeing import Statement, recording, server_timing


def sent(alias, reason, duration_ms):
    return Statement(alias=alias, reason=reason, sql="SELECT 1", duration_ms=duration_ms)


def test_a_metric_for_each_database():
    statements = [
        sent("replica", Reason.REPLICA, 1.26),
        sent("default", Reason.WRITE, 2),
        sent("replica", Reason.REPLICA, 2),
        sent("default", Reason.WROTE, 3),
    ]

    assert server_timing(statements) == (
        'default;dur=5.0;desc="1 x a write, 1 x this request or task has written", '
        'replica;dur=3.3;desc="2 x a replica may answer"'
    )


def test_nothing_sent_is_no_header():
    assert server_timing([]) == ""


def test_a_name_that_is_none_in_a_header():
    assert server_timing([sent('a "b",c', Reason.WRITE, 1)]).startswith("a--b--c;dur=1.0")


def test_what_fails_was_sent_too():
    unit = Unit(statements=[])

    with pytest.raises(ZeroDivisionError), recording(unit, "default", "SELECT 1", Reason.ASKED):
        raise ZeroDivisionError

    [statement] = unit.statements
    assert (statement.alias, statement.sql, statement.reason) == ("default", "SELECT 1", Reason.ASKED)
