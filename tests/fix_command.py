"""A command at an API in memory, run in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dormouse.cli.main import app
from fake_api import FakeApi

Run = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """What a command printed, and how it ended."""

    code: int
    shown: str
    said: str


def leave_the_developer_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a developer's own choices, keys or platforms reaches the command."""
    for name in ("NEON_API_KEY", "NEON_API_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DORMOUSE_HOME", str(folder / "no-home"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))


def api_for_commands(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """What the commands find at NEON_API_HOST."""
    made = FakeApi()
    monkeypatch.setenv("NEON_API_KEY", "napi_secret")
    monkeypatch.setenv("NEON_API_HOST", "http://neon.test/api/v2")
    monkeypatch.setattr("dormouse.cli.session.Client", lambda _host, _key, **_: made)
    return made


def run_command(*arguments: str, stdin: str = "") -> Done:
    """One `dormouse` command; standard input is no terminal."""
    done = CliRunner().invoke(app, arguments, input=stdin, prog_name="dormouse")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)
