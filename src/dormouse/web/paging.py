"""Cutting a list into pages, as each of Neon's lists does it.

A cursor says after what to go on, not at which number: what is made or removed meanwhile neither repeats nor hides
an item. Clients give cursors back as they got them.
"""

import base64
import binascii
import heapq
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from dormouse.control.model import Branch, Operation, Project
from dormouse.errors import Invalid

__all__ = [
    "PROJECTS_DEFAULT_LIMIT",
    "BranchOrder",
    "SortBy",
    "SortOrder",
    "found",
    "page_of_branches",
    "page_of_operations",
    "page_of_projects",
]

PROJECTS_DEFAULT_LIMIT: Final = 10

SortBy = Literal["name", "created_at", "updated_at"]
SortOrder = Literal["asc", "desc"]

Named = TypeVar("Named", Project, Branch)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchOrder:
    """How a list of branches is sorted; the default is Neon's."""

    by: SortBy = "updated_at"
    order: SortOrder = "desc"


def found(items: Sequence[Named], search: str) -> list[Named]:
    """Those with `search` in their name or id, letter case aside."""
    if not search:
        return list(items)
    wanted = search.casefold()
    return [item for item in items if wanted in item.name.casefold() or wanted in item.id]


def page_of_projects(
    projects: Sequence[Project], *, limit: int, cursor: str | None
) -> tuple[list[Project], str | None]:
    """At most `limit` projects in the order of their ids, and the last one's id; None on an empty page."""
    rest = sorted((each for each in projects if cursor is None or each.id > cursor), key=lambda each: each.id)
    page = rest[:limit]
    return page, page[-1].id if page else None


def page_of_operations(
    operations: Sequence[Operation], *, limit: int, cursor: str | None
) -> tuple[list[Operation], str | None]:
    """At most `limit` operations in the order given, newest first, and the last one's moment.

    The moment is None on an empty page. Where the cut falls between operations of one moment, the cursor also
    names the one before it.
    """
    rest = operations if cursor is None else _after(operations, cursor)
    page, beyond = list(rest[:limit]), rest[limit : limit + 1]
    if not page:
        return page, None
    last = page[-1]
    is_ambiguous = any(each.created_at == last.created_at for each in beyond)
    return page, _moment(last) + (f",{last.id}" if is_ambiguous else "")


def page_of_branches(
    branches: Sequence[Branch], order: BranchOrder, *, limit: int | None, cursor: str | None
) -> tuple[list[Branch], str | None]:
    """At most `limit` branches, all if it is None, and where to go on; None at the end.

    Raises Invalid for a cursor that is not ours.
    """

    descending = order.order == "desc"
    # What stands in a cursor is a text, but there may be a thousand branches, and moments compare as they are.
    key = _SORT_KEYS[order.by]
    rest = list(branches)
    if cursor is not None:
        last = _read_branch_cursor(cursor, order.by)
        rest = [each for each in rest if (key(each) < last if descending else key(each) > last)]
    if limit is None:
        page = sorted(rest, key=key, reverse=descending)
    else:
        # Of a thousand branches ten are wanted: the others need no order.
        page = (heapq.nlargest if descending else heapq.nsmallest)(limit, rest, key=key)
    return page, _branch_cursor(key(page[-1])) if len(page) < len(rest) else None


def _after(operations: Sequence[Operation], cursor: str) -> Sequence[Operation]:
    moment, _, last_id = cursor.partition(",")
    for at, each in enumerate(operations):
        if each.id == last_id:
            return operations[at + 1 :]
    # Moments as texts of one width sort as moments do.
    return [each for each in operations if _moment(each) < moment]


def _moment(operation: Operation) -> str:
    return operation.created_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_SORT_KEYS: Final[Mapping[SortBy, Callable[[Branch], tuple[Any, str]]]] = MappingProxyType(
    {
        "name": lambda branch: (branch.name, branch.id),
        "created_at": lambda branch: (branch.created_at, branch.id),
        "updated_at": lambda branch: (branch.updated_at, branch.id),
    }
)


def _branch_cursor(last: tuple[Any, str]) -> str:
    value, last_id = last
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(timespec="microseconds")
    return base64.urlsafe_b64encode(json.dumps([value, last_id]).encode()).decode()


def _read_branch_cursor(cursor: str, by: SortBy) -> tuple[Any, str]:
    try:
        match json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True)):
            case [str(value), str(last_id)] if by == "name":
                return value, last_id
            case [str(value), str(last_id)]:
                moment = datetime.fromisoformat(value)
                # One without a zone would not compare with those that have one.
                return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC), last_id
    except (ValueError, binascii.Error, RecursionError):
        pass
    raise Invalid("invalid request: decode query: invalid: cursor (not one that this server gave)")
