"""The query that shows some rows of a table: names are quoted, values are bound. Pure."""

from typing import Final

from psycopg import sql

from dormouse.control.relation_model import (
    BROWSED_CHARACTERS,
    Browse,
    Filter,
    Operator,
    RelationColumn,
    RelationDetail,
)
from dormouse.errors import Invalid

__all__ = ["query_of"]

_COMPARED: Final = {
    Operator.EQUAL: sql.SQL("{column} = {value}"),
    # Unlike <>, true for a null.
    Operator.UNEQUAL: sql.SQL("{column} IS DISTINCT FROM {value}"),
    Operator.LESS: sql.SQL("{column} < {value}"),
    Operator.AT_MOST: sql.SQL("{column} <= {value}"),
    Operator.GREATER: sql.SQL("{column} > {value}"),
    Operator.AT_LEAST: sql.SQL("{column} >= {value}"),
    Operator.CONTAINS: sql.SQL("{column}::text ILIKE {value}"),
    Operator.STARTS_WITH: sql.SQL("{column}::text ILIKE {value}"),
    Operator.IS_NULL: sql.SQL("{column} IS NULL"),
    Operator.IS_NOT_NULL: sql.SQL("{column} IS NOT NULL"),
}


def query_of(relation: RelationDetail, browse: Browse) -> tuple[str, tuple[str, ...]]:
    """The text, and what its `$1`, `$2`, … stand for. Raises Invalid for a column that the relation has not."""
    parameters: list[str] = []
    conditions = [_condition(relation, each, parameters) for each in browse.filters]
    columns = sql.SQL(", ").join(map(_selected, relation.columns))
    parts = [
        sql.SQL("SELECT {} FROM {}").format(
            columns, sql.Identifier(relation.relation.schema, relation.relation.name)
        )
    ]
    if conditions:
        parts.append(sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(conditions)))
    if order := _order(relation, browse):
        parts.append(sql.SQL("ORDER BY {}").format(sql.SQL(", ").join(order)))
    parts.append(sql.SQL("LIMIT {} OFFSET {}").format(browse.limit, browse.offset))
    return sql.SQL("\n").join(parts).as_string(None), tuple(parameters)


def _selected(column: RelationColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    if not column.is_wide:
        return name
    # One character more tells that there are more.
    return sql.SQL("left({}::text, {}) AS {}").format(name, BROWSED_CHARACTERS + 1, name)


def _condition(relation: RelationDetail, filtered: Filter, parameters: list[str]) -> sql.Composable:
    column = _column(relation, filtered.column)
    if filtered.operator.takes_value:
        parameters.append(_compared_value(filtered))
    return _COMPARED[filtered.operator].format(column=column, value=sql.SQL(f"${len(parameters)}"))


def _compared_value(filtered: Filter) -> str:
    match filtered.operator:
        case Operator.CONTAINS:
            return f"%{_literally(filtered.value)}%"
        case Operator.STARTS_WITH:
            return f"{_literally(filtered.value)}%"
        case _:
            return filtered.value


def _literally(text: str) -> str:
    """As a part of a pattern (manual, 9.7.1)."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _order(relation: RelationDetail, browse: Browse) -> list[sql.Composable]:
    sort = browse.sort
    key = [each for each in relation.key if sort is None or each != sort.column]
    order: list[sql.Composable] = [_column(relation, each) for each in key]
    if sort is None:
        return order
    nullable = any(column.nullable for column in relation.columns if column.name == sort.column)
    # Where there is no null, an index serves either direction as it is.
    direction = sql.SQL("ASC" if not sort.descending else "DESC NULLS LAST" if nullable else "DESC")
    return [sql.SQL("{} {}").format(_column(relation, sort.column), direction), *order]


def _column(relation: RelationDetail, name: str) -> sql.Composable:
    """The column itself: its name alone would be, for ORDER BY, what is shown under it, which is cut."""
    if all(column.name != name for column in relation.columns):
        raise Invalid(f"{relation.relation.name} has no column {name!r}")
    return sql.Identifier(relation.relation.schema, relation.relation.name, name)
