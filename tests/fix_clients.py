"""Neon's own clients, pointed at a platform: `neonctl` and `neon-api`.

They are brought by `make conformance`, which passes `--conformance`; `make test` skips them, because a command of
neonctl takes half a second and there are a hundred.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from fix_platform import Platform, new_home, platform_in

CLIENTS = Path(__file__).parent / "contract" / "clients"
INSTALLED = Path(__file__).parents[1] / ".conformance"
COLUMNS = re.compile(r" {2,}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", action="store_true", help="run what Neon's own clients judge")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance: judged by Neon's own clients; see `make conformance`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--conformance"):
        for item in items:
            if item.get_closest_marker("conformance"):
                item.add_marker(pytest.mark.skip(reason="judged by neonctl and neon-api: make conformance"))


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def table(self) -> list[list[str]]:
        """The lines of a table, cut where two spaces are."""
        return [COLUMNS.split(line.strip()) for line in self.out.splitlines() if line.strip()]

    @property
    def facts(self) -> dict[str, str]:
        """A table of one object: names on the left."""
        return {line[0]: " ".join(line[1:]) for line in self.table}

    def column(self, title: str) -> list[str]:
        """The values below a title, of the first table that has it."""
        at = next(number for number, line in enumerate(self.table) if title in line)
        place = self.table[at].index(title)
        found = []
        for line in self.table[at + 1 :]:
            if len(line) != len(self.table[at]):
                break
            found.append(line[place])
        return found


@dataclass(frozen=True, slots=True)
class Neonctl:
    """The command, in a folder of its own, as a user in CI runs it: nothing is asked."""

    environment: dict[str, str]
    folder: Path

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> Said:
        """Run one command, and see that it ends with `code`."""
        done = subprocess.run(
            [INSTALLED / "node_modules" / ".bin" / "neonctl", "--no-analytics", "--no-color", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        # What programs read must be all there is: no warning, no stack of a crash.
        assert "\n    at " not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str) -> Any:
        """What it prints for programs."""
        return json.loads(self(*arguments, "--output", "json").out)

    def elsewhere(self, folder: Path) -> "Neonctl":
        """The same in another folder, and so with another context."""
        folder.mkdir(parents=True, exist_ok=True)
        return replace(self, folder=folder)

    def read(self, name: str) -> str:
        """A file that it wrote into its folder."""
        return (self.folder / name).read_text("utf-8")


class Refused(Exception):
    """neon-api raised. The words are the name of the error and its message."""


class NeonApi:
    """neon-api in a process of its own: its methods by their names, its records with their fields."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.methods: list[str] = self._line()

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: object, **keywords: object) -> Any:
            assert self._process.stdin is not None
            asked = {"method": method, "arguments": arguments, "keywords": keywords}
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            answer = self._line()
            if hasattr(answer, "error"):
                raise Refused(f"{answer.error}: {answer.message}")
            return answer.value

        return call

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "neon-api's process has ended"
        return json.loads(line, object_hook=lambda fields: SimpleNamespace(**fields))


def asked(url: str, query: str = "SELECT 1", **more: object) -> list[tuple[Any, ...]]:
    """Rows over a connection string of neonctl's, which knows no `hostaddr`."""
    with psycopg.connect(url, hostaddr="127.0.0.1", autocommit=True, **more) as connection:  # type: ignore[arg-type]
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def served() -> Iterator[Platform]:
    """A platform for Neon's clients alone."""
    with platform_in(new_home()) as there:
        yield there


@pytest.fixture(scope="session")
def neonctl(served: Platform, tmp_path_factory: pytest.TempPathFactory) -> Neonctl:
    """The command, with no context."""
    _skip_without("neonctl")
    folder = tmp_path_factory.mktemp("neonctl")
    # Another HOME, so that nobody's login is found; none of the user's settings either.
    environment = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    environment |= {
        "HOME": str(folder),
        "CI": "1",
        "NEON_API_HOST": _url(served),
        "NEON_API_KEY": _key(served),
        "PGHOSTADDR": "127.0.0.1",
        "NODE_OPTIONS": "--require=" + json.dumps(str(CLIENTS / "localhost.cjs"), ensure_ascii=False),
    }
    return Neonctl(environment, folder).elsewhere(folder / "work")


@pytest.fixture(scope="session")
def neon_api(served: Platform) -> Iterator[NeonApi]:
    """neon-api's client."""
    _skip_without("neon-api")
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            # It joins the path to this as it is, so that the slash must stand here.
            [INSTALLED / "venv" / "bin" / "python", CLIENTS / "neon_api_process.py", _url(served) + "/"],
            env={"NEON_API_KEY": _key(served), "NO_PROXY": "127.0.0.1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield NeonApi(process)
        finally:
            process.kill()


def _skip_without(client: str) -> None:
    reason = INSTALLED / f"{client}.missing"
    if reason.exists():
        pytest.skip(f"no {client}: {reason.read_text('utf-8').strip()}")
    if not INSTALLED.exists():
        pytest.skip(f"no {client}: it is brought by make conformance")


def _url(platform: Platform) -> str:
    return f"{platform.there['http_url']}/api/v2"


def _key(platform: Platform) -> str:
    return (platform.home / "api-key").read_text("ascii").strip()
