"""Branches as the console shows them: the tree as it is drawn, the window in which one can go back. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dormouse.control.model import Branch, BranchState, Endpoint, EndpointType
from dormouse.control.past import History, Kept, KeptBecause
from dormouse.names import BranchId
from dormouse.sizes import size_text
from dormouse.web.console.states import State, state_of_all
from dormouse.web.points import lsn_text

__all__ = [
    "KeptRow",
    "Pick",
    "Tree",
    "TreeRow",
    "Window",
    "is_settled",
    "kept_row",
    "newest_kept",
    "tree_rows",
    "window_of",
]

_DEEPEST: Final = 6
"""What is below is drawn beside it: on a phone there is no room for more."""
_STEP: Final = 22
"""Pixels from a parent's line to its child's."""
_JUST_THEN: Final = timedelta(seconds=2)
"""Moments are written down in whole seconds."""
_NODE_Y: Final = 30
"""Of a branch's circle below the top of its row: at the height of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A piece of the tree in one row, in pixels; `y2` None is the row's end."""

    x1: int
    y1: int
    x2: int
    y2: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRow:
    """A branch in the tree."""

    id: BranchId
    name: str
    lines: tuple[Line, ...]
    node_x: int
    node_y: int
    indent: int
    """Where the text begins, in steps."""
    default: bool
    protected: bool
    is_ready: bool
    state: State
    computes: str
    origin: str
    """`from main at 0/1FA22C0`; empty for a root."""
    began_at: datetime | None
    """The moment of its parent at which it begins, if that was in the past when it was made."""
    created_at: datetime
    own_size: str
    """Empty while that is not known."""
    expires_at: datetime | None
    restorable_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All of it."""

    rows: tuple[TreeRow, ...]
    is_settled: bool
    """Whether nothing is being made or restored: then it stays as it is."""
    with_sizes: bool
    """Whether sizes were looked for, and how far each goes back."""


def tree_rows(
    branches: Sequence[Branch],
    endpoints: Sequence[Endpoint],
    histories: Mapping[BranchId, History],
    *,
    with_sizes: bool,
) -> Tree:
    """Each branch below its parent; the default one first, then the older one first."""
    names = {branch.id: branch.name for branch in branches}
    rows = tuple(
        _row(branch, lanes, has_children, names, endpoints, histories.get(branch.id))
        for branch, lanes, has_children in _walk(branches)
    )
    return Tree(rows=rows, is_settled=all(map(is_settled, branches)), with_sizes=with_sizes)


def is_settled(branch: Branch) -> bool:
    """Whether its data is there and stays."""
    return branch.state in (BranchState.READY, BranchState.ARCHIVED)


def _walk(branches: Sequence[Branch]) -> Iterator[tuple[Branch, tuple[bool, ...], bool]]:
    """With each branch, of each level above and its own: whether a younger sibling follows below."""
    known = sorted(branches, key=lambda branch: (not branch.default, branch.created_at, branch.id))
    ids = {branch.id for branch in known}
    children: dict[BranchId | None, list[Branch]] = {}
    for branch in known:
        parent = branch.parent_id if branch.parent_id in ids and branch.parent_id != branch.id else None
        children.setdefault(parent, []).append(branch)

    def below(parent: BranchId | None, lanes: tuple[bool, ...]) -> Iterator[tuple[Branch, tuple[bool, ...], bool]]:
        ones = children.get(parent, [])
        for one in ones:
            # Roots hang on nothing, so that no line leads from one to the next.
            its = (*lanes, one is not ones[-1]) if parent is not None else ()
            yield one, its, one.id in children
            yield from below(one.id, its)

    yield from below(None, ())


def _row(
    branch: Branch,
    lanes: tuple[bool, ...],
    has_children: bool,
    names: Mapping[BranchId, str],
    endpoints: Sequence[Endpoint],
    history: History | None,
) -> TreeRow:
    own = [each for each in endpoints if each.branch_id == branch.id]
    level = min(len(lanes), _DEEPEST)
    origin = f"from {names.get(branch.parent_id, 'a branch that is gone')}" if branch.parent_id else ""
    if branch.init_source == "schema-only":
        origin = "schema only"
    return TreeRow(
        id=branch.id,
        name=branch.name,
        lines=_lines(lanes[-_DEEPEST:] if len(lanes) > _DEEPEST else lanes, has_children=has_children),
        node_x=_x(level),
        node_y=_NODE_Y,
        indent=level,
        default=branch.default,
        protected=branch.protected,
        is_ready=is_settled(branch),
        state=state_of_all(own),
        computes=_computes(own),
        origin=f"{origin} at {branch.parent_lsn}" if origin and branch.parent_lsn else origin,
        began_at=_past_moment(branch),
        created_at=branch.created_at,
        own_size="" if history is None else size_text(history.own_bytes),
        expires_at=branch.expires_at,
        restorable_since=None if history is None else history.earliest_time,
    )


