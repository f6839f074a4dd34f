"""Git, asked by its own command: what is checked out here, which branches there are, where its files lie."""

import os
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dormouse.cli.forks import LogEntry
from dormouse.errors import UserError

__all__ = ["Checkout", "NoCheckout", "find_checkout"]

_PATIENCE_S: Final = 20.0
"""Longer than git needs for anything asked here, on a slow disk too."""
_FOREIGN: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE")
"""Left by a git that called us as its hook: they would send our questions to its place instead of ours."""


class NoCheckout(UserError):
    """The folder belongs to no git checkout, or git cannot tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A working tree of git: the main one, or a worktree beside it."""

    top: Path
    git_dir: Path
    """Its own: what is checked out, a rebase that is under way."""
    common_dir: Path
    """Shared by all worktrees: branches, settings, hooks."""
    branch: str | None
    """What is checked out; None on a detached head. The branch of a fresh repository has no commit yet."""

    @property
    def main_top(self) -> Path:
        """The main working tree; of a bare repository, that of this worktree."""
        return self.common_dir.parent if self.common_dir.name == ".git" else self.top

    @property
    def head(self) -> str:
        """For people, where no branch is checked out: the commit."""
        return self._ask("rev-parse", "--short", "HEAD", allowed=(0, 128)) or "no commit"

    def branches(self) -> list[str]:
        """All local ones, in the order of their names; also the one that has no commit yet."""
        found = self._ask("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").splitlines()
        return sorted({*found, *([self.branch] if self.branch else [])})

    def default_branch(self) -> str | None:
        """What the remote `origin` calls its main branch, if it was cloned from one."""
        found = self._ask("symbolic-ref", "-q", "refs/remotes/origin/HEAD", allowed=(0, 1))
        return found.removeprefix("refs/remotes/origin/") or None

    def log_of(self, branch: str) -> list[LogEntry]:
        """The reflog of a branch, newest first; empty where git keeps none."""
        return _log(self.top, f"refs/heads/{branch}")

    def head_log(self) -> list[LogEntry]:
        """The reflog of HEAD here and then, if this is a worktree, of the main one; each newest first."""
        return _log(self.top, "HEAD") + ([] if self.main_top == self.top else _log(self.main_top, "HEAD"))

    def lacks(self, candidate: str, branch: str) -> int | None:
        """How many commits of `branch` the candidate lacks; None where one of them has no commit."""
        span = f"refs/heads/{candidate}..refs/heads/{branch}"
        found = self._ask("rev-list", "--count", span, "--", allowed=(0, 128))
        return int(found) if found.isdigit() else None

    def settings(self, pattern: str) -> Mapping[str, str]:
        """The repository's own settings whose key matches, by key as git writes it; of a key's values the last."""
        lines = self._ask("config", "--local", "--null", "--get-regexp", pattern, allowed=(0, 1)).split("\0")
        pairs = (line.partition("\n") for line in lines if line)
        return {key: value for key, _, value in pairs}

    def setting(self, key: str) -> str | None:
        """One of the repository's own."""
        return self._ask("config", "--local", "--get", key, allowed=(0, 1)) or None

    def set(self, key: str, value: str | None) -> None:
        """Write a setting of the repository; None removes it."""
        if value is not None:
            self._ask("config", "--local", key, value)
        else:
            self._ask("config", "--local", "--unset-all", key, allowed=(0, 5))

    def hooks(self) -> Path:
        """The folder that git looks for hooks in: `core.hooksPath`, else its own."""
        return self.top / self._ask("rev-parse", "--git-path", "hooks")

    def tracks(self, path: Path) -> bool:
        """Whether a file below the top is part of the history."""
        return bool(self._ask("ls-files", "--", str(path)))

    def ignores(self, path: Path) -> bool:
        """Whether git passes a file below the top over, for whatever reason."""
        return bool(self._ask("check-ignore", "--no-index", "--", str(path), allowed=(0, 1)))

    def _ask(self, *arguments: str, allowed: Collection[int] = (0,)) -> str:
        return _git(self.top, *arguments, allowed=allowed)


def find_checkout(folder: Path) -> Checkout:
    """The checkout that a folder belongs to. Raises NoCheckout."""
    try:
        lines = _git(
            folder, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-dir", "--git-common-dir"
        ).splitlines()
    except NoCheckout as error:
        if "not a git repository" in error.message:
            raise NoCheckout(
                f"{folder} belongs to no git checkout",
                "go into one; without git, `dormouse branch checkout NAME` pins a branch and writes .env",
            ) from None
        raise
    top, git_dir, common_dir = (Path(line) for line in lines)
    ref = _git(folder, "symbolic-ref", "-q", "HEAD", allowed=(0, 1))
    branch = ref.removeprefix("refs/heads/") or None
    return Checkout(top=top, git_dir=git_dir, common_dir=common_dir, branch=branch)


def _git(folder: Path, *arguments: str, allowed: Collection[int] = (0,)) -> str:
    """What git prints, without the last line end. Raises NoCheckout with git's words for another exit."""
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    # Its words are compared; and a question must not write to the index.
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise NoCheckout("there is no git on the PATH", "install it (apt install git, brew install git)") from None
    except subprocess.TimeoutExpired:
        raise NoCheckout(f"git {arguments[0]} did not answer within {_PATIENCE_S:g} s") from None
    if done.returncode not in allowed:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NoCheckout(f"git {arguments[0]}: {said[0] if said else f'exit {done.returncode}'}")
    # What is no UTF-8 is a name that git will not find again, and says so.
    return done.stdout.decode("utf-8", "replace").rstrip("\n")


def _log(folder: Path, ref: str) -> list[LogEntry]:
    lines = _git(folder, "reflog", "show", "--date=raw", "--format=%gd%x00%gs", ref, "--", allowed=(0, 128))
    return [entry for line in lines.splitlines() if (entry := _entry(line)) is not None]


def _entry(line: str) -> LogEntry | None:
    """From `pr-41@{1795222186 +0000}` and what happened."""
    selector, _, message = line.partition("\0")
    at = selector.rpartition("@{")[2].partition(" ")[0]
    return LogEntry(at=int(at), message=message) if at.isdigit() else None
