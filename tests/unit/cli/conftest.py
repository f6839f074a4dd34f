"""A command at an API in memory, in a folder and with a config of its own."""

from pathlib import Path

import pytest

from fake_api import FakeApi
from fix_command import Run, api_for_commands, leave_the_developer_out, run_command


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of every test."""
    leave_the_developer_out(tmp_path, monkeypatch)
    made = tmp_path / "work" / "shop"
    made.mkdir(parents=True)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """What the commands find at NEON_API_HOST."""
    return api_for_commands(monkeypatch)


@pytest.fixture
def run(api: FakeApi) -> Run:
    """One `dormouse` command."""
    return run_command
