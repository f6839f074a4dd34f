"""A server process of ours: started, signalled, reaped."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dormouse.compute.account import Account, run_as
from dormouse.compute.binaries import Postgres
from dormouse.compute.environment import POSTMASTER_OOM_SCORE, server_environment

__all__ = ["STOP_LADDER", "Postmaster", "StopStep", "spawn"]

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
        process = subprocess.Popen(
            **run_as(account, [postgres.program("postgres"), "-D", str(data)]),
            cwd=data if account is None else "/",
            env=server_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            umask=0o077,
        )
    finally:
        os.close(descriptor)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # not ours to say, in some containers
            Path(f"/proc/{process.pid}/oom_score_adj").write_text(str(POSTMASTER_OOM_SCORE))
    return process
