"""A command at an API in memory, in a folder and with a config of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dormouse.cli.main import app
from fake_api import FakeApi


@dataclass(frozen=True)
class Done:
    code: int
    shown: str
    said: str


Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of every test; nothing of the developer's own choices reaches it."""
    for name in ("NEON_API_KEY", "NEON_API_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DORMOUSE_HOME", str(tmp_path / "no-home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = tmp_path / "work" / "shop"
    made.mkdir(parents=True)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """What the commands find at NEON_API_HOST."""
    made = FakeApi()
    monkeypatch.setenv("NEON_API_KEY", "napi_secret")
    monkeypatch.setenv("NEON_API_HOST", "http://neon.test/api/v2")
    monkeypatch.setattr("dormouse.cli.session.Client", lambda _host, _key, **_: made)
    return made


@pytest.fixture
def run(api: FakeApi) -> Run:
    """One `dormouse` command; standard input is no terminal."""

    def command(*arguments: str, stdin: str = "") -> Done:
        done = CliRunner().invoke(app, arguments, input=stdin, prog_name="dormouse")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return command
