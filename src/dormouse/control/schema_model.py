"""The tables of a database, as the API's `format=json` tells of them (BranchSchemaJSON). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

__all__ = ["Column", "ColumnRow", "Constraint", "ConstraintRow", "ReferencedTable", "Table", "tables_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencedTable:
    """What a foreign key refers to."""

    schema: str
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A constraint of a table."""

    type: str
    """`primary_key`, `unique` or `foreign_key`."""
    columns: tuple[str, ...]
    name: str
    referenced_table: ReferencedTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    """`character varying(20)`"""
    nullable: bool
    generated: bool
    """Whether it is computed from other columns; an identity column is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its columns in their order, and its constraints: primary key, unique ones, foreign keys."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()


ColumnRow = tuple[str, str, str | None, str, bool, bool]
"""Schema, table, column (None for a table without any), type, nullable, generated."""

ConstraintRow = tuple[str, str, str, str, list[str], str | None, str | None, list[str]]
"""Schema, table, kind as in `pg_constraint.contype`, name, columns; the schema, name and columns referred to."""

_TYPES: Final = {"p": "primary_key", "u": "unique", "f": "foreign_key"}


def tables_of(columns: Iterable[ColumnRow], constraints: Iterable[ConstraintRow]) -> tuple[Table, ...]:
    """Of rows that are sorted by schema and table, and within a table as they are to be."""
    tables = {
        (schema, name): Table(
            schema=schema,
            name=name,
            columns=tuple(
                Column(name=column, type=kind, nullable=nullable, generated=generated)
                for _, _, column, kind, nullable, generated in rows
                if column is not None
            ),
        )
        for (schema, name), rows in groupby(columns, key=lambda row: row[:2])
    }
    for key, rows in groupby(constraints, key=lambda row: row[:2]):
        if key in tables:
            tables[key] = replace(tables[key], constraints=tuple(map(_constraint, rows)))
    return tuple(tables.values())


def _constraint(row: ConstraintRow) -> Constraint:
    _, _, kind, name, columns, schema, table, referenced = row
    return Constraint(
        type=_TYPES[kind],
        columns=tuple(columns),
        name=name,
        referenced_table=None
        if schema is None or table is None
        else ReferencedTable(schema=schema, table=table, columns=tuple(referenced)),
    )
