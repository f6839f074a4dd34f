"""The query that shows some rows of a table: names are quoted, values are bound. Pure."""

from collections.abc import Callable
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

__all__ = ["query_of", "quoted", "statement_of"]

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
    """The text, and what its `$1`, `$2`, … stand for. It asks for one row more, to tell whether there are more.

    Raises Invalid for a column that the relation has not.
    """
    parameters: list[str] = []

    def bound(value: str) -> sql.Composable:
        parameters.append(value)
        return sql.SQL(f"${len(parameters)}")

    columns = sql.SQL(", ").join(map(_selected, relation.columns))
    return _composed(relation, browse, columns, bound, browse.limit + 1), tuple(parameters)


def statement_of(relation: RelationDetail, browse: Browse) -> str:
    """The same for people: all columns as they are, values as they would write them. Errors as `query_of`."""
    return _composed(relation, browse, sql.SQL("*"), sql.Literal, browse.limit)


def quoted(*names: str) -> str:
    """`"public"."orders"`"""
    return sql.Identifier(*names).as_string(None)


def _composed(
    relation: RelationDetail,
    browse: Browse,
    columns: sql.Composable,
    value: Callable[[str], sql.Composable],
    limit: int,
) -> str:
    table = sql.Identifier(relation.relation.schema, relation.relation.name)
    parts: list[sql.Composable] = [sql.SQL("SELECT {} FROM {}").format(columns, table)]
    if browse.filters:
        conditions = [_condition(relation, each, value) for each in browse.filters]
        parts.append(sql.SQL("WHERE {}").format(sql.SQL(" AND ").join(conditions)))
    if order := _order(relation, browse):
        parts.append(sql.SQL("ORDER BY {}").format(sql.SQL(", ").join(order)))
    parts.append(sql.SQL("LIMIT {}").format(limit))
    if browse.offset:
        parts.append(sql.SQL("OFFSET {}").format(browse.offset))
    return sql.SQL("\n").join(parts).as_string(None)


def _selected(column: RelationColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    if not column.is_wide:
        return name
    # One character more tells that there are more.
    return sql.SQL("left({}::text, {}) AS {}").format(name, BROWSED_CHARACTERS + 1, name)


def _condition(
    relation: RelationDetail, filtered: Filter, value: Callable[[str], sql.Composable]
) -> sql.Composable:
    column = _column(relation, filtered.column)
    if not filtered.operator.takes_value:
        return _COMPARED[filtered.operator].format(column=column)
    return _COMPARED[filtered.operator].format(column=column, value=value(_compared_value(filtered)))


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
