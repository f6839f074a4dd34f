"""Someone who follows a guide: types what it says into a folder, runs it, and looks at the pages."""

import http.client
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from fix_python import python_environment

GUIDES = Path(__file__).parent / "guides"
STARTED = re.compile(r"Starting development server at (http://\S+?)/\s")
CSRF_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Reader:
    """One project of one guide, in a folder and a virtual environment of its own."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder
        self._python = python
        # Nothing of the machine decides: no PG*, no DATABASE_URL, no DJANGO_SETTINGS_MODULE.
        self._environment = python_environment() | {"PYTHONUNBUFFERED": "1"}

    def start_project(self, name: str) -> None:
        """Begin as every guide does."""
        self.run("-m", "django", "startproject", name, ".")

    def type(self, guide: str) -> None:
        """Type the files of a guide over what is there; what it says about the settings goes to their end."""
        self.copy(GUIDES / guide)
        end = self.folder / "settings_end.txt"
        if end.exists():
            (path,) = self.folder.glob("*/settings.py")
            with path.open("a", encoding="utf-8") as settings:
                settings.write("\n" + end.read_text(encoding="utf-8"))
            end.unlink()

    def copy(self, tree: Path) -> None:
        """Copy a folder's content, without what only its owner has."""
        shutil.copytree(
            tree, self.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".env", "__pycache__")
        )

    def write_env(self, variables: Mapping[str, str]) -> None:
        """The `.env` file, values in quotes as connection strings need them."""
        lines = [f"{name}='{value}'\n" for name, value in variables.items()]
        (self.folder / ".env").write_text("".join(lines), encoding="utf-8")

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run `manage.py`; returns what it printed, and fails with all of it if it failed."""
        return self.run("manage.py", *arguments, stdin=stdin)

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run the environment's Python."""
        done = subprocess.run(
            [self._python, *arguments],
            cwd=self.folder, env=self._environment, input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def serve(self) -> Iterator["Visitor"]:
        """`manage.py runserver` for the length of a block, and a visitor at its door."""
        log = self.folder / "runserver.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [self._python, "manage.py", "runserver", "--noreload", "127.0.0.1:0"],
                cwd=self.folder, env=self._environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            visitor = Visitor(_address(server, log))
            try:
                yield visitor
            finally:
                visitor.close()
        finally:
            server.terminate()
            server.wait(10)


class Visitor:
    """A browser's part: one connection that is kept open, cookies, forms.

    Kept open because `runserver` gives each connection a thread and each thread a database connection: so
    the requests of one visitor meet the persistent connection that the guides configure.
    """

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._cookies: dict[str, str] = {}
        self.headers: Mapping[str, str] = {}
        """Of the last answer."""

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> str:
        """The page, which must be a 200."""
        status, _, body = self._request("GET", path)
        assert status == 200, f"{path} answered {status}:\n{body[:2000]}"
        return body

    def get_json(self, path: str) -> Any:
        """The page as JSON."""
        return json.loads(self.get(path))

    def submit(self, path: str, **fields: str) -> str:
        """Open a page with a form, fill it in, send it; returns where the site sends the visitor then."""
        token = CSRF_FIELD.search(self.get(path))
        assert token is not None, f"{path} has no form"
        status, location, body = self._request("POST", path, {"csrfmiddlewaretoken": token[1], **fields})
        assert status == 302, f"POST {path} answered {status}:\n{body[:2000]}"
        return location

    def _request(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body=urlencode(fields) if fields else None, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read().decode()
        self.headers = answer.headers
        for line in answer.headers.get_all("Set-Cookie", ()):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return answer.status, answer.headers.get("Location", ""), body


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 30
    while not (started := STARTED.search(log.read_text())):
        if server.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"runserver did not start:\n{log.read_text()}")
        time.sleep(0.05)
    return started[1]
