"""A PgBouncer beside an awake compute, in transaction mode: what a `-pooler` host leads to.

It listens on a unix socket in a folder of its own, to which only the proxy connects, after it has checked the
password; so it trusts, and takes whatever role `pg_authid` has. It is the system's: the platform brings none.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.rows import dict_row

from dormouse.compute.account import Account, run_as
from dormouse.compute.conf import ADMIN_ROLE
from dormouse.compute.environment import child_environment
from dormouse.compute.server import read_log_tail
from dormouse.errors import StartFailed
from dormouse.storage.durable import write_atomically

__all__ = ["INSTALL_HINT", "PgBouncer", "Pooler", "find_pgbouncer", "parse_version", "render_ini"]

INSTALL_HINT: Final = (
    "install PgBouncer 1.18 or newer (apt install pgbouncer, dnf install pgbouncer, brew install pgbouncer) "
    "and put it on PATH"
)
_OLDEST: Final = (1, 18)
_PREPARES_SINCE: Final = (1, 21)
_SOCKET: Final = ".s.PGSQL.5432"
_VERSION: Final = re.compile(r"PgBouncer (\d+)\.(\d+)")
_READY_S: Final = 5.0
_POLL_S: Final = 0.005
_CLIENTS: Final = 10_000
"""As at Neon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PgBouncer:
    """The program, as found on this machine."""

    path: Path
    version: tuple[int, int]

    @property
    def prepares(self) -> bool:
        """Whether it knows the prepared statements of the protocol, which drivers make unasked."""
        return self.version >= _PREPARES_SINCE


def parse_version(text: str) -> tuple[int, int] | None:
    """From what `pgbouncer --version` says."""
    found = _VERSION.search(text)
    return None if found is None else (int(found[1]), int(found[2]))


def find_pgbouncer(environ: Mapping[str, str], given: Path | None = None) -> PgBouncer | None:
    """The given one, or that on PATH, or where Debian and Homebrew put it; None if none will do. Blocks."""
    path = os.pathsep.join([environ.get("PATH", ""), "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"])
    program = shutil.which("pgbouncer" if given is None else given, path=path)
    if program is None:
        return None
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = parse_version(done.stdout)
    return None if version is None or version < _OLDEST else PgBouncer(path=Path(program), version=version)


def render_ini(pgbouncer: PgBouncer, *, folder: Path, server_socket: Path, pool_size: int) -> str:
    """Its configuration: transaction mode, with what Neon publishes of its own."""
    settings = {
        "unix_socket_dir": str(folder),
        "unix_socket_mode": "0700",
        # No TCP: whoever comes, comes through the proxy.
        "listen_addr": "",
        "listen_port": "5432",
        "auth_type": "trust",
        "auth_query": "SELECT rolname, '' FROM pg_authid WHERE rolname = $1 AND rolcanlogin",
        "pool_mode": "transaction",
        "max_client_conn": str(_CLIENTS),
        "default_pool_size": str(pool_size),
        "query_wait_timeout": "120",
        "server_idle_timeout": "60",
        "server_lifetime": "3600",
        # A server that is about to stop, or was just told to, is no reason to refuse clients for seconds.
        "server_login_retry": "1",
        # Who may ask it how it is: see `waits`.
        "stats_users": ADMIN_ROLE,
        "ignore_startup_parameters": "extra_float_digits",
        "log_connections": "0",
        "log_disconnections": "0",
        "log_stats": "0",
    }
    if pgbouncer.prepares:
        settings["max_prepared_statements"] = "1000"
    lines = [
        "[databases]",
        f"* = host={_quoted(str(server_socket))} port=5432 auth_user={ADMIN_ROLE}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    return "\n".join(lines) + "\n"


class Pooler:
    """One running PgBouncer. Made by `Pooler.start`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self.exited = asyncio.Event()
        threading.Thread(target=self._reap, name=f"reap-{process.pid}", daemon=True).start()

    @classmethod
    async def start(
        cls,
        pgbouncer: PgBouncer,
        *,
        folder: Path,
        server_socket: Path,
        pool_size: int,
        account: Account | None,
        log: Path,
        working: Path,
    ) -> "Pooler":
        """Return when it takes connections. `working` is its working directory, by which a leftover is known.

        Raises StartFailed with the last lines of its log.
        """
        ini = render_ini(pgbouncer, folder=folder, server_socket=server_socket, pool_size=pool_size)
        try:
            process = await asyncio.to_thread(_popen, pgbouncer, folder, ini, account, log, working)
        except OSError as error:
            raise StartFailed(f"PgBouncer could not be started: {error.strerror or error}") from error
        pooler = cls(process, folder)
        try:
            await pooler._until_accepting(log)
        except BaseException:
            await asyncio.shield(pooler.stop())
            raise
        return pooler

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def socket_path(self) -> str:
        """Where clients are sent."""
        return str(self._folder / _SOCKET)

    async def waits(self) -> tuple[int, float]:
        """How many clients wait for a server, and how many seconds the first of them has. Raises psycopg.Error."""
        connection = await psycopg.AsyncConnection.connect(
            host=str(self._folder), port=5432, user=ADMIN_ROLE, dbname="pgbouncer", autocommit=True,
            connect_timeout=2, row_factory=dict_row, cursor_factory=psycopg.AsyncClientCursor,
        )  # fmt: skip
        async with connection:
            pools = await (await connection.execute("SHOW POOLS")).fetchall()
        return (
            sum(pool["cl_waiting"] for pool in pools),
            max((pool["maxwait"] + pool["maxwait_us"] / 1e6 for pool in pools), default=0.0),
        )

    async def stop(self) -> None:
        """At once: its clients are cut, as the compute's own would be."""
        for number, timeout_s in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            if self.exited.is_set():
                break
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self.exited.wait()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _until_accepting(self, log: Path) -> None:
        deadline = self._loop.time() + _READY_S
        while not _accepts(self.socket_path):
            if self.exited.is_set() or self._loop.time() > deadline:
                raise StartFailed("PgBouncer did not become ready", read_log_tail(log, lines=5))
            await asyncio.sleep(_POLL_S)

    def _reap(self) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.exited.set)


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
    return True


def _popen(
    pgbouncer: PgBouncer, folder: Path, ini: str, account: Account | None, log: Path, working: Path
) -> subprocess.Popen[bytes]:
    owner = None if account is None else account.owner
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    if owner is not None:
        os.chown(folder, *owner)
    write_atomically(folder / "pgbouncer.ini", ini, owner=owner, durably=False)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return subprocess.Popen(
            **run_as(account, [str(pgbouncer.path), "--quiet", str(folder / "pgbouncer.ini")]),
            cwd=working,
            env=child_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            umask=0o077,
        )
    finally:
        os.close(descriptor)


def _quoted(value: str) -> str:
    """A value in a connection string of the ini file: quotes are doubled in it (pgbouncer(5), [databases])."""
    return "'" + value.replace("'", "''") + "'"
