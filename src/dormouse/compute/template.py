"""The data directory that all projects of one Postgres start from: decided once, here.

It is made by `initdb` and one short run of the server, in which the roles and the database of Neon are
created; a project is then a renamed copy, and only its owner's password is left to be set.
"""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import psycopg

from dormouse.compute.account import Account, run_as
from dormouse.compute.binaries import Postgres
from dormouse.compute.conf import (
    ADMIN_ROLE,
    HBA,
    NEON_SUPERUSER,
    POSTGRESQL_CONF,
    WAL_SEGMENT_BYTES,
    role_attributes,
    template_settings,
)
from dormouse.compute.environment import child_environment
from dormouse.compute.server import connect_as_admin, prepare_folder, running
from dormouse.errors import StartFailed
from dormouse.names import DEFAULT_DATABASE, owner_of
from dormouse.storage.durable import rename_durably, sync_tree, write_atomically
from dormouse.storage.tree import let_settle

__all__ = ["build_template", "template_key"]

_RECIPE: Final = 3
"""Counted up when what follows changes: a template of an older recipe is then not used for new projects."""

_OWNER: Final = owner_of(DEFAULT_DATABASE)


def template_key(postgres: Postgres) -> str:
    """The folder name of a template: `18.4-bundled-r1`."""
    return f"{postgres.key}-r{_RECIPE}"


async def build_template(
    postgres: Postgres, target: Path, *, building: Path, socket_dir: Path, account: Account | None
) -> None:
    """Make the template at `target`, synced. Raises StartFailed with what initdb or the server said."""
    work = building / f"template-{template_key(postgres)}"
    shutil.rmtree(work, ignore_errors=True)
    owner = None if account is None else account.owner
    prepare_folder(work, owner)
    data = work / "data"
    await asyncio.to_thread(_initdb, postgres, data, account)
    write_atomically(data / "postgresql.conf", POSTGRESQL_CONF, owner=owner)
    write_atomically(data / "pg_hba.conf", HBA, owner=owner)
    settings = template_settings(socket_dir, postgres.major)
    async with running(postgres, data, settings=settings, socket_dir=socket_dir, account=account) as server:
        async with server.admin() as connection:
            await _create_roles(connection, postgres.major)
            await connection.execute(f"CREATE DATABASE {DEFAULT_DATABASE} OWNER {_OWNER}")
            await connection.execute(f"GRANT ALL PRIVILEGES ON DATABASE {DEFAULT_DATABASE} TO {NEON_SUPERUSER}")
        async with await connect_as_admin(socket_dir, DEFAULT_DATABASE) as connection:
            await connection.execute(f"ALTER SCHEMA public OWNER TO {_OWNER}")
            await connection.execute("VACUUM (FREEZE, ANALYZE)")
    (data / "postmaster.opts").unlink(missing_ok=True)
    await asyncio.to_thread(_land, data, target)
    shutil.rmtree(work, ignore_errors=True)


async def _create_roles(connection: psycopg.AsyncConnection, major: int) -> None:
    """Neon's roles: `neon_superuser` is what a real superuser is elsewhere, and no superuser."""
    attributes = role_attributes(major)
    await connection.execute(f"CREATE ROLE {NEON_SUPERUSER} NOLOGIN {attributes}")
    memberships = ["pg_read_all_data", "pg_write_all_data", "pg_monitor", "pg_signal_backend"]
    if major >= 16:
        memberships.append("pg_create_subscription")
    await connection.execute(f"GRANT {', '.join(memberships)} TO {NEON_SUPERUSER} WITH ADMIN OPTION")
    await connection.execute(f"CREATE ROLE {_OWNER} LOGIN {attributes} IN ROLE {NEON_SUPERUSER}")


def _initdb(postgres: Postgres, data: Path, account: Account | None) -> None:
    # The same order of strings on every machine and in every version: bytes, with Unicode's idea of letters.
    locale = ["--locale=C.UTF-8"]
    if postgres.major >= 17:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [
        postgres.program("initdb"),
        f"--pgdata={data}",
        f"--username={ADMIN_ROLE}",
        "--auth=trust",
        "--encoding=UTF8",
        *locale,
        "--data-checksums",
        f"--wal-segsize={WAL_SEGMENT_BYTES >> 20}",
        "--no-sync",
        "--no-instructions",
    ]
    done = subprocess.run(
        **run_as(account, command),
        cwd="/",
        env=child_environment(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        raise StartFailed(f"initdb of Postgres {postgres.version} failed (exit {done.returncode})", said)


def _land(data: Path, target: Path) -> None:
    let_settle(data)
    sync_tree(data)
    target.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    rename_durably(data, target)
