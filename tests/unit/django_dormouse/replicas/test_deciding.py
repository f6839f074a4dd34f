"""The rules that say where a read goes."""

import pytest

from django_dormouse.replicas.deciding import RULES, Read, Reason, decide

OUTCOMES = {Reason.NOT_REPLAYED, Reason.NO_REPLICA, Reason.FAILED, Reason.MISSING, Reason.WRITE, Reason.ASKED}

EXPECTED = [
    ({}, Reason.REPLICA),
    ({"in_event_loop": True}, Reason.EVENT_LOOP),
    ({"is_raw_write": True}, Reason.RAW_WRITE),
    ({"in_replica_block": True}, Reason.REPLICA_BLOCK),
    ({"is_primary_only": True}, Reason.PRIMARY_ONLY),
    ({"in_primary_block": True}, Reason.PRIMARY_BLOCK),
    ({"in_transaction": True}, Reason.TRANSACTION),
    ({"has_written": True}, Reason.WROTE),
    ({"has_seen_newer": True}, Reason.SEEN_NEWER),
    ({"is_unsafe_request": True}, Reason.UNSAFE),
    ({"is_unannounced": True}, Reason.UNANNOUNCED),
    ({"is_of_primary_instance": True}, Reason.INSTANCE),
    ({"is_generic_relation": True}, Reason.GENERIC_RELATION),
    # What the code asks for comes before what is only likely, and what cannot be before all.
    ({"in_replica_block": True, "has_written": True, "in_transaction": True}, Reason.REPLICA_BLOCK),
    ({"in_replica_block": True, "is_raw_write": True}, Reason.RAW_WRITE),
    ({"in_replica_block": True, "in_event_loop": True}, Reason.EVENT_LOOP),
    ({"in_transaction": True, "has_written": True, "is_unsafe_request": True}, Reason.TRANSACTION),
]


@pytest.mark.parametrize(("facts", "reason"), EXPECTED)
def test_where_a_read_goes(facts, reason):
    assert decide(Read(**facts)) is reason


def test_every_fact_is_a_rule_and_every_rule_has_its_row():
    assert list(Read._fields) == [fact for fact, _ in RULES]
    assert {reason for _, reason in RULES} | {Reason.REPLICA} | OUTCOMES == set(Reason)
    assert {reason for facts, reason in EXPECTED if len(facts) == 1} == {reason for _, reason in RULES}
