"""One Postgres from spawned to stopped: when it is ready, and how to talk to it as its administrator."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from dormouse.compute.account import Account
from dormouse.compute.binaries import Postgres
from dormouse.compute.conf import ADMIN_ROLE, SOCKET_NAME, render
from dormouse.compute.interrupted import forget_label, put_label_back
from dormouse.compute.log_file import shorten
from dormouse.compute.process import Postmaster, spawn
from dormouse.errors import StartFailed
from dormouse.storage.durable import write_atomically

__all__ = ["Server", "connect_as_admin", "prepare_folder", "read_log_tail", "running"]

_FIRST_POLL_S: Final = 0.002
_POLL_GROWTH: Final = 1.06
"""So a start seems to take a seventeenth longer than it does, at most."""
_SLOWEST_POLL_S: Final = 0.05
_RESTART_S: Final = 20.0
"""For a crash recovery without a new start; a longer one is an answer of its own."""
_KEEP_ADMIN_S: Final = 3.0
"""A burst of clients asks one question each. A new connection takes 3 ms, and who idles asks in minutes."""
_RECOVERY: Final = {"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}
"""Before it replays, Postgres syncs its whole directory. One call for the file system takes a fraction of an fsync
for each of a thousand files (manual, 20.12); only Linux has it."""

_STATUS_LINE: Final = 7
"""`postmaster.pid` holds a status in its eighth line (LOCK_FILE_LINE_PM_STATUS, miscadmin.h)."""

_UNHINDERED: Final = (
    "-c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0 "
    "-c search_path="
)
"""A compute's `pg_settings`, and what users set for their databases, are for users: the platform's own questions
are not to fail by them. Nor are they to call what users made: without a path, names that stand alone are
Postgres's."""


