"""Whether a query asks for one object by its key."""

from typing import Any

from django.db.models.lookups import Exact
from django.db.models.sql.where import AND

__all__ = ["asks_by_key"]


def asks_by_key(query: Any) -> bool:
    """Whether at most one row can fit, because a unique column is compared with a value: `get(pk=5)`,
    `get(slug=…)`.

    Such a row, where it is missing, may be so new that a replica does not have it yet.
    """
    return _fits_one_row(query.where, query.base_table)


def _fits_one_row(node: Any, table: str) -> bool:
    if not isinstance(node, Exact):
        # Nested nodes are those of chained filters.
        if getattr(node, "connector", None) != AND or node.negated:
            return False
        return any(_fits_one_row(child, table) for child in node.children)
    # A unique column of a joined table says nothing of this one's rows.
    column = getattr(node.lhs, "target", None) if getattr(node.lhs, "alias", None) == table else None
    return column is not None and bool(column.unique) and node.rhs_is_direct_value()