def _past_moment(branch: Branch) -> datetime | None:
    then = branch.parent_timestamp
    return then if then is not None and branch.created_at - then > _JUST_THEN else None


def _x(level: int) -> int:
    return 14 + _STEP * level


def _lines(lanes: tuple[bool, ...], *, has_children: bool) -> tuple[Line, ...]:
    level = len(lanes)
    lines = [Line(x1=_x(at), y1=0, x2=_x(at), y2=None) for at, goes_on in enumerate(lanes[:-1]) if goes_on]
    if level:
        above = _x(level - 1)
        lines.append(Line(x1=above, y1=0, x2=above, y2=None if lanes[-1] else _NODE_Y))
        lines.append(Line(x1=above, y1=_NODE_Y, x2=_x(level), y2=_NODE_Y))
    if has_children:
        lines.append(Line(x1=_x(level), y1=_NODE_Y, x2=_x(level), y2=None))
    return tuple(lines)


def _computes(endpoints: Sequence[Endpoint]) -> str:
    """`1 compute`, `1 compute, 2 replicas`"""
    replicas = sum(each.type is EndpointType.READ_ONLY for each in endpoints)
    primaries = len(endpoints) - replicas
    parts = ["primary"] if primaries else []
    if replicas:
        parts.append("1 replica" if replicas == 1 else f"{replicas} replicas")
    return ", ".join(parts) or "no compute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A moment that is offered, and where it is on the bar, in percent from the left."""

    label: str
    value: str
    """As the form takes it: `-10m`."""
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From when to when one can go back."""

    since: datetime
    until: datetime
    earliest_lsn: str
    head_lsn: str
    picks: tuple[Pick, ...]
    least: str
    """For `datetime-local`, in UTC: the first second that is inside."""
    most: str


_PICKS: Final = (
    ("10 s ago", "-10s", 10),
    ("1 min ago", "-1m", 60),
    ("10 min ago", "-10m", 600),
    ("1 h ago", "-1h", 3600),
    ("6 h ago", "-6h", 6 * 3600),
    ("1 day ago", "-24h", 86400),
    ("3 days ago", "-72h", 3 * 86400),
    ("7 days ago", "-168h", 7 * 86400),
)


def window_of(history: History, now: datetime) -> Window:
    """What the page of a branch offers to go back to."""
    since = min(history.earliest_time, now)
    length = max((now - since).total_seconds(), 0.001)
    picks = tuple(
        Pick(label=label, value=value, percent=round(100 - ago / length * 100, 2))
        for label, value, ago in _PICKS
        if ago < length
    )
    first_second = since.replace(microsecond=0)
    if first_second < since:
        first_second += timedelta(seconds=1)
    return Window(
        since=since,
        until=now,
        earliest_lsn=lsn_text(history.earliest_lsn),
        head_lsn=lsn_text(history.head_lsn),
        picks=picks[-5:],
        least=f"{first_second:%Y-%m-%dT%H:%M:%S}",
        most=f"{now:%Y-%m-%dT%H:%M:%S}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRow:
    """A state that can be brought back."""

    branch: BranchId
    name: str
    because: str
    kept_at: datetime
    kept_until: datetime
    is_deleted: bool


def kept_row(kept: Kept) -> KeptRow:
    """As the list shows it."""
    return KeptRow(
        branch=kept.branch.id,
        name=kept.branch.name,
        because=_BECAUSE[kept.because],
        kept_at=kept.kept_at,
        kept_until=kept.kept_until,
        is_deleted=kept.because is KeptBecause.DELETE,
    )


def newest_kept(kept: Iterable[Kept]) -> list[Kept]:
    """Of each branch the newest alone, which is what an undo brings back; `kept` is sorted so, newest first."""
    found: dict[BranchId, Kept] = {}
    for each in kept:
        found.setdefault(each.branch.id, each)
    return list(found.values())


_BECAUSE: Final = {
    KeptBecause.RESTORE: "a restore",
    KeptBecause.RESET: "a reset",
    KeptBecause.DELETE: "its deletion",
    KeptBecause.UNDO: "an undo",
}
