"""The staleness hunt's own judgement: it can find what it looks for."""

from random import Random

from hunt.ledger import Ledger, Verdict
from hunt.plan import LONGEST_LAG_S, Kind, troubles


def ledger_of(*saved: int) -> Ledger:
    ledger = Ledger()
    for _ in saved:
        ledger.told_saved("ann", ledger.issue("ann"))
    return ledger


def test_an_owner_is_to_see_what_was_saved() -> None:
    ledger = ledger_of(1, 2)

    assert ledger.judge("ann", "ann", 2, 0, "page") is Verdict.RIGHT
    assert ledger.judge("ann", "ann", 1, 0, "page") is Verdict.STALE
    assert ledger.judge("ann", "ann", 3, 0, "page") is Verdict.GHOST
    assert ledger.wrong[0] == (
        "page: ann was shown version 1 of ann, older than what this user had been told was saved (saved 2, seen 2)"
    )


def test_what_was_sent_and_not_answered_may_be_there_and_then_stays() -> None:
    ledger = ledger_of(1)
    ledger.issue("ann")

    assert ledger.judge("ann", "ann", 1, 0, "page") is Verdict.RIGHT
    assert ledger.judge("ann", "ann", 2, 0, "page") is Verdict.RIGHT
    assert ledger.judge("ann", "ann", 1, 0, "page") is Verdict.BACKWARDS


def test_others_may_see_old_versions_and_never_older_ones_afterwards() -> None:
    ledger = ledger_of(1, 2)

    assert ledger.judge("bob", "ann", 1, 0, "page") is Verdict.RIGHT
    assert ledger.judge("bob", "ann", 2, 0, "page") is Verdict.RIGHT
    assert ledger.judge("bob", "ann", 1, 0, "page") is Verdict.BACKWARDS


def test_after_a_restore_what_was_taken_back_is_a_ghost() -> None:
    ledger = ledger_of(1)
    mark = ledger.mark()
    ledger.told_saved("ann", ledger.issue("ann"))

    ledger.begin_restore()
    assert ledger.judge("ann", "ann", 1, ledger.era, "page") is Verdict.NOT_JUDGED
    ledger.end_restore(mark)

    assert ledger.judge("ann", "ann", 2, 0, "page") is Verdict.NOT_JUDGED
    assert ledger.judge("ann", "ann", 2, ledger.era, "page") is Verdict.GHOST
    assert ledger.judge("ann", "ann", 1, ledger.era, "page") is Verdict.RIGHT
    assert ledger.issue("ann") == 3


def test_a_plan_comes_from_its_seed_and_restores_in_the_middle() -> None:
    plan = troubles(Random(7), 30)

    assert plan == troubles(Random(7), 30) != troubles(Random(8), 30)
    assert [each.at_s for each in plan] == sorted(each.at_s for each in plan)
    assert [each.at_s for each in plan if each.kind is Kind.RESTORE] == [15]
    assert all(each.for_s <= LONGEST_LAG_S for each in plan)
    assert len([each for each in troubles(Random(7), 600) if each.kind is Kind.RESTORE]) == 10
