"""The pages of docs/howto, followed to the letter: every line of every `sh` block, in its order, in real git.

A page speaks of minutes; the test has seconds. It replaces `-10m` by the moment before the page's first line.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fix_platform import Platform, rows

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines_of(page: str) -> list[str]:
    """The command lines of a page, without their comments."""
    blocks = BLOCK.findall((HOWTO / page).read_text("utf-8"))
    return [line.partition("  #")[0].rstrip() for block in blocks for line in block.splitlines() if line.strip()]


class Follower:
    """Somebody at a shell, in a folder of their own."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.folder = folder / "shop"
        self.folder.mkdir()
        settings = folder / "gitconfig"
        settings.write_text("[user]\n\tname = Anna\n\temail = anna@example.com\n[init]\n\tdefaultBranch = main\n")
        self._environment = {
            **{name: value for name, value in platform.environment.items() if not name.startswith("GIT_")},
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "GIT_CONFIG_GLOBAL": str(settings),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def type(self, line: str) -> str:
        """What it prints; it must work."""
        done = subprocess.run(
            ["sh", "-c", line], cwd=self.folder, env=self._environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def url(self, branch: str) -> str:
        return self.type(f"dormouse env '{branch}' --format url -q").strip()


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def follower(platform: Platform, tmp_path: Path) -> Iterator[Follower]:
    made = Follower(platform, tmp_path)
    made.type("git init --quiet && git commit --quiet --allow-empty -m first")
    return made


def test_go_back_in_time(follower: Follower) -> None:
    lines = iter(lines_of("go-back-in-time.md"))
    follower.type("dormouse project create howto --use -q")
    follower.type('dormouse psql -- -qc "CREATE TABLE orders AS SELECT generate_series(1, 3) AS id"')
    time.sleep(0.2)
    before = datetime.now(UTC).isoformat()
    time.sleep(0.2)

    def follow(until: str) -> str:
        """Up to and with the line that begins so; what that one printed."""
        for line in lines:
            said = follower.type(line.replace("@-10m", f"@{before}").replace("--to -10m", f"--to {before}"))
            if line.startswith(until):
                return said
        raise AssertionError(f"the page has no further line that begins {until!r}")

    assert "DELETE 2" in follow("dormouse psql")
    assert " 3\n" in follow("dormouse psql --branch look")
    assert "no difference" in follow("dormouse branch diff")
    assert "would get what it had at" in follow("dormouse branch restore main")
    assert rows(follower.url("main"), "SELECT count(*) FROM orders") == [(1,)]
    assert "what it had is branch main_old_" in follow("dormouse branch restore main")
    assert " 3\n" in follow("dormouse psql")
    assert " 1\n" in (follow("dormouse branch undo"), follow("dormouse psql"))[1]
    follow("dormouse branch undo")
    assert rows(follower.url("main"), "SELECT count(*) FROM orders") == [(3,)]
    assert " 3\n" in (follow("dormouse branch reset try --yes"), follow("dormouse psql"))[1]
    assert "try" in follow("dormouse branch list --deleted")
    assert "is back" in follow("dormouse branch recover")
    assert "before-the-import" in follow("dormouse snapshot list")
    assert "branch archive" in follow("dormouse snapshot restore before-the-import --finalize")
    assert "deleted" in follow("dormouse snapshot delete")
    assert list(lines) == []


def test_a_branch_for_each_git_branch(follower: Follower) -> None:
    said = {}

    for number, line in enumerate(lines_of("a-branch-for-each-git-branch.md")):
        said[number, line] = follower.type(line)

    told = [(line, words) for (_, line), words in said.items()]
    checkouts = [words for line, words in told if line == "dormouse checkout"]
    assert ["made from main" in words for words in checkouts] == [False, True, False, False]
    assert "made from feature/login" in checkouts[3]
    (hooked,) = (words for line, words in told if line == "git switch feature/login")
    assert "git branch feature/login has database branch feature/login (br-" in hooked
    (swept,) = (words for line, words in told if line == "dormouse branch sweep --yes")
    assert "feature/login-tests" in swept
    assert (follower.folder.parent / "shop-fix" / ".env").exists()
    assert rows(follower.url("feature/login"), "SELECT count(*) FROM logins") == [(0,)]
    assert rows(follower.url("main"), "SELECT to_regclass('logins')") == [(None,)]


def test_every_page_is_followed() -> None:
    here = Path(__file__).read_text("utf-8")
    followed = re.findall(r'lines_of\("([^"]+)"\)', here)

    assert [page.name for page in sorted(HOWTO.glob("*.md")) if lines_of(page.name)] == sorted(followed)


def test_use_the_console(follower: Follower) -> None:
    (line,) = lines_of("use-the-console.md")

    assert "/open?link=" in follower.type(line)
