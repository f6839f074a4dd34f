"""A working folder with real git in it, for commands at an API in memory."""

import os
import subprocess
from pathlib import Path

import pytest

from fake_api import FakeApi
from fix_command import Run, api_for_commands, leave_the_developer_out, run_command


class Repository:
    """A git repository with one commit on `main`, which this process works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *words: str, at: Path | None = None, code: int = 0) -> str:
        """What git says, on both of its outputs."""
        done = subprocess.run(
            ["git", *words], cwd=at or self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == code, f"git {words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def commit(self, name: str, *, at: Path | None = None) -> None:
        """One more file of that name."""
        ((at or self.folder) / name).write_text(name)
        self.git("add", name, at=at)
        self.git("commit", "--quiet", "-m", name, at=at)

    def status(self) -> str:
        """What git sees that is not committed."""
        return self.git("status", "--porcelain")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Nothing of a developer's own git settings reaches it."""
    leave_the_developer_out(tmp_path, monkeypatch)
    for name in os.environ:
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tname = Anna\n\temail = anna@example.com\n[init]\n\tdefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    made = Repository(tmp_path / "work" / "shop")
    made.folder.mkdir(parents=True)
    monkeypatch.chdir(made.folder)
    made.git("init", "--quiet")
    (made.folder / ".gitignore").write_text(".env\n.neon\n")
    made.git("add", ".gitignore")
    made.commit("first")
    return made


@pytest.fixture
def api(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """What the commands find at NEON_API_HOST."""
    return api_for_commands(monkeypatch)


@pytest.fixture
def run(api: FakeApi) -> Run:
    """One `dormouse` command, in this process."""
    return run_command
