"""The example site with the hunt's app, behind gunicorn (threads) and uvicorn (asynchronous)."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fix_python import python_environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "site"
ADDED = Path(__file__).parent / "site"
STAFF = 10

_LISTENING = re.compile(r"(?:Listening at:|Uvicorn running on) http://127\.0\.0\.1:(\d+)")
# Kept longer than a hunt's pauses: a server that closes a connection at the moment a request is sent over it is
# no failure of the site.
_GUNICORN = ("-m", "gunicorn", "config.wsgi:application", "--bind=127.0.0.1:0", "--workers=2", "--threads=4")
_GUNICORN_TIMES = ("--keep-alive=600", "--timeout=60", "--graceful-timeout=5")
_UVICORN = ("-m", "uvicorn", "config.asgi:application", "--host=127.0.0.1", "--port=0", "--lifespan=off")
_UVICORN_TIMES = ("--timeout-keep-alive=600", "--timeout-graceful-shutdown=5", "--no-access-log")
_NEW_STAFF = f"""
from django.contrib.auth.models import User
for number in range({STAFF}):
    if not User.objects.filter(username=f"staff{{number}}").exists():
        User.objects.create_superuser(f"staff{{number}}", password="hazel")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """While it is served."""

    folder: Path
    ports: tuple[int, ...]

    @property
    def receipts(self) -> list[str]:
        """A line for each task that has run: owner, version, what the task saw."""
        file = self.folder / "receipts"
        return file.read_text().splitlines() if file.exists() else []

    def log(self) -> str:
        """What both servers printed."""
        return "".join((self.folder / name).read_text() for name in ("gunicorn.log", "uvicorn.log"))


@contextmanager
def served(folder: Path, *, url: str, replica_urls: tuple[str, ...], router: str) -> Iterator[Site]:
    """Migrated, with staff, and served for the length of a block."""
    for tree in (EXAMPLE, ADDED):
        shutil.copytree(tree, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".env", "__pycache__"))
    environment = python_environment() | {
        "DJANGO_SETTINGS_MODULE": "hunted.settings",
        "SECRET_KEY": "only for the hunt",
        "ALLOWED_HOSTS": "127.0.0.1",
        "HTTPS": "false",
        "DATABASE_URL": url,
        "DATABASE_REPLICA_URL": " ".join(replica_urls),
        "ROUTER": router,
        "RECEIPTS": str(folder / "receipts"),
    }
    for command in (["migrate", "--verbosity=0"], ["shell", "--verbosity=0", "--command", _NEW_STAFF]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    with ExitStack() as stack:
        ports = [
            stack.enter_context(_server(folder, "gunicorn", [*_GUNICORN, *_GUNICORN_TIMES], environment)),
            stack.enter_context(
                _server(folder, "uvicorn", [*_UVICORN, *_UVICORN_TIMES], environment | {"POOL": "8"})
            ),
        ]
        yield Site(folder=folder, ports=tuple(ports))


@contextmanager
def _server(folder: Path, name: str, command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """Its port."""
    log = folder / f"{name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 60
        while not (listening := _LISTENING.search(log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{name} does not listen:\n{log.read_text()}"
            time.sleep(0.05)
        yield int(listening[1])
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
