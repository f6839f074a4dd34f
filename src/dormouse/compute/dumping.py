"""The schema of a database as its own `pg_dump` writes it: a process of its own, bounded in time and size.

The process is waited for in a thread: uvloop starts no child as another user.
"""

import asyncio
import os
import re
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from psycopg.conninfo import make_conninfo

from dormouse.compute.account import Account, run_as
from dormouse.compute.binaries import Postgres
from dormouse.compute.conf import ADMIN_ROLE
from dormouse.compute.environment import child_environment
from dormouse.errors import ComputeError, Locked

__all__ = ["DUMP_LIMIT_BYTES", "DUMP_TIMEOUT_S", "dump_schema", "without_secrets"]

DUMP_TIMEOUT_S: Final = 50.0
"""Neon's clients give up a request after 60 s."""

DUMP_LIMIT_BYTES: Final = 64 << 20
"""A thousand tables take about 1 MB; the text is held in memory."""

_LOCK_TIMEOUT_S: Final = 10.0
"""How long to wait for a table that somebody alters."""

_ERRORS_LIMIT_BYTES: Final = 4096

# A thread for each of a few dumps, and not the loop's own threads: those write the catalog, and a dump may wait
# for a lock. Each dump is a process and one of the 200 connections of a server.
_THREADS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="pg_dump")

_LOCKED: Final = re.compile(r"canceling statement due to (statement|lock) timeout")

_SECRETS: Final = re.compile(
    r"""
      (?P<before> password \s* (?:=\s*|(?=')) ) (?: '(?:[^'\\]|''|\\.)*' | [^\s'";,]+ )
    | SCRAM-SHA-256\$ [^\s'"]*
    | \b md5[0-9a-f]{32} \b
    | (?P<user> \w+://[^\s:/@]*: ) [^\s@]* (?=@)
    """,
    re.IGNORECASE | re.VERBOSE,
)


async def dump_schema(
    postgres: Postgres,
    *,
    socket_dir: Path,
    database: str,
    account: Account | None,
    encoding: str | None = None,
    lock_timeout_s: float = _LOCK_TIMEOUT_S,
    timeout_s: float = DUMP_TIMEOUT_S,
    limit_bytes: int = DUMP_LIMIT_BYTES,
) -> bytes:
    """What `pg_dump --schema-only` of the same version writes, in `encoding` (None: the database's own).

    Without subscriptions: they hold other servers' passwords, and two copies of one would share its slot.
    Raises Locked when a table stays locked by somebody else, and ComputeError with what pg_dump said.
    """
    command = _command(postgres, socket_dir, database, encoding, lock_timeout_s)
    child = _Child(command, account, limit_bytes)
    work = asyncio.get_running_loop().run_in_executor(_THREADS, child.run)
    try:
        async with asyncio.timeout(timeout_s):
            done = await asyncio.shield(work)
    except BaseException as error:
        child.kill()
        await asyncio.wait([work])
        if isinstance(error, TimeoutError):
            told = f"pg_dump did not write the schema of {database!r} within {timeout_s:g} s"
            raise ComputeError(told) from error
        if isinstance(error, OSError):
            raise ComputeError(_cannot_run(postgres, error)) from error
        raise
    return _output_of(done, postgres, database, limit_bytes)


def without_secrets(text: str) -> str:
    """`text` with `***` for what looks like a password, a verifier or a URL's password. Pure."""
    return _SECRETS.sub(lambda found: f"{found['before'] or found['user'] or ''}***", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    exit_code: int
    output: bytes
    errors: str


class _Child:
    """One process: run in a thread, killed from another one."""

    def __init__(self, command: list[str], account: Account | None, limit_bytes: int) -> None:
        self._command = command
        self._account = account
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False

    def run(self) -> _Done:
        """Start it and return how it ended; one that writes more than the limit is killed. Raises OSError."""
        with tempfile.TemporaryFile() as errors:
            with self._lock:
                if self._is_killed:
                    return _Done(exit_code=-1, output=b"", errors="")
                process = self._process = self._start(errors)
            with process:
                assert process.stdout is not None
                output = process.stdout.read(self._limit + 1)
                if len(output) > self._limit:
                    process.kill()
            return _Done(exit_code=process.returncode, output=output, errors=_tail(errors))

    def kill(self) -> None:
        """End it, or let it never begin."""
        with self._lock:
            self._is_killed = True
            if self._process is not None:
                self._process.kill()

    def _start(self, errors: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            **run_as(self._account, self._command),
            cwd="/",
            env=child_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )


def _command(
    postgres: Postgres, socket_dir: Path, database: str, encoding: str | None, lock_timeout_s: float
) -> list[str]:
    # As a connection string, because pg_dump takes a name with `=` in it for one.
    connection = make_conninfo(
        dbname=database, host=str(socket_dir), port=5432, user=ADMIN_ROLE, application_name="dormouse"
    )
    return [
        postgres.program("pg_dump"),
        "--schema-only",
        "--no-subscriptions",
        "--no-password",
        f"--lock-wait-timeout={round(lock_timeout_s * 1000)}ms",
        # A database can be set to another role for whoever connects.
        f"--role={ADMIN_ROLE}",
        *([] if encoding is None else [f"--encoding={encoding}"]),
        f"--dbname={connection}",
    ]


def _output_of(done: _Done, postgres: Postgres, database: str, limit_bytes: int) -> bytes:
    if len(done.output) > limit_bytes:
        raise ComputeError(f"the schema of {database!r} is longer than {limit_bytes >> 20} MB")
    if done.exit_code == 0:
        return done.output
    if _LOCKED.search(done.errors):
        raise Locked(f"the schema of {database!r} cannot be read: a table is locked by somebody who alters it")
    said = without_secrets(done.errors).strip()
    raise ComputeError(f"pg_dump of Postgres {postgres.version} failed (exit {done.exit_code}): {said}")


def _cannot_run(postgres: Postgres, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return (
            f"Postgres {postgres.version} in {postgres.bin} has no pg_dump, which reads schemas; install its "
            f"client programs (apt install postgresql-client-{postgres.major}), or set DORMOUSE_PG_BIN to a "
            "folder that has them"
        )
    return f"{postgres.program('pg_dump')} cannot be started: {error.strerror or error}"


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _ERRORS_LIMIT_BYTES))
    return file.read().decode("utf-8", "replace")
