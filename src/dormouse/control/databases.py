"""Databases of a branch: made through the records, changed on the server, found there if made by SQL."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from dormouse.control.changes import Change, Delete, Put
from dormouse.control.model import Branch, Database, OperationAction, whole_second
from dormouse.control.plane import Ops
from dormouse.control.roles import agree_with_server
from dormouse.control.rules import may_be_called
from dormouse.control.workshop import Workshop
from dormouse.errors import NotFound, RuleViolation
from dormouse.names import BranchId, ProjectId

__all__ = ["Databases"]


class Databases:
    """See `plane.Databases`."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog

    async def all(self, project: ProjectId, branch: BranchId) -> list[Database]:
        """In the order of their names."""
        await agree_with_server(self._shop, self._shop.branch(project, branch))
        return self._shop.databases_of(branch)

    async def get(self, project: ProjectId, branch: BranchId, database: str) -> Database:
        """One of them."""
        for found in await self.all(project, branch):
            if found.name == database:
                return found
        raise NotFound("database not found")

    async def create(
        self, project: ProjectId, branch: BranchId, database: str, *, owner: str
    ) -> tuple[Database, Ops]:
        """Owned by a role of the branch."""
        async with self._shop.changing(project, branch):
            found = self._shop.ready_branch(project, branch)
            may_be_called("database", database, (other.name for other in await self.all(project, branch)))
            self._owner(branch, owner)
            if self._shop.computes.primary(branch) is None:
                raise RuleViolation("branch has no read_write endpoint to apply the change on")
            now = whole_second(self._shop.machine.now())
            made = Database(
                id=self._catalog.new_database_ids()[0],
                branch_id=branch,
                name=database,
                owner_name=owner,
                created_at=now,
                updated_at=now,
            )
            await self._catalog.commit(
                lambda: [Put(made), Put(replace(self._catalog.branches[branch], config_pending=True))]
            )
            return made, (await self._shop.apply(found),)

    async def update(
        self, project: ProjectId, branch: BranchId, database: str, *, name: str | None, owner: str | None
    ) -> tuple[Database, Ops]:
        """Rename it, give it to another role."""
        async with self._shop.changing(project, branch):
            found = self._shop.ready_branch(project, branch)
            old = await self.get(project, branch, database)
            changed = replace(old, updated_at=whole_second(self._shop.machine.now()))
            statements: list[sql.Composed] = []
            if owner is not None and owner != old.owner_name:
                self._owner(branch, owner)
                statements.append(_names("ALTER DATABASE {} OWNER TO {}", database, owner))
                changed = replace(changed, owner_name=owner)
            if name is not None and name != database:
                may_be_called("database", name, (other.name for other in self._shop.databases_of(branch)))
                # It cannot be renamed while somebody is connected to it.
                statements += [_cut(database), _names("ALTER DATABASE {} RENAME TO {}", database, name)]
                changed = replace(changed, name=name)
            operation = await self._on_server(found, statements, [Put(changed)])
        return changed, operation

    async def delete(self, project: ProjectId, branch: BranchId, database: str) -> tuple[Database, Ops]:
        """Cuts its clients."""
        async with self._shop.changing(project, branch):
            found = self._shop.ready_branch(project, branch)
            old = await self.get(project, branch, database)
            statement = _names("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)
            operation = await self._on_server(found, [statement], [Delete(old)])
        return old, operation

    async def _on_server(self, branch: Branch, statements: list[sql.Composed], changes: list[Change]) -> Ops:
        """Execute, then say so in the records; a kill in between is found by the next look at the server."""
        shop = self._shop
        primary = shop.computes.primary(branch.id)
        if primary is None:
            raise RuleViolation("branch has no read_write endpoint to apply the change on")
        operation = shop.maker().operation(OperationAction.APPLY_CONFIG, branch, primary.endpoint)
        await self._catalog.put(operation)

        async def execute() -> None:
            async with shop.computes.held_awake(primary) as server:
                try:
                    async with server.admin() as connection:
                        for statement in statements:
                            await connection.execute(statement)
                except psycopg.Error as error:
                    raise RuleViolation(f"the database cannot be changed: {error.diag.message_primary}") from error
            await self._catalog.commit(lambda: changes)

        work: Callable[[], Coroutine[Any, Any, None]] = execute
        await shop.carrier.run_or_raise(operation, work)
        return ((await self._catalog.operation(operation.id)) or operation,)

    def _owner(self, branch: BranchId, owner: str) -> None:
        if (branch, owner) not in self._catalog.roles:
            raise NotFound("role not found")


def _names(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))


def _cut(database: str) -> sql.Composed:
    query = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = {}"
    return sql.SQL(query).format(sql.Literal(database))
