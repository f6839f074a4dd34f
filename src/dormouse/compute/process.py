"""Server processes. The only module that starts, signals and recognises them.

A process is known by more than its pid, which the system gives out again: by its executable's name and its
working directory, which for every process of a Postgres is its data directory.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from dormouse.compute.account import Account
from dormouse.compute.binaries import Postgres
from dormouse.compute.environment import child_environment

__all__ = ["Postmaster", "StopStep", "spawn", "stop_leftovers"]

logger = logging.getLogger("dormouse.compute")


@dataclass(frozen=True, slots=True, kw_only=True)
class StopStep:
    """One rung of the ladder: how to ask, and how long to wait for it."""

    name: str
    signal: signal.Signals
    timeout_s: float


STOP_LADDER: Final = (
    StopStep(name="fast", signal=signal.SIGINT, timeout_s=30.0),
    StopStep(name="immediate", signal=signal.SIGQUIT, timeout_s=5.0),
    StopStep(name="kill", signal=signal.SIGKILL, timeout_s=5.0),
)
"""Postgres's own three words (manual, 18.5). Fast writes a checkpoint, so it gets the time for one."""


class Postmaster:
    """One server process of ours. Made by `spawn`."""

    def __init__(self, process: subprocess.Popen[bytes], data: Path) -> None:
        self._process = process
        self._data = data
        self._loop = asyncio.get_running_loop()
        self.exited = asyncio.Event()
        """Set when the process is gone and reaped."""
        # A thread and not a watcher of the loop: it works the same on uvloop, on asyncio and on macOS.
        threading.Thread(target=self._reap, name=f"reap-{process.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number if one ended it."""
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        """Signal the postmaster; nothing happens if it is gone."""
        if not self.exited.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self) -> str:
        """Stop it, asking ever less politely, and return the name of the step that was needed."""
        for step in STOP_LADDER:
            if self.exited.is_set():
                break
            self.send(step.signal)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(step.timeout_s):
                    await self.exited.wait()
                    return step.name
            logger.warning(
                "a server did not stop in time",
                extra={"action": "stop_timeout", "step": step.name, "pid": self.pid, "data": str(self._data)},
            )
        return "kill"

    def _reap(self) -> None:
        self._process.wait()
        # The loop may be closed already when the platform itself goes away.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.exited.set)


async def spawn(postgres: Postgres, data: Path, *, account: Account | None, log: Path) -> Postmaster:
    """Start a postmaster for `data`, in a session of its own so that a Ctrl-C at our terminal is not its.

    Its output is appended to `log`. Raises OSError.
    """
    return Postmaster(await asyncio.to_thread(_popen, postgres, data, account, log), data)


def _popen(postgres: Postgres, data: Path, account: Account | None, log: Path) -> subprocess.Popen[bytes]:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return subprocess.Popen(
            [postgres.program("postgres"), "-D", str(data)],
            cwd=data if account is None else "/",
            env=child_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            umask=0o077,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
    finally:
        os.close(descriptor)


def stop_leftovers(roots: Iterable[Path]) -> list[int]:
    """Stop every server process whose data directory lies below one of `roots`; return the pids of all.

    They are what a platform that was killed has left: their clients are gone already, since those came
    through it. Blocks until they are gone. A `postmaster.pid` that names nobody of ours is removed, because
    its number may by now belong to another process, and Postgres would then refuse to start.
    """
    folders = [root for root in roots if root.is_dir()]
    pid_files = [path for root in folders for path in root.rglob("postmaster.pid")]
    if not pid_files:
        return []
    left = [process for process in psutil.process_iter() if _is_server_below(process, folders)]
    stopped = [process.pid for process in left]
    for step in STOP_LADDER:
        for process in left:
            # Only a postmaster may be asked; the others follow it, or are orphans and exit by themselves.
            if step.name == "kill" or _is_postmaster(process, left):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(step.signal)
        _, left = psutil.wait_procs(left, timeout=step.timeout_s)
        if not left:
            break
    for path in pid_files:
        path.unlink(missing_ok=True)
    return stopped


def _is_server_below(process: psutil.Process, folders: list[Path]) -> bool:
    try:
        if not process.name().startswith("postgres"):
            return False
        working = Path(process.cwd())
    except psutil.Error:
        return False
    return any(working.is_relative_to(folder.resolve()) for folder in folders)


def _is_postmaster(process: psutil.Process, among: list[psutil.Process]) -> bool:
    try:
        return process.ppid() not in {other.pid for other in among}
    except psutil.Error:
        return False
