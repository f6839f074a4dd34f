"""The platform as a process of its own: started, found, stopped."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from dormouse.config import LIMIT_PREFIX, Settings
from dormouse.errors import NotRunning, UserError
from dormouse.home import PlatformFile, read_platform_file
from dormouse.storage.layout import Layout

__all__ = ["environment_of", "find", "is_running", "start", "stop", "tail_of"]

_START_S: Final = 120.0
"""The first start on a slow disk copies Postgres and recovers what a crash left."""
_STOP_S: Final = 90.0
"""Every compute writes a checkpoint."""


def start(settings: Settings, environ: Mapping[str, str]) -> PlatformFile:
    """Start the platform as a detached process and return when it serves.

    Raises UserError with the platform's own words when it does not.
    """
    layout = Layout(settings.home)
    try:
        # The platform gives the home its modes; here it is only for the log to have a place.
        layout.run.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        log = os.open(layout.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise UserError(
            f"the home {settings.home} cannot be used: {error.strerror or error}",
            "set DORMOUSE_HOME to a folder that you can write",
        ) from error
    read, write = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "dormouse.daemon", "--report-to", str(write)],
            env=environment_of(settings, environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[write],
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(log)
        os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        # One line, or none when the process ended without a word.
        said = pipe.readline()
    if not said:
        process.wait(_START_S)
        raise UserError(
            f"the platform ended while it started (exit {process.returncode}); its last words:\n{tail_of(layout)}"
        )
    answer = json.loads(said)
    if "error" in answer:
        process.wait(_START_S)
        raise UserError(answer["error"], answer["hint"])
    return PlatformFile(**answer["ready"])


def environment_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with the settings as `DORMOUSE_*`; one that has no value is empty, which counts as unset."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name != "limits"}
    given = {f"DORMOUSE_{name.upper()}": "" if value is None else str(value) for name, value in values.items()}
    limits = {f"{LIMIT_PREFIX}{name}": value for name, value in settings.limits.items()}
    others = {name: value for name, value in environ.items() if not name.startswith(LIMIT_PREFIX)}
    # The platform's own imports must not depend on the folder that it is started from.
    return {**others, **given, **limits, "PYTHONSAFEPATH": "1"}


def is_running(layout: Layout) -> bool:
    """Whether a process holds the home. The lock says so, since a killed platform leaves its file behind."""
    try:
        descriptor = os.open(layout.lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def find(layout: Layout) -> PlatformFile:
    """The platform that serves this home. Raises NotRunning."""
    there = read_platform_file(layout)
    if there is None or not is_running(layout):
        raise NotRunning(
            f"no platform runs in {layout.home}", "start it with `dormouse up`, or see `dormouse demo`"
        )
    return there


def stop(layout: Layout) -> bool:
    """Stop the platform and wait for it; False if none ran. Raises UserError if it does not end in time."""
    there = read_platform_file(layout)
    if not is_running(layout):
        return False
    if there is None:
        raise UserError(f"a platform that does not serve yet holds {layout.home}", "try again in a moment")
    with contextlib.suppress(ProcessLookupError):
        os.kill(there.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while is_running(layout) or _exists(there.pid):
        if time.monotonic() > deadline:
            raise UserError(
                f"the platform (pid {there.pid}) did not stop within {_STOP_S:g} s", "see `dormouse logs`"
            )
        time.sleep(0.01)
    return True


def _exists(pid: int) -> bool:
    """Whether the process runs still; one that only waits to be reaped does not."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    try:
        os.kill(pid, 0)
        # In a container the first process may take its time to reap (proc_pid_stat(5), third field).
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return True


def tail_of(layout: Layout, lines: int = 10) -> str:
    """The last lines of the platform's log."""
    try:
        return "\n".join(layout.log.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
