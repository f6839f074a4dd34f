"""The home: made with the right modes, locked by one platform at a time, swept of what was half built."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from dormouse.compute.account import Account, can_enter
from dormouse.compute.conf import SOCKET_NAME
from dormouse.errors import AlreadyRunning, HomeError
from dormouse.storage.durable import write_atomically
from dormouse.storage.layout import Layout

__all__ = [
    "PlatformFile",
    "api_key_of",
    "locked",
    "prepare_home",
    "read_platform_file",
    "socket_root",
    "sweep",
    "write_platform_file",
]

_LONGEST_SOCKET_BYTES: Final = 100
"""`sun_path` has 108 bytes on Linux and 104 on macOS."""
_LONGEST_NAME: Final = len("/template/") + len(SOCKET_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFile:
    """`run/platform.json`: a promise to scripts, there while the platform serves."""

    pid: int
    started_at: str
    """RFC 3339, UTC."""
    version: str
    http_url: str
    pg_host: str
    pg_port: int


def prepare_home(layout: Layout, account: Account | None) -> None:
    """Make the home's folders. As root others may pass through them, since Postgres's user must.

    Raises HomeError naming the folder, what is wrong and what to do.
    """
    mode = 0o700 if account is None else 0o711
    try:
        layout.home.mkdir(mode=mode, parents=True, exist_ok=True)
        layout.home.chmod(mode)
        for folder in (layout.templates, layout.spares, layout.building, layout.projects):
            folder.mkdir(mode=mode, exist_ok=True)
        layout.run.mkdir(mode=0o700 if account is None else 0o711, exist_ok=True)
        _try_writing(layout.home)
    except OSError as error:
        raise HomeError(
            f"the home {layout.home} cannot be used: {error.strerror or error}",
            "set DORMOUSE_HOME to a folder that you can write",
        ) from error
    if account is not None and not can_enter(account, layout.building):
        raise HomeError(
            f"the home {layout.home} cannot be entered by the user '{account.name}', that Postgres runs as",
            "as root, set DORMOUSE_HOME to a folder that others may pass through, such as /var/lib/dormouse",
        )


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Hold the home for the length of a block. Raises AlreadyRunning when another process does.

    The lock goes with the process however that ends, and the file stays: deleting it would let two
    processes hold the lock of two files of one name.
    """
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            there = read_platform_file(layout)
            where = f" (pid {there.pid}, {there.http_url})" if there else ""
            raise AlreadyRunning(
                f"a platform runs already in {layout.home}{where}",
                "see `dormouse status`; `dormouse down` stops it; DORMOUSE_HOME gives a second one its own home",
            ) from None
        yield
    finally:
        os.close(descriptor)


def sweep(layout: Layout, sockets: Path) -> None:
    """Remove what was being built when the last run ended, its sockets, and its word that it serves."""
    layout.platform_json.unlink(missing_ok=True)
    for left in sockets.iterdir():
        shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(layout.building, ignore_errors=True)
    layout.building.mkdir(mode=stat.S_IMODE(layout.projects.stat().st_mode), exist_ok=True)


def socket_root(layout: Layout, account: Account | None, runtime: str | None) -> Path:
    """A folder for unix sockets that is short enough, ours, and closed to others.

    `HOME/run/s` where its path is short; else below `runtime` (XDG_RUNTIME_DIR) where that is, or else /tmp,
    named after the home. Raises HomeError when somebody else holds that name in /tmp.
    """
    mode = 0o700 if account is None else 0o711
    own = layout.run / "s"
    if account is None and _is_short(own):
        own.mkdir(mode=mode, exist_ok=True)
        return own
    digest = hashlib.sha256(os.fsencode(layout.home)).hexdigest()[:10]
    name = f"dormouse-{os.geteuid()}-{digest}"
    folder = Path("/tmp") / name  # noqa: S108 - it is looked at below
    if runtime and Path(runtime).is_dir() and account is None and _is_short(Path(runtime) / name):
        folder = Path(runtime) / name
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=mode)
    found = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or found.st_uid != os.geteuid():
        raise HomeError(
            f"{folder} is not ours, and the sockets were to be there", "remove it, or set XDG_RUNTIME_DIR"
        )
    folder.chmod(mode)
    return folder


def api_key_of(layout: Layout) -> str:
    """The key of this home, made at the first call."""
    with contextlib.suppress(FileNotFoundError):
        if key := layout.api_key.read_text("ascii").strip():
            return key
    key = f"napi_{secrets.token_urlsafe(32)}"
    write_atomically(layout.api_key, f"{key}\n")
    return key


def write_platform_file(layout: Layout, content: PlatformFile) -> None:
    """Say that the platform serves, and where."""
    write_atomically(layout.platform_json, json.dumps(asdict(content), indent=2) + "\n", durably=False)


def read_platform_file(layout: Layout) -> PlatformFile | None:
    """What a platform says of itself; None if none does, or it is of another version and unreadable.

    A process that was killed leaves its file, so the answer is to be tried.
    """
    try:
        return PlatformFile(**json.loads(layout.platform_json.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _is_short(folder: Path) -> bool:
    return len(os.fsencode(folder)) + _LONGEST_NAME < _LONGEST_SOCKET_BYTES


def _try_writing(folder: Path) -> None:
    probe = folder / f".probe-{os.getpid()}"
    probe.write_bytes(b"")
    probe.unlink()
