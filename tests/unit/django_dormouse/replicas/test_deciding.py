"""The rules that keep a read on the primary."""

from dataclasses import fields

import pytest

from django_dormouse.replicas.deciding import Read, Reason, decide

RULES = [
    ("in_event_loop", Reason.EVENT_LOOP),
    ("is_primary_only", Reason.PRIMARY_ONLY),
    ("is_pinned", Reason.PINNED),
    ("in_transaction", Reason.TRANSACTION),
    ("has_written", Reason.WROTE),
    ("is_unsafe_request", Reason.UNSAFE),
    ("is_undecided_request", Reason.UNDECIDED),
    ("is_of_primary_instance", Reason.INSTANCE),
]


def test_a_plain_read_may_go_to_a_replica():
    assert decide(Read()) is Reason.REPLICA


@pytest.mark.parametrize(("fact", "reason"), RULES)
def test_each_fact_alone_keeps_it_on_the_primary(fact, reason):
    assert decide(Read(**{fact: True})) is reason


def test_every_fact_is_a_rule():
    assert [field.name for field in fields(Read)] == [fact for fact, _ in RULES]
    assert {reason for _, reason in RULES} | {Reason.REPLICA} == set(Reason)
