"""The example site in the home: copied, connected, served."""

import contextlib
import hashlib
import http.client
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from dormouse.cli.connections import Chosen
from dormouse.errors import PortTaken, UserError
from dormouse.storage.durable import write_atomically
from dormouse.storage.layout import Layout

__all__ = ["Site", "free_port", "prepare_site"]

_HOST: Final = "127.0.0.1"
_START_S: Final = 30.0
_STOP_S: Final = 5.0
_MANIFEST: Final = ".copied.json"


def free_port(wanted: int) -> int:
    """`wanted` if it can be listened on, or any free one for 0. Raises PortTaken naming the option."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted))
        except OSError as error:
            raise PortTaken(
                f"port {wanted}, where the site was to be served, cannot be listened on: {error.strerror}",
                "choose another one with --site-port (0 takes any free one)",
            ) from error
        port: int = probe.getsockname()[1]
        return port


def prepare_site(layout: Layout, chosen: Chosen) -> Path:
    """Copy the site into the home and tell it in `.env` where its data is; returns its folder.

    A file that was changed in the home since it was copied is the user's, and stays as it is.
    """
    folder = layout.home / "demo" / "site"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest = folder / _MANIFEST
    try:
        copied: dict[str, str] = dict(json.loads(manifest.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        copied = {}
    for relative, source in _site_files():
        target = folder / relative
        content = source.read_bytes()
        if target.exists() and _digest(target.read_bytes()) not in (copied.get(relative), _digest(content)):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        copied[relative] = _digest(content)
    manifest.write_text(json.dumps(copied, indent=1), "utf-8")
    _connect(folder / ".env", chosen)
    return folder


class Site:
    """The site as processes. What they need of the environment goes in; libpq's variables do not."""

    def __init__(self, folder: Path, port: int, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.url = f"http://{_HOST}:{port}"
        self._port = port
        self._environment = {
            key: value
            for key, value in environ.items()
            if not key.startswith(("PG", "DB_", "DATABASE_", "DJANGO_"))
        } | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed. Raises UserError with its last words."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode != 0:
            said = "\n".join(done.stdout.splitlines()[-15:])
            raise UserError(f"manage.py {arguments[0]} failed (exit {done.returncode}):\n{said}")
        return done.stdout

    def start(self, *, quiet: bool) -> None:
        """Serve, and return when the first page is there. Raises UserError."""
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", f"{_HOST}:{self._port}"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            # Its log is conversation: standard output is for what was asked.
            stdout=subprocess.DEVNULL if quiet else sys.stderr,
            stderr=subprocess.DEVNULL if quiet else sys.stderr,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None:
                raise UserError(f"the site ended while it started (exit {self._process.returncode})")
            if time.monotonic() > deadline:
                raise UserError(f"the site did not answer at {self.url} within {_START_S:g} s")
            time.sleep(0.05)

    def wait(self) -> int:
        """Return its exit code when it ends by itself."""
        if self._process is None:
            raise UserError("the site was not started")
        return self._process.wait()

    def stop(self) -> None:
        """End it; nothing happens if it is not there."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(_HOST, self._port, timeout=_START_S)
            try:
                connection.request("GET", "/static/site/style.css")
                connection.getresponse().read()
            finally:
                connection.close()
            return True
        return False


def _site_files() -> Iterator[tuple[str, Path]]:
    """Each file of the site with its path below the site: from the wheel, or from the checkout."""
    packaged = Path(str(files("dormouse") / "site"))
    root = packaged if packaged.is_dir() else Path(__file__).parents[3] / "examples" / "site"
    if not (root / "manage.py").is_file():
        raise UserError("this installation came without the example site", "reinstall django-dormouse")
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".env":
            yield str(path.relative_to(root)), path


def _connect(env_file: Path, chosen: Chosen) -> None:
    """Set what says where the data is, and leave every other line as it stands."""
    replicas = " ".join(replica.url() for replica in chosen.replicas)
    ours = {"DATABASE_URL": chosen.parameters.url(), "DATABASE_REPLICA_URL": replicas}
    try:
        kept = [
            line for line in env_file.read_text("utf-8").splitlines() if line.partition("=")[0].strip() not in ours
        ]
    except FileNotFoundError:
        kept = ["DEBUG=true", f"SECRET_KEY={secrets.token_urlsafe(50)}"]
    lines = [*kept, *(f"{key}='{value}'" for key, value in ours.items())]
    write_atomically(env_file, "\n".join(lines) + "\n")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
