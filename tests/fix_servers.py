"""Postgres servers without a platform, each on its own copy of the template."""

import itertools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fix_platform import new_home

from dormouse.compute.account import Account, server_account
from dormouse.compute.binaries import SUPPORTED_MAJORS, Postgres, find_installed
from dormouse.compute.conf import ADMIN_ROLE, template_settings
from dormouse.compute.environment import child_environment
from dormouse.compute.server import connect_as_admin, prepare_folder, running
from dormouse.compute.template import build_template, template_key


@dataclass(slots=True)
class Servers:
    """Made and run in one folder."""

    root: Path
    account: Account | None
    installed: tuple[Postgres, ...]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @asynccontextmanager
    async def fresh(self, postgres: Postgres) -> AsyncIterator[Path]:
        """One for the length of a block, as the template left it: the folder of its socket."""
        template = self.root / template_key(postgres)
        folder = self.root / str(next(self.numbers))
        prepare_folder(folder, None if self.account is None else self.account.owner)
        sockets, data = folder / "s", folder / "data"
        if not template.exists():
            await build_template(postgres, template, building=self.root, socket_dir=sockets, account=self.account)
        subprocess.run(["cp", "-a", template, data], check=True)
        settings = template_settings(sockets, postgres.major)
        async with running(postgres, data, settings=settings, socket_dir=sockets, account=self.account):
            yield sockets
        shutil.rmtree(folder, ignore_errors=True)

    def run(self, postgres: Postgres, program: str, socket_dir: Path, *arguments: str) -> str:
        """What a program of that Postgres says, as the administrator."""
        done = subprocess.run(
            [postgres.program(program), f"--host={socket_dir}", f"--username={ADMIN_ROLE}", *arguments],
            env=child_environment(os.environ),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


async def ask(socket_dir: Path, query: str, database: str = "neondb", role: str = ADMIN_ROLE) -> list[Any]:
    """Execute as `role`: one statement, or several that give no rows."""
    async with await connect_as_admin(socket_dir, database) as connection:
        await connection.execute(f'SET SESSION AUTHORIZATION "{role}"')  # type: ignore[arg-type]
        # As sessions have it that are not the platform's.
        await connection.execute("""SET search_path TO "$user", public""")
        cursor = await connection.execute(query)  # type: ignore[arg-type]
        return await cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """In a folder that is removed afterwards."""
    account = server_account()
    root = new_home().parent
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DORMOUSE_"))}
    found = tuple(one for one in find_installed(None, environ, account) if one.enterable)
    yield Servers(root, account, found)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(params=SUPPORTED_MAJORS, ids="postgres {}".format)
def each_postgres(request: pytest.FixtureRequest, servers: Servers) -> Postgres:
    """Of each major version that is on this machine, one; with contrib if there is one."""
    there = [one for one in servers.installed if one.major == request.param]
    if not there:
        pytest.skip(f"Postgres {request.param} is not on this machine")
    return max(there, key=lambda one: one.has_contrib)


@pytest.fixture(scope="session")
def a_postgres(servers: Servers) -> Postgres:
    """The newest of this machine."""
    return servers.installed[0]
