"""A real site for a real browser: Postgres, the example site served by its own `runserver`, and Chromium."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_platform import Platform
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from dormouse.compute.account import server_account
from dormouse.compute.binaries import Postgres, default_of, find_installed
from dormouse.compute.environment import child_environment
from dormouse.compute.relocation import relocate
from dormouse.errors import PostgresNotFound
from fix_python import python_environment

SITE = Path(__file__).parents[2] / "examples" / "site"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STARTED = re.compile(r"Starting development server at (http://\S+?)/\s")


@dataclass(frozen=True, kw_only=True)
class Site:
    """The site as it is served."""

    url: str
    database_url: str

    def empty(self) -> None:
        """Delete all notes."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("TRUNCATE notes_note")

    def write(self, *notes: tuple[str, str, str]) -> None:
        """Put notes into the database: title, content and age, as Postgres reads an interval."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for title, content, age in notes:
                connection.execute(
                    "INSERT INTO notes_note (title, content, created_at) VALUES (%s, %s, now() - %s::interval)",
                    (title, content, age),
                )


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A Postgres of our own, on a unix socket, gone afterwards."""
    # Not pytest's folder: that one is only for us, and its path may be longer than a socket's may be.
    folder = Path(tempfile.mkdtemp(prefix="dormouse-browser-"))
    try:
        folder.chmod(0o755)
        with _postgres(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def served(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site over that database, migrated and seeded, on a port of the system's choice."""
    folder = copy_of_site(tmp_path_factory.mktemp("site"))
    environment = python_environment() | {
        "DATABASE_URL": database_url,
        # The same server, and one that refuses writes: what a replica that is never behind looks like.
        "DATABASE_REPLICA_URL": f"{database_url}&options=-c%20default_transaction_read_only%3Don",
        "DEBUG": "true",
        "SECRET_KEY": secrets.token_urlsafe(50),
    }
    with site_served(folder, environment, "populate") as url:
        yield Site(url=url, database_url=database_url)


@pytest.fixture
def site(served: Site) -> Site:
    """The site without a note."""
    served.empty()
    return served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome on PATH")
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Makes a visitor: `visit(color_scheme="dark")`. Relative addresses lead to the site."""
    visitors: list[BrowserContext] = []

    def new_visitor(**choices: object) -> BrowserContext:
        visitor = chromium.new_context(base_url=site.url, **choices)
        visitor.set_default_timeout(15_000)
        visitors.append(visitor)
        return visitor

    yield new_visitor
    for visitor in visitors:
        visitor.close()


def copy_of_site(folder: Path) -> Path:
    """The example site in a folder of its own, so that no `.env` of a developer decides what is tested."""
    return shutil.copytree(SITE, folder / "site", ignore=shutil.ignore_patterns(".env", "__pycache__"))


@contextmanager
def site_served(folder: Path, environment: dict[str, str], *commands: str) -> Iterator[str]:
    """The address of a copy of the site, migrated, on a port of the system's choice, until the block ends."""
    environment = {**environment, "PYTHONUNBUFFERED": "1"}
    manage = [sys.executable, "manage.py"]
    for command in ("migrate", *commands):
        subprocess.run([*manage, command, "--verbosity=0"], cwd=folder, env=environment, check=True)
    log = folder.parent / "site.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [*manage, "runserver", "--noreload", "127.0.0.1:0"],
            cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield _wait_for(lambda: STARTED.search(log.read_text()), server, log)[1]
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    account = server_account()
    postgres = _usable_postgres(folder)
    data, log = folder / "data", folder / "postgres.log"
    data.mkdir(mode=0o700)
    sockets = folder / "s"
    sockets.mkdir(mode=0o755)
    run_as: dict[str, object] = {"cwd": "/", "env": child_environment(os.environ)}
    if account is not None:
        for path in (data, sockets):
            os.chown(path, *account.owner)
        run_as |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    make = [postgres.program("initdb"), "-D", data, "-U", "site", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    serve = [postgres.program("postgres"), "-D", data, "-k", sockets, "-c", "listen_addresses=", "-c", "fsync=off"]
    with log.open("w") as output:
        subprocess.run(make, stdout=output, stderr=output, check=True, **run_as)
        server = subprocess.Popen(serve, stdout=output, stderr=output, **run_as)
    url = f"postgresql://site@/postgres?host={sockets}"
    try:
        _wait_for(lambda: _accepts(url), server, log)
        yield url
    finally:
        # Postgres's fast shutdown: in order, and without waiting for whoever is still connected.
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _usable_postgres(folder: Path) -> Postgres:
    try:
        postgres = default_of(find_installed(None, os.environ, server_account()))
        if not postgres.enterable:
            postgres = relocate(postgres, folder / "bin", folder)
    except PostgresNotFound as error:
        pytest.skip(str(error))
    return postgres


def _accepts(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _wait_for(happened: Callable[[], Any], process: subprocess.Popen, log: Path) -> Any:
    """What `happened` gives once it gives something; fails when the process ended, or after 30 s."""
    deadline = time.monotonic() + 30
    while not (answer := happened()):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{process.args} did not start:\n{log.read_text()}")
        time.sleep(0.02)
    return answer


Enter = Callable[..., Page]


@pytest.fixture
def enter(chromium: Browser, platform: Platform) -> Iterator[Enter]:
    """Opens the console by a one-time link: `enter(java_script_enabled=False)`; `page.complaints` are errors."""
    contexts = []

    def open_console(**choices: object) -> Page:
        context = chromium.new_context(base_url=str(platform.there["http_url"]), **choices)  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []  # type: ignore[attr-defined]
        page.on("console", lambda it: page.complaints.append(it.text) if it.type == "error" else None)  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
        page.goto(platform.client.console_link().path)
        page.wait_for_url("**/projects")
        return page

    yield open_console
    for context in contexts:
        context.close()
