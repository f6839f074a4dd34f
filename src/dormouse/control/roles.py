"""Roles of a branch: made and changed through the records, dropped on the server, found there if made by SQL."""

from dataclasses import replace
from typing import LiteralString

import psycopg
from psycopg import sql

from dormouse.compute.server import connect_as_admin
from dormouse.control.changes import Delete, Put
from dormouse.control.configuring import agreed, read_server
from dormouse.control.model import Branch, OperationAction, Role, StoredVerifier, whole_second
from dormouse.control.plane import Ops
from dormouse.control.rules import may_be_called, may_delete_role
from dormouse.control.workshop import Workshop
from dormouse.errors import NotFound, RuleViolation
from dormouse.names import BranchId, ProjectId, new_password
from dormouse.wire.scram import build_verifier

__all__ = ["Roles", "agree_with_server"]


class Roles:
    """See `plane.Roles`."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._catalog = workshop.catalog

    async def all(self, project: ProjectId, branch: BranchId) -> list[Role]:
        """In the order of their names."""
        await agree_with_server(self._shop, self._shop.branch(project, branch))
        return self._shop.roles_of(branch)

    async def get(self, project: ProjectId, branch: BranchId, role: str) -> Role:
        """One of them."""
        for found in await self.all(project, branch):
            if found.name == role:
                return found
        raise NotFound("role not found")

    async def create(self, project: ProjectId, branch: BranchId, role: str, *, no_login: bool) -> tuple[Role, Ops]:
        """A member of neon_superuser with a new password, which the answer carries."""
        async with self._shop.changing(project, branch):
            found = self._shop.ready_branch(project, branch)
            may_be_called("role", role, (other.name for other in await self.all(project, branch)))
            now = whole_second(self._shop.machine.now())
            made = Role(
                branch_id=branch,
                name=role,
                password=None,
                protected=False,
                created_at=now,
                updated_at=now,
                no_login=no_login,
            )
            return await self._with_password(found, made)

    async def reset_password(self, project: ProjectId, branch: BranchId, role: str) -> tuple[Role, Ops]:
        """A new password, which the answer carries."""
        async with self._shop.changing(project, branch):
            found = self._shop.ready_branch(project, branch)
            old = await self.get(project, branch, role)
            if old.no_login:
                raise RuleViolation("role cannot log in")
            return await self._with_password(
                found, replace(old, updated_at=whole_second(self._shop.machine.now()))
            )

    async def delete(self, project: ProjectId, branch: BranchId, role: str) -> tuple[Role, Ops]:
        """What it owns in databases of others goes to their owners."""
        shop = self._shop
        async with shop.changing(project, branch):
            branch_record = shop.ready_branch(project, branch)
            found = await self.get(project, branch, role)
            may_delete_role(role, shop.databases_of(branch))
            primary = shop.computes.primary(branch)
            if primary is None:
                raise RuleViolation("branch has no read_write endpoint to apply the change on")
            operation = shop.maker().operation(OperationAction.APPLY_CONFIG, branch_record, primary.endpoint)
            await self._catalog.put(operation)

            async def drop() -> None:
                async with shop.computes.held_awake(primary) as server:
                    socket_dir = shop.machine.socket_dir(primary.endpoint)
                    try:
                        for database in shop.databases_of(branch):
                            async with await connect_as_admin(socket_dir, database.name) as connection:
                                await connection.execute(
                                    _names("REASSIGN OWNED BY {} TO {}", role, database.owner_name)
                                )
                                await connection.execute(_names("DROP OWNED BY {}", role))
                        async with server.admin() as connection:
                            await connection.execute(_names("DROP ROLE IF EXISTS {}", role))
                    except psycopg.Error as error:
                        raise RuleViolation(f"cannot delete role: {error.diag.message_primary}") from error
                verifier = self._catalog.verifiers.get((branch, role))
                await self._catalog.commit(
                    lambda: [Delete(found), *([] if verifier is None else [Delete(verifier)])]
                )

            await shop.carrier.run_or_raise(operation, drop)
        return found, ((await self._catalog.operation(operation.id)) or operation,)

    async def _with_password(self, branch: Branch, role: Role) -> tuple[Role, Ops]:
        """Put the role and its new password into the records, then into the server."""
        shop = self._shop
        if shop.computes.primary(branch.id) is None:
            raise RuleViolation("branch has no read_write endpoint to apply the change on")
        password = None if role.no_login else new_password(shop.machine.chance)
        kept = password if self._catalog.projects[branch.project_id].store_passwords else None
        records = [Put(replace(role, password=kept))]
        if password is not None:
            verifier = build_verifier(password, shop.machine.chance.randbytes(16))
            stored = StoredVerifier(branch_id=branch.id, role=role.name, verifier=verifier)
            await self._catalog.put(stored)
        await self._catalog.commit(
            lambda: [*records, Put(replace(self._catalog.branches[branch.id], config_pending=True))]
        )
        operation = await shop.apply(branch)
        return replace(role, password=password), (operation,)


async def agree_with_server(workshop: Workshop, branch: Branch) -> str:
    """While its primary is awake, bring the records of a branch to where the server is; returns its head.

    "" when it is not awake, and the records are those of its last stop.
    """
    primary = workshop.computes.primary(branch.id)
    if primary is None or not workshop.is_awake(branch.id) or branch.config_pending:
        return ""
    try:
        async with primary.server.admin() as connection:
            server = await read_server(connection)
    except psycopg.Error:
        return ""  # it is about to stop; what it had is in the records then
    catalog = workshop.catalog
    if agreed(workshop.computes, branch, server):
        await catalog.commit(lambda: agreed(workshop.computes, catalog.branches[branch.id], server))
    return server.head


def _names(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))
