from datetime import datetime, timedelta

import pytest

from dormouse.control.model import BranchState, EndpointState, EndpointType
from dormouse.control.past import Copies, Kept, KeptBecause
from dormouse.names import BranchId, OperationId, ProjectId
from dormouse.web.console.branch_views import kept_row, newest_kept, tree_rows, window_of
from fix_values import NOW, branch, endpoint, history, minutes

MAIN = branch("main")
TREE = [
    branch("late", "main", created_at=minutes(3)),
    branch("grandchild", "early", created_at=minutes(2)),
    branch("early", "main", created_at=minutes(1)),
    MAIN,
    branch("other-root", default=False, created_at=minutes(4)),
    branch("orphan", "gone", created_at=minutes(5)),
]


def drawn(*branches: object) -> list[str]:
    """The lines of each row, as text: where they begin and end."""
    rows = tree_rows(branches, [], {}, with_sizes=False).rows  # type: ignore[arg-type]
    return [
        f"{row.name}: " + " ".join(f"{each.x1},{each.y1}-{each.x2},{each.y2 or 'end'}" for each in row.lines)
        for row in rows
    ]


def test_each_branch_stands_below_its_parent_the_older_first() -> None:
    assert [(row.name, row.indent) for row in tree_rows(TREE, [], {}, with_sizes=False).rows] == [
        ("main", 0),
        ("early", 1),
        ("grandchild", 2),
        ("late", 1),
        ("other-root", 0),
        ("orphan", 0),
    ]


def test_lines_lead_from_parents_to_children() -> None:
    assert drawn(*TREE) == [
        "main: 14,30-14,end",
        "early: 14,0-14,end 14,30-36,30 36,30-36,end",
        "grandchild: 14,0-14,end 36,0-36,30 36,30-58,30",
        "late: 14,0-14,30 14,30-36,30",
        "other-root: ",
        "orphan: ",
    ]


def test_what_lies_deep_stays_on_the_page() -> None:
    chain = [MAIN, *(branch(f"b{at}", "main" if at == 0 else f"b{at - 1}") for at in range(20))]
    rows = tree_rows(chain, [], {}, with_sizes=False).rows

    assert len(rows) == 21
    assert max(row.indent for row in rows) == 6
    assert all(line.x2 <= 14 + 22 * 6 for row in rows for line in row.lines)


def test_a_branch_that_is_its_own_parent_is_drawn_once() -> None:
    assert [row.name for row in tree_rows([branch("main", "main")], [], {}, with_sizes=False).rows] == ["main"]


def test_a_row_says_what_is_known() -> None:
    child = branch(
        "child",
        "main",
        parent_lsn="0/1FA22C0",
        parent_timestamp=minutes(-9),
        protected=True,
        expires_at=minutes(60),
    )
    replica = endpoint("b", type=EndpointType.READ_ONLY, branch_id=child.id)
    ours = [endpoint(branch_id=child.id, current_state=EndpointState.ACTIVE), replica, endpoint("c")]

    row = tree_rows([MAIN, child], ours, {child.id: history()}, with_sizes=True).rows[1]

    assert (row.state.word, row.computes, row.origin) == ("ready", "primary, 1 replica", "from main at 0/1FA22C0")
    assert (row.own_size, row.restorable_since, row.protected) == ("4.2 MB", NOW, True)
    assert (row.began_at, row.expires_at) == (minutes(-9), minutes(60))


@pytest.mark.parametrize(("then", "told"), [(NOW, None), (minutes(-0.01), None), (minutes(-1), minutes(-1))])
def test_a_branch_from_now_does_not_say_from_when(then: datetime, told: datetime | None) -> None:
    assert (
        tree_rows([branch("a", "main", parent_timestamp=then)], [], {}, with_sizes=False).rows[0].began_at == told
    )


@pytest.mark.parametrize(
    ("one", "origin"),
    [
        (MAIN, ""),
        (branch("a", "gone", parent_lsn="0/1"), "from a branch that is gone at 0/1"),
        (branch("a", init_source="schema-only"), "schema only"),
    ],
)
def test_where_a_branch_comes_from(one: object, origin: str) -> None:
    assert tree_rows([one], [], {}, with_sizes=False).rows[0].origin == origin  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("state", "is_settled"),
    [
        (BranchState.INIT, False),
        (BranchState.RESETTING, False),
        (BranchState.READY, True),
        (BranchState.ARCHIVED, True),
    ],
)
def test_a_tree_in_which_something_is_made_is_looked_at_again(state: BranchState, is_settled: bool) -> None:
    assert tree_rows([MAIN, branch("a", "main", state=state)], [], {}, with_sizes=True).is_settled is is_settled


def test_a_window_offers_moments_inside_of_it() -> None:
    window = window_of(history(earliest_time=NOW - timedelta(hours=2)), NOW)

    assert [pick.value for pick in window.picks] == ["-10s", "-1m", "-10m", "-1h"]
    assert window.picks[-1].percent == 50
    assert (window.earliest_lsn, window.head_lsn) == ("0/1000000", "0/1FA22C0")


def test_what_can_be_picked_is_inside_the_window() -> None:
    window = window_of(history(earliest_time=NOW - timedelta(seconds=90.5)), NOW)

    assert (window.least, window.most) == ("2026-12-01T11:58:30", "2026-12-01T12:00:00")


def test_a_window_of_no_length_offers_nothing() -> None:
    assert window_of(history(earliest_time=minutes(1)), NOW).picks == ()


def kept(name: str, because: KeptBecause) -> Kept:
    return Kept(
        id=OperationId("x"),
        project_id=ProjectId("p"),
        branch=branch(name),
        copies=Copies(),
        endpoints=(),
        because=because,
        kept_at=NOW,
        kept_until=minutes(60),
    )


def test_of_each_branch_the_newest_state_is_offered() -> None:
    states = [kept("a", KeptBecause.UNDO), kept("b", KeptBecause.DELETE), kept("a", KeptBecause.RESET)]

    assert newest_kept(states) == states[:2]


def test_a_kept_state_says_what_it_was_kept_from() -> None:
    row = kept_row(kept("a", KeptBecause.DELETE))

    assert (row.branch, row.name, row.because, row.is_deleted) == (BranchId("br-a"), "a", "its deletion", True)
