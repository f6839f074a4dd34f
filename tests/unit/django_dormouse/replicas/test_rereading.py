"""Which errors of a read on a replica are the replica's."""

import pytest

from django_dormouse.replicas.rereading import Verdict, verdict

CONFLICT = "canceling statement due to conflict with recovery"


@pytest.mark.parametrize(
    ("sqlstate", "message", "is_lost", "expected"),
    [
        ("40001", CONFLICT, False, Verdict.ELSEWHERE),
        ("40P01", CONFLICT, False, Verdict.ELSEWHERE),
        # Its session was ended for replay's sake; the replica is well.
        ("40001", "terminating connection due to conflict with recovery", True, Verdict.ELSEWHERE),
        ("57014", "canceling statement due to user request", False, Verdict.ELSEWHERE),
        ("57014", "canceling statement due to statement timeout", False, Verdict.RAISE),
        ("57014", "canceling statement due to lock timeout", False, Verdict.RAISE),
        ("57P01", "terminating connection due to administrator command", True, Verdict.GONE),
        (None, "server closed the connection unexpectedly", True, Verdict.GONE),
        ("42P01", 'relation "new" does not exist', False, Verdict.ELSEWHERE),
        ("42703", 'column "new" does not exist', False, Verdict.ELSEWHERE),
        ("42601", "syntax error", False, Verdict.RAISE),
        ("53200", "out of memory", False, Verdict.RAISE),
    ],
)
def test_verdict(sqlstate, message, is_lost, expected):
    assert verdict(sqlstate, message, is_lost=is_lost) is expected
