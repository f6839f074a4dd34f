"""neonctl and `dormouse` in one folder: what one of them pins, the other means."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fix_clients import Neonctl
from fix_platform import Platform

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(60)]


class Folder:
    """A working folder, with both commands."""

    def __init__(self, platform: Platform, neonctl: Neonctl) -> None:
        self.neonctl = neonctl
        self._platform = platform

    def dormouse(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dormouse", *words],
            env=self._platform.environment,
            cwd=self.neonctl.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def pinned(self) -> Any:
        return json.loads(self.neonctl.read(".neon"))


@pytest.fixture(scope="module")
def folder(served: Platform, neonctl: Neonctl, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """One where `dormouse` made and pinned a project with a branch `dev`."""
    made = Folder(served, neonctl.elsewhere(Path(tmp_path_factory.mktemp("shared"))))
    made.dormouse("project", "create", "shared", "--use")
    made.dormouse("branch", "create", "dev")
    return made


def test_neonctl_means_what_dormouse_pinned(folder: Folder) -> None:
    folder.dormouse("branch", "use", "dev")

    assert folder.neonctl("status", "--current-branch").out.strip() == "dev"
    assert sorted(each["name"] for each in folder.neonctl.json("branches", "list")) == ["dev", "main"]


def test_dormouse_means_what_neonctl_checked_out(folder: Folder) -> None:
    for branch in ("main", "dev"):
        folder.neonctl("checkout", branch, "--no-env-pull")
        assert json.loads(folder.dormouse("branch", "get", "--json"))["name"] == branch


def test_both_write_the_same_file(folder: Folder) -> None:
    folder.dormouse("branch", "use", "dev")
    ours = folder.pinned

    folder.neonctl("checkout", "dev", "--no-env-pull")

    assert folder.pinned == ours


def test_both_write_the_same_connection_string_but_for_the_address(folder: Folder) -> None:
    for flags in ([], ["--pooled"]):
        theirs = folder.neonctl("connection-string", "dev", *flags).out.strip()
        ours = folder.dormouse("env", "dev", "--format", "url", *flags).strip()

        assert ours.replace("&hostaddr=127.0.0.1", "") == theirs
