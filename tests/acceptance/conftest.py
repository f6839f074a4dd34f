"""What the guides presume: a fresh environment with stock packages, and a project on the platform."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from fix_platform import Made, Platform

STOCK = ("django", "dj-database-url", "python-dotenv")


@dataclass(frozen=True, kw_only=True)
class GuideProject:
    """A project with a replica, and its connection details in the forms that the guides use."""

    platform: "Platform"
    made: "Made"

    @property
    def url(self) -> str:
        return self.made.url

    @property
    def replica_url(self) -> str:
        return self.made.replica_url

    @property
    def variables(self) -> dict[str, str]:
        """libpq's names. `PGHOSTADDR`, because the C library knows no `*.localhost`."""
        there = conninfo_to_dict(self.url)
        return {
            "PGHOST": str(there["host"]),
            "PGHOSTADDR": str(there["hostaddr"]),
            "PGPORT": str(there["port"]),
            "PGDATABASE": str(there["dbname"]),
            "PGUSER": str(there["user"]),
            "PGPASSWORD": str(there["password"]),
        }

    def variables_of(self, *, database: str, role: str, password: str) -> dict[str, str]:
        """The fourth guide's names, for another database and role of the same compute."""
        there = self.variables
        return {
            "DB_NAME": database,
            "DB_USER": role,
            "DB_PASSWORD": password,
            "DB_HOST": there["PGHOST"],
            "DB_PORT": there["PGPORT"],
            "PGHOSTADDR": there["PGHOSTADDR"],
        }

    def run_sql(self, statements: str) -> None:
        """Run each statement by itself, as psql would."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in filter(str.strip, statements.split(";")):
                connection.execute(statement)

    def suspend(self) -> None:
        """Put both computes to sleep, whoever is connected."""
        self.platform.put_to_sleep(self.made)


@pytest.fixture
def project(platform: "Platform") -> GuideProject:
    """A new one for each test, because each creates its tables from nothing."""
    return GuideProject(platform=platform, made=platform.create(replica=True))


@pytest.fixture(scope="session")
def psycopg2_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with Django and psycopg2, as three of the guides want it."""
    return _fresh_environment(tmp_path_factory.mktemp("psycopg2") / "venv", (*STOCK, "psycopg2-binary"))


@pytest.fixture(scope="session")
def psycopg3_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with psycopg 3. Apart, because Django prefers it wherever both are installed."""
    return _fresh_environment(tmp_path_factory.mktemp("psycopg3") / "venv", (*STOCK, "psycopg[binary]"))


def _fresh_environment(folder: Path, packages: tuple[str, ...]) -> Path:
    """Made with uv where there is one, else with what comes with Python; skips where no package can be had."""
    python = folder / "bin" / "python"
    by_pip = [
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *packages],
    ]
    ways = [by_pip]
    if uv := shutil.which("uv"):
        by_uv = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--quiet", "--python", str(python), *packages],
        ]
        ways.insert(0, by_uv)
    said: list[str] = []
    for commands in ways:
        for command in commands:
            done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=300)
            if done.returncode != 0:
                said = done.stderr.strip().splitlines()[-1:]
                shutil.rmtree(folder, ignore_errors=True)
                break
        else:
            return python
    pytest.skip(f"the package index cannot be reached: {said}")
