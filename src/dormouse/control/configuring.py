"""Roles and databases between the records and a running server, in both directions."""

from dataclasses import replace
from typing import Final

import psycopg

from dormouse.compute.conf import ADMIN_ROLE, NEON_SUPERUSER
from dormouse.compute.configuration import Desired, Present, statements
from dormouse.compute.server import Server
from dormouse.compute.wal import parse_lsn
from dormouse.control.changes import Change, Put
from dormouse.control.computes import Computes
from dormouse.control.model import Branch
from dormouse.control.past import LedgerEntry
from dormouse.control.reconciling import OnServer, reconcile
from dormouse.errors import StartFailed
from dormouse.names import BranchId

__all__ = ["agreed", "configure", "read_server"]

_ROLES: Final = "SELECT rolname, rolcanlogin FROM pg_roles WHERE NOT starts_with(rolname, 'pg_')"
_VERIFIERS: Final = "SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-%'"
_DATABASES: Final = (
    "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
)


async def configure(computes: Computes, server: Server, branch_id: BranchId) -> None:
    """Make in the server what the records have and it lacks. Raises StartFailed with the server's words."""
    catalog = computes.catalog
    branch = catalog.branches[branch_id]
    major = catalog.projects[branch.project_id].pg_version
    stored = {key[1]: record.verifier for key, record in catalog.verifiers.items() if key[0] == branch_id}
    desired = Desired(
        verifiers={
            role.name: None if role.no_login else stored.get(role.name)
            for role in catalog.roles.values()
            if role.branch_id == branch_id
        },
        owners={
            database.name: database.owner_name
            for database in catalog.databases.values()
            if database.branch_id == branch_id
        },
    )
    try:
        async with server.admin() as connection:
            roles = await (await connection.execute("SELECT rolname, rolpassword FROM pg_authid")).fetchall()
            databases = await (await connection.execute("SELECT datname FROM pg_database")).fetchall()
            present = Present(verifiers=dict(roles), databases=frozenset(name for (name,) in databases))
            for statement in statements(desired, present, major=major):
                await connection.execute(statement)
            head = await (await connection.execute("SELECT pg_current_wal_flush_lsn()")).fetchone()
    except psycopg.Error as error:
        raise StartFailed(f"roles and databases could not be made: {error.diag.message_primary}") from error
    # In a new project's ledger it is the first line: there its past begins.
    written = LedgerEntry(
        incarnation=branch.incarnation, lsn=parse_lsn(head[0]) if head else 0, at=computes.machine.now()
    )
    await catalog.commit(lambda: [Put(replace(catalog.branches[branch_id], config_pending=False)), Put(written)])


async def read_server(connection: psycopg.AsyncConnection) -> OnServer:
    """What the server has, without the platform's own. Raises psycopg.Error."""
    roles = await (await connection.execute(_ROLES)).fetchall()
    databases = await (await connection.execute(_DATABASES)).fetchall()
    verifiers = await (await connection.execute(_VERIFIERS)).fetchall()
    head = await (await connection.execute("SELECT pg_current_wal_flush_lsn()")).fetchone()
    ours = (ADMIN_ROLE, NEON_SUPERUSER)
    return OnServer(
        roles={name: can_log_in for name, can_log_in in roles if name not in ours},
        owners=dict(databases),
        verifiers=dict(verifiers),
        head=head[0] if head else "",
    )


def agreed(computes: Computes, branch: Branch, server: OnServer) -> list[Change]:
    """What to change in the records so that they say what the server has; nothing while they are ahead of it."""
    if branch.config_pending:
        return []
    catalog = computes.catalog
    known = [database for database in catalog.databases.values() if database.branch_id == branch.id]
    unknown = server.owners.keys() - {database.name for database in known}
    return reconcile(
        branch,
        server,
        [role for role in catalog.roles.values() if role.branch_id == branch.id],
        known,
        [record for key, record in catalog.verifiers.items() if key[0] == branch.id],
        next_database_id=catalog.new_database_ids(len(unknown)).start,
        now=computes.machine.now(),
    )
