"""The tables of a database as records: what `GET …/schema?format=json` answers. Pure.

One query has the server write them as JSON, in the form that `tables_of` reads.
"""

from dataclasses import dataclass
from typing import Final

from dormouse.control.encoding import from_json

__all__ = ["TABLES_QUERY", "Column", "Constraint", "ReferencedTable", "Table", "tables_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    """As `format_type` has it: `character varying(20)`."""
    nullable: bool
    generated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencedTable:
    """What a foreign key refers to."""

    schema: str
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A key of a table; its columns are in the order of the key."""

    type: str
    """`primary_key`, `unique` or `foreign_key`."""
    name: str
    columns: tuple[str, ...]
    referenced_table: ReferencedTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its columns in their order, and its keys in the order of their names."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]


# Which tables there are is decided as pg_dump decides it: no temporary ones, and none that an extension made.
TABLES_QUERY: Final = """
SELECT coalesce(json_agg(json_build_object(
    'schema', n.nspname,
    'name', c.relname,
    'columns', coalesce((
        SELECT json_agg(json_build_object(
            'name', a.attname,
            'type', format_type(a.atttypid, a.atttypmod),
            'nullable', NOT a.attnotnull,
            'generated', a.attgenerated <> ''
        ) ORDER BY a.attnum)
        FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ), '[]'),
    'constraints', coalesce((
        SELECT json_agg(json_build_object(
            'type', CASE k.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique' ELSE 'foreign_key' END,
            'name', k.conname,
            'columns', (
                SELECT json_agg(a.attname ORDER BY at)
                FROM unnest(k.conkey) WITH ORDINALITY AS key (attnum, at)
                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.attnum
            ),
            'referenced_table', CASE WHEN k.contype = 'f' THEN (
                SELECT json_build_object('schema', rn.nspname, 'table', r.relname, 'columns', (
                    SELECT json_agg(a.attname ORDER BY at)
                    FROM unnest(k.confkey) WITH ORDINALITY AS key (attnum, at)
                    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.attnum
                ))
                FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace
                WHERE r.oid = k.confrelid
            ) END
        ) ORDER BY k.conname)
        FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f')
    ), '[]')
) ORDER BY n.nspname, c.relname), '[]')::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
  AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
"""
"""Gives one row with one text, in the database that it is asked in."""


def tables_of(text: str) -> tuple[Table, ...]:
    """The tables in the answer to `TABLES_QUERY`, in the order of schema and name."""
    tables: tuple[Table, ...] = from_json(tuple[Table, ...], text)
    return tables
