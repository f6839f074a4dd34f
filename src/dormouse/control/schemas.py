"""What is in a database besides rows: asked of the branch's running primary, or of a server of its past."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import psycopg

from dormouse.compute.binaries import choose
from dormouse.compute.dumping import dump_schema
from dormouse.compute.server import connect_as_admin
from dormouse.control.model import Branch
from dormouse.control.points import Head, Point
from dormouse.control.schema_model import Table, tables_of
from dormouse.control.schema_text import normalise
from dormouse.control.workshop import Workshop
from dormouse.errors import ComputeError, NotFound
from dormouse.names import BranchId, ProjectId

__all__ = ["OpenPast", "Schemas"]

OpenPast = Callable[[Branch, Point], AbstractAsyncContextManager[Path]]
"""A temporary server of a branch at a point, for the length of a block: the folder of its socket."""

_IS_THERE: Final = (
    "SELECT FROM pg_database WHERE datname = %s AND datallowconn AND NOT datistemplate AND datname <> 'postgres'"
)

_IS_OURS: Final = """
    n.nspname <> 'information_schema' AND NOT starts_with(n.nspname::text, 'pg_')
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
"""
"""As pg_dump sees it: what an extension brought is the extension's."""

_COLUMNS: Final = f"""
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       NOT a.attnotnull, a.attgenerated <> ''
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'f') AND {_IS_OURS}
ORDER BY n.nspname, c.relname, a.attnum
"""  # noqa: S608 - constants of ours

_CONSTRAINTS: Final = f"""
SELECT
    n.nspname, c.relname, k.contype, k.conname,
    ARRAY(
        SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u (number, position)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.position
    ),
    rn.nspname, r.relname,
    ARRAY(
        SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u (number, position)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.position
    )
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class r ON r.oid = k.confrelid
LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
-- A reference to a partitioned table has a row for each of its partitions as well.
LEFT JOIN pg_constraint whole ON whole.oid = k.conparentid AND whole.conrelid = k.conrelid
WHERE k.contype IN ('p', 'u', 'f') AND whole.oid IS NULL AND {_IS_OURS}
ORDER BY n.nspname, c.relname, array_position('{{p,u,f}}'::"char"[], k.contype), k.conname
"""  # noqa: S608 - constants of ours


class Schemas:
    """See `plane.Schemas`."""

    def __init__(self, workshop: Workshop, open_past: OpenPast) -> None:
        self._shop = workshop
        self._open_past = open_past

    async def sql(self, project: ProjectId, branch: BranchId, database: str, point: Point) -> str:
        """As `pg_dump --schema-only` writes it, without what differs from run to run.

        Raises NotFound for no such database, Locked while somebody alters a table.
        """
        async with self._server(project, branch, database, point) as socket_dir:
            dump = await dump_schema(
                choose(self._shop.machine.installed, self._shop.project(project).pg_version),
                socket_dir=socket_dir,
                database=database,
                account=self._shop.machine.account,
                encoding="UTF8",
            )
        return await asyncio.to_thread(normalise, dump.decode("utf-8", "replace"))

    async def tables(self, project: ProjectId, branch: BranchId, database: str, point: Point) -> tuple[Table, ...]:
        """Its tables in the order of their names, partitions and foreign ones too.

        Raises NotFound for no such database.
        """
        async with self._server(project, branch, database, point) as socket_dir:
            try:
                async with await connect_as_admin(socket_dir, database) as connection:
                    await connection.execute("SET client_encoding TO 'UTF8'")
                    columns = await (await connection.execute(_COLUMNS)).fetchall()
                    constraints = await (await connection.execute(_CONSTRAINTS)).fetchall()
            except psycopg.Error as error:
                raise ComputeError(f"the tables of {database!r} cannot be read: {error}") from error
        return tables_of(columns, constraints)

    @asynccontextmanager
    async def _server(
        self, project: ProjectId, branch: BranchId, database: str, point: Point
    ) -> AsyncIterator[Path]:
        """The socket's folder of a server that has the branch at `point`, and the database in it."""
        found = self._shop.ready_branch(project, branch)
        async with self._opened(found, point) as socket_dir:
            try:
                async with await connect_as_admin(socket_dir, "postgres") as connection:
                    row = await (await connection.execute(_IS_THERE, (database,))).fetchone()
            except psycopg.Error as error:
                raise ComputeError(f"the server of branch {found.name} does not answer: {error}") from error
            if row is None:
                raise NotFound("database not found")
            yield socket_dir

    @asynccontextmanager
    async def _opened(self, branch: Branch, point: Point) -> AsyncIterator[Path]:
        primary = self._shop.computes.primary(branch.id) if isinstance(point, Head) else None
        if primary is None:
            async with self._open_past(branch, point) as socket_dir:
                yield socket_dir
        else:
            async with self._shop.computes.held_awake(primary):
                yield self._shop.machine.socket_dir(primary.endpoint)
