"""Tables and views of a database: asked as one of the branch's roles, so that they are what that role may see."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from dormouse.control.browsing import query_of
from dormouse.control.points import Point
from dormouse.control.relation_model import (
    Browse,
    Relation,
    RelationColumn,
    RelationConstraint,
    RelationDetail,
    RelationIndex,
    RelationKind,
    Scope,
)
from dormouse.control.statement_model import Answer, Complaint, Limits, ResultColumn, Statement
from dormouse.errors import ComputeError, NotFound, RuleViolation
from dormouse.names import BranchId, ProjectId

__all__ = ["Relations", "Run"]

Run = Callable[[ProjectId, BranchId, Statement, Point], Awaitable[Answer]]
"""Carries out a statement on a branch at a point."""

_CATALOG: Final = Limits(seconds=10.0, value_bytes=16 << 20, kept_bytes=16 << 20)
"""What is asked of the catalog comes as one value of JSON: some 200 bytes for each table."""

_RELATIONS: Final = """
    SELECT
        c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
        CASE WHEN c.relkind <> 'v' AND c.reltuples >= 0 THEN c.reltuples::bigint
             ELSE nullif(pg_stat_get_live_tuples(c.oid), 0)
        END AS estimated_rows,
        CASE WHEN c.relkind IN ('r', 'm') THEN pg_total_relation_size(c.oid)
             WHEN c.relkind = 'p' THEN (
                 SELECT coalesce(sum(pg_total_relation_size(t.relid)), 0)::bigint FROM pg_partition_tree(c.oid) t)
        END AS size_bytes,
        coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname::text, 'pg_')
"""
"""No table is read for it. What was never analyzed is counted in the statistics, if it was written to."""

_ALL: Final = f"SELECT coalesce(json_agg(r ORDER BY r.schema, r.name), '[]') FROM ({_RELATIONS}) r"  # noqa: S608

_ONE: Final = f"""
SELECT json_build_object(
    'relation', row_to_json(r),
    'columns', (
        SELECT coalesce(json_agg(json_build_object(
            'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull,
            'default', coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
            'made', CASE WHEN a.attidentity <> '' THEN 'identity'
                         WHEN a.attgenerated <> '' THEN 'generated' ELSE '' END,
            'is_wide', a.attlen < 0, 'comment', coalesce(col_description(a.attrelid, a.attnum), '')
        ) ORDER BY a.attnum), '[]')
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'key', (
        SELECT coalesce(json_agg(a.attname ORDER BY u.position), '[]')
        FROM pg_constraint k, unnest(k.conkey) WITH ORDINALITY u (number, position)
        JOIN pg_attribute a ON a.attnum = u.number
        WHERE k.conrelid = r.oid AND k.contype = 'p' AND a.attrelid = r.oid),
    'indexes', (
        SELECT coalesce(json_agg(json_build_object(
            'name', i.relname, 'definition', pg_get_indexdef(x.indexrelid),
            'size_bytes', pg_relation_size(x.indexrelid), 'is_valid', x.indisvalid
        ) ORDER BY x.indisprimary DESC, i.relname), '[]')
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = r.oid),
    'constraints', (
        SELECT coalesce(json_agg(json_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid))
            ORDER BY array_position('{{p,u,f,c}}'::"char"[], k.contype), k.conname), '[]')
        FROM pg_constraint k WHERE k.conrelid = r.oid AND k.contype NOT IN ('n', 't')),
    'view', CASE WHEN r.kind IN ('v', 'm') THEN pg_get_viewdef(r.oid, true) ELSE '' END
)
FROM ({_RELATIONS} AND n.nspname = $1 AND c.relname = $2) r
"""  # noqa: S608


class Relations:
    """See `plane.Relations`."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def all(self, scope: Scope) -> tuple[Relation, ...]:
        """Of all schemas but Postgres's own, in the order of schema and name."""
        return tuple(map(_relation, await self._document(scope, _ALL)))

    async def get(self, scope: Scope, schema: str, name: str) -> RelationDetail:
        """One of them."""
        found = await self._document(scope, _ONE, schema, name)
        if found is None:
            raise NotFound(f"there is no table {schema}.{name}")
        return _detail(found)

    async def rows(self, scope: Scope, relation: RelationDetail, browse: Browse) -> Answer:
        """Some of its rows, wide values as far as `BROWSED_CHARACTERS`."""
        text, parameters = query_of(relation, browse)
        answer = await self._ask(scope, text, parameters, Limits(seconds=5.0, rows=browse.limit))
        if isinstance(answer.result, Complaint):
            return answer
        # What was shortened comes as text; what it is, the table says.
        columns = tuple(ResultColumn(name=each.name, type=each.type) for each in relation.columns)
        return replace(answer, result=replace(answer.result, columns=columns))

    async def _document(self, scope: Scope, text: str, *parameters: str) -> Any:
        """The one value of a statement, read as JSON; None if it gives no row."""
        result = (await self._ask(scope, text, parameters, _CATALOG)).result
        if isinstance(result, Complaint):
            raise RuleViolation(f"the tables cannot be read: {result.message}", result.hint)
        if not result.rows:
            return None
        cell = result.rows[0][0]
        if cell is None or cell.is_cut:
            raise ComputeError("the catalog tells more of the tables than can be shown")
        return json.loads(cell.text)

    async def _ask(self, scope: Scope, text: str, parameters: tuple[str, ...], limits: Limits) -> Answer:
        statement = Statement(
            text=text, database=scope.database, role=scope.role, parameters=parameters, limits=limits
        )
        return await self._run(scope.project, scope.branch, statement, scope.point)


def _relation(found: dict[str, Any]) -> Relation:
    return Relation(
        schema=found["schema"],
        name=found["name"],
        kind=RelationKind(found["kind"]),
        estimated_rows=found["estimated_rows"],
        size_bytes=found["size_bytes"],
        comment=found["comment"],
    )


def _detail(found: dict[str, Any]) -> RelationDetail:
    return RelationDetail(
        relation=_relation(found["relation"]),
        columns=tuple(RelationColumn(**each) for each in found["columns"]),
        key=tuple(found["key"]),
        indexes=tuple(RelationIndex(**each) for each in found["indexes"]),
        constraints=tuple(RelationConstraint(**each) for each in found["constraints"]),
        view=found["view"],
    )