class Server:
    """A running postmaster and the admin's connection to it. Made by `Server.start`."""

    def __init__(self, postmaster: Postmaster, socket_dir: Path, log: Path, *, log_start: int) -> None:
        self.postmaster = postmaster
        self.log = log
        self._socket_dir = socket_dir
        self._log_start = log_start
        self._admin: psycopg.AsyncConnection | None = None
        self._admin_lock = asyncio.Lock()
        self._closing: asyncio.TimerHandle | None = None

    @classmethod
    async def start(
        cls,
        postgres: Postgres,
        data: Path,
        *,
        settings: dict[str, str],
        socket_dir: Path,
        account: Account | None,
        timeout_s: float,
    ) -> "Server":
        """Write `dormouse.conf`, start, and return when it accepts connections.

        A recovery may take longer than `timeout_s`: the time counts from the last sign of progress, which is
        the log growing. Raises StartFailed with the log's last lines; then no process is left.
        """
        owner = None if account is None else account.owner
        log = data.parent / "postgres.log"
        await asyncio.to_thread(_prepare_start, postgres, data, settings, socket_dir, log, owner)
        written = log.stat().st_size if log.exists() else 0
        try:
            postmaster = await spawn(postgres, data, account=account, log=log)
        except OSError as error:
            raise StartFailed(f"Postgres could not be started: {error.strerror or error}") from error
        server = cls(postmaster, socket_dir, log, log_start=written)
        try:
            await server._until_accepting(data, timeout_s)
        except BaseException as error:
            await asyncio.shield(postmaster.stop())
            if isinstance(error, TimeoutError):
                raise StartFailed(
                    f"Postgres did not become ready within {timeout_s:g} s", server.log_tail()
                ) from error
            raise
        await asyncio.to_thread(forget_label, data)
        return server

    @property
    def socket_path(self) -> str:
        """The unix socket."""
        return str(self._socket_dir / SOCKET_NAME)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """The kept connection as `cloud_admin`, in autocommit, for one user at a time.

        Opened at first use, and anew after a backend crash, or when nobody used it for some seconds: a backend
        takes 5 MB, a quarter of an idle compute. Raises psycopg.OperationalError.
        """
        async with self._admin_lock:
            self._keep_admin()
            if self._admin is None or self._admin.closed or self._admin.broken:
                self._admin = await connect_as_admin(self._socket_dir, "postgres")
            try:
                yield self._admin
            except (psycopg.OperationalError, asyncio.CancelledError):
                # In doubt about its state: the next user gets a new one.
                await self._close_admin()
                raise
            self._closing = asyncio.get_running_loop().call_later(_KEEP_ADMIN_S, self._drop_admin)

    async def ask(self, query: LiteralString, *parameters: str) -> tuple[Any, ...] | None:
        """The first row of an answer, asked as the administrator; None if there is none.

        Waits for a server that restarts its backends, as Postgres does after one of them crashed.
        Raises psycopg.Error when it does not answer for all that.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _RESTART_S
        while True:
            try:
                async with self.admin() as connection:
                    return await (await connection.execute(query, parameters)).fetchone()
            except psycopg.OperationalError:
                if self.postmaster.exited.is_set() or loop.time() > deadline:
                    raise
            await asyncio.sleep(_SLOWEST_POLL_S)

    def reload(self) -> None:
        """Make it read its files again."""
        self.postmaster.send(signal.SIGHUP)

    async def stop(self) -> str:
        """Cut the walsenders, then down the ladder; returns the name of the step that was needed."""
        with contextlib.suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(1.0), self.admin() as connection:
                # A walreceiver that is stuck would hold up a fast stop for as long as it likes.
                await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        async with self._admin_lock:
            await self._close_admin()
        return await self.postmaster.stop()

    def log_tail(self) -> str:
        """The last lines that it wrote since it was started."""
        return read_log_tail(self.log, self._log_start)

    async def _until_accepting(self, data: Path, timeout_s: float) -> None:
        pid_file = data / "postmaster.pid"
        poll_s = _FIRST_POLL_S
        loop = asyncio.get_running_loop()
        log_size = -1
        deadline = loop.time() + timeout_s
        while not _accepts(pid_file, self.postmaster.pid):
            if self.postmaster.exited.is_set():
                code = self.postmaster.exit_code
                raise StartFailed(f"Postgres ended at start (exit {code})", self.log_tail())
            if (size := self.log.stat().st_size) != log_size:
                log_size, deadline = size, loop.time() + timeout_s
            if loop.time() > deadline:
                raise TimeoutError
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll_s):
                    await self.postmaster.exited.wait()
            poll_s = min(poll_s * _POLL_GROWTH, _SLOWEST_POLL_S)

    def _keep_admin(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _drop_admin(self) -> None:
        """Nobody used it for a while. Closing sends a few bytes to a socket, and waits for nothing."""
        self._closing = None
        if self._admin is not None and not self._admin_lock.locked():
            self._admin.pgconn.finish()
            self._admin = None

    async def _close_admin(self) -> None:
        self._keep_admin()
        if self._admin is not None:
            with contextlib.suppress(psycopg.Error):
                await self._admin.close()
            self._admin = None


@asynccontextmanager
async def running(
    postgres: Postgres,
    data: Path,
    *,
    settings: dict[str, str],
    socket_dir: Path,
    account: Account | None,
    timeout_s: float = 60.0,
) -> AsyncIterator[Server]:
    """A server for the length of a block."""
    server = await Server.start(
        postgres, data, settings=settings, socket_dir=socket_dir, account=account, timeout_s=timeout_s
    )
    try:
        yield server
    finally:
        await server.stop()


async def connect_as_admin(socket_dir: Path, database: str) -> psycopg.AsyncConnection:
    """A connection in autocommit over the unix socket. The caller closes it."""
    return await psycopg.AsyncConnection.connect(
        host=str(socket_dir),
        port=5432,
        user=ADMIN_ROLE,
        dbname=database,
        application_name="dormouse",
        options=_UNHINDERED,
        autocommit=True,
        connect_timeout=10,
    )


def prepare_folder(folder: Path, owner: tuple[int, int] | None, mode: int = 0o700) -> None:
    """Make a folder that the server's user owns; an existing one is left as it is."""
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    if owner is not None and folder.stat().st_uid != owner[0]:
        os.chown(folder, *owner)


def read_log_tail(log: Path, since: int = 0, lines: int = 12) -> str:
    """The last lines of a server's log that were written from byte `since` on."""
    try:
        with log.open("rb") as file:
            size = log.stat().st_size
            # It may have been shortened since.
            file.seek(max(since if since <= size else 0, size - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _prepare_start(
    postgres: Postgres,
    data: Path,
    settings: dict[str, str],
    socket_dir: Path,
    log: Path,
    owner: tuple[int, int] | None,
) -> None:
    prepare_folder(socket_dir, owner)
    put_label_back(postgres, data)
    # Whoever wrote it is gone: leftovers were stopped when the platform started. Its number may belong to
    # another process by now, and Postgres would then refuse to start.
    (data / "postmaster.pid").unlink(missing_ok=True)
    write_atomically(data / "dormouse.conf", render(settings | _RECOVERY), owner=owner, durably=False)
    shorten(log)


def _accepts(pid_file: Path, pid: int) -> bool:
    try:
        lines = pid_file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"
