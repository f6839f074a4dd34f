"""The hook that follows git: real git and a real shell; whom it calls only notes that it was called."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fix_platform import Made, Platform, rows

from dormouse.cli.git import find_checkout
from dormouse.cli.hook import install_hook, uninstall_hook
from dormouse.cli.hook_script import MARK
from dormouse.errors import UserError
from fix_command import Run

if TYPE_CHECKING:
    from .conftest import Repository


class Called:
    """In the place of Python: notes where it was called with what, and ends as it is told."""

    def __init__(self, folder: Path, code: int = 0) -> None:
        self.program = folder / "it's python"
        self._notes = folder / "called"
        self.program.write_text(f'#!/bin/sh\necho "$PWD $*" >> "{self._notes}"\nexit {code}\n')
        self.program.chmod(0o755)

    def take(self) -> list[str]:
        """The calls since the last time."""
        noted = self._notes.read_text().splitlines() if self._notes.exists() else []
        self._notes.unlink(missing_ok=True)
        return noted


@pytest.fixture
def called(tmp_path: Path) -> Called:
    return Called(tmp_path)


@pytest.fixture
def hooked(repository: "Repository", called: Called) -> "Repository":
    """A repository with the hook in it."""
    install_hook(find_checkout(repository.folder), ".", str(called.program))
    return repository


def write_hook(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def test_a_switch_calls(hooked: "Repository", called: Called) -> None:
    here = f"{hooked.folder} -P -m dormouse checkout --from-hook"

    hooked.git("switch", "-c", "one")
    assert called.take() == [here]
    hooked.git("checkout", "main")
    assert called.take() == [here]


def test_what_changes_no_branch_does_not_call(hooked: "Repository", called: Called, tmp_path: Path) -> None:
    hooked.git("switch", "-c", "one")
    hooked.commit("second")
    hooked.git("switch", "main")
    hooked.commit("third")
    called.take()

    hooked.git("checkout", "first")
    hooked.git("checkout", "--detach")
    assert called.take() == []
    hooked.git("switch", "one")
    called.take()
    hooked.git("rebase", "main")
    hooked.git("rebase", "--force-rebase", "--onto", "HEAD~1", "HEAD~1", "one")
    hooked.git("commit", "--amend", "-m", "other words")
    hooked.git("clone", "--quiet", str(hooked.folder), str(tmp_path / "clone"))
    assert called.take() == []


def test_a_clone_by_a_shared_folder_of_hooks_does_not_call(
    repository: "Repository", called: Called, tmp_path: Path
) -> None:
    shared = tmp_path / "hooks"
    repository.git("config", "--global", "core.hooksPath", str(shared))
    install_hook(find_checkout(repository.folder), ".", str(called.program))
    clone = tmp_path / "clone"

    repository.git("clone", "--quiet", str(repository.folder), str(clone))
    repository.git("switch", "-c", "other", at=clone)

    # The clone did not ask for it.
    assert (shared / "post-checkout").exists()
    assert called.take() == []
    repository.git("switch", "-c", "one")
    assert len(called.take()) == 1


def test_a_new_worktree_calls_in_its_own_folder(hooked: "Repository", called: Called, tmp_path: Path) -> None:
    beside = tmp_path / "beside"

    hooked.git("worktree", "add", "-b", "one", str(beside))

    assert called.take() == [f"{beside} -P -m dormouse checkout --from-hook"]


def test_a_folder_below_the_top_is_where_it_calls(
    repository: "Repository", called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.folder / "backend").mkdir()
    install_hook(find_checkout(repository.folder), "backend", str(called.program))

    repository.git("switch", "-c", "one")

    assert called.take() == [f"{repository.folder}/backend -P -m dormouse checkout --from-hook"]


def test_a_failure_of_ours_is_none_of_gits(repository: "Repository", tmp_path: Path) -> None:
    failing = Called(tmp_path, code=1)
    install_hook(find_checkout(repository.folder), ".", str(failing.program))

    repository.git("switch", "-c", "one")

    assert len(failing.take()) == 1


def test_where_python_is_gone_the_path_is_asked(
    repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_hook(find_checkout(repository.folder), ".", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    said = repository.git("switch", "-c", "one")

    assert "dormouse is not there; the database did not follow to this git branch" in said
    elsewhere = Called(tmp_path)
    elsewhere.program.rename(tmp_path / "dormouse")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    repository.git("switch", "-c", "two")
    assert elsewhere.take() == [f"{repository.folder} checkout --from-hook"]


class TestAnotherHook:
    def test_is_kept_and_called_first_and_its_failure_is_gits(
        self, repository: "Repository", called: Called, tmp_path: Path
    ) -> None:
        hook = repository.folder / ".git" / "hooks" / "post-checkout"
        write_hook(hook, f'#!/bin/sh\necho "$@" >> {tmp_path}/theirs\nexit 3\n')

        done = install_hook(find_checkout(repository.folder), ".", str(called.program))

        assert done.other == hook.with_name("post-checkout.before-dormouse")
        repository.git("switch", "-c", "one", code=1)
        assert (tmp_path / "theirs").read_text().endswith(" 1\n")
        assert len(called.take()) == 1

    def test_is_put_back(self, repository: "Repository", called: Called) -> None:
        hook = repository.folder / ".git" / "hooks" / "post-checkout"
        write_hook(hook, "#!/bin/sh\n# theirs\n")
        where = find_checkout(repository.folder)
        install_hook(where, ".", str(called.program))
        install_hook(where, ".", str(called.program))

        done = uninstall_hook(where)

        assert (done.other, done.changed) == (hook, True)
        assert hook.read_text() == "#!/bin/sh\n# theirs\n"
        assert [each.name for each in hook.parent.iterdir() if "dormouse" in each.name] == []
        assert not uninstall_hook(where).changed
        assert hook.exists()

    def test_that_took_the_place_of_ours_stays(self, hooked: "Repository", called: Called) -> None:
        hook = hooked.folder / ".git" / "hooks" / "post-checkout"
        write_hook(hook, "#!/bin/sh\n# newer\n")

        done = uninstall_hook(find_checkout(hooked.folder))

        assert done.changed
        assert hook.read_text() == "#!/bin/sh\n# newer\n"
        hooked.git("switch", "-c", "one")
        assert called.take() == []

    def test_twice_is_told(self, repository: "Repository", called: Called) -> None:
        hooks = repository.folder / ".git" / "hooks"
        write_hook(hooks / "post-checkout", "#!/bin/sh\n# newer\n")
        write_hook(hooks / "post-checkout.before-dormouse", "#!/bin/sh\n# older\n")

        with pytest.raises(UserError, match="is a hook of somebody else, and so is"):
            install_hook(find_checkout(repository.folder), ".", str(called.program))

        assert (hooks / "post-checkout").read_text() == "#!/bin/sh\n# newer\n"


def test_the_hook_goes_where_git_looks_for_hooks(run: Run, repository: "Repository") -> None:
    repository.git("config", "core.hooksPath", ".githooks")

    told = json.loads(run("checkout", "--install-hook", "--json").shown)

    hook = repository.folder / ".githooks" / "post-checkout"
    assert (told["hook"], told["installed"], told["changed"]) == (str(hook), True, True)
    assert MARK in hook.read_text()
    assert sys.executable in hook.read_text()
    assert stat.S_IMODE(hook.stat().st_mode) == 0o755
    assert run("checkout", "--uninstall-hook").shown == f"{hook}: taken away\n"
    assert not hook.exists()
    assert repository.git("config", "--get-regexp", "dormouse", code=1) == ""
    assert "there is no hook of ours in" in run("checkout", "--uninstall-hook").shown


def test_installing_and_taking_away_exclude_each_other(run: Run, repository: "Repository") -> None:
    assert run("checkout", "--install-hook", "--uninstall-hook").code == 2


class TestAtAPlatform:
    """The whole of it: git calls the command, which makes branches of a real database."""

    @pytest.fixture
    def at_work(
        self, repository: "Repository", platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Made:
        monkeypatch.setenv("DORMOUSE_HOME", str(platform.home))
        made = platform.create()
        (repository.folder / ".neon").write_text(json.dumps({"projectId": made.project}))
        subprocess.run(
            [sys.executable, "-m", "dormouse", "checkout", "--install-hook"], check=True, capture_output=True
        )
        return made

    def url(self, folder: Path) -> str:
        lines = (folder / ".env").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("DATABASE_URL="))

    def test_the_database_follows_git(self, repository: "Repository", at_work: Made, tmp_path: Path) -> None:
        rows(at_work.url, "CREATE TABLE told AS SELECT 'main' AS word")

        said = repository.git("switch", "-c", "feature/one")

        assert "git branch feature/one has database branch feature/one (br-" in said
        assert "made from main" in said
        rows(self.url(repository.folder), "INSERT INTO told VALUES ('one')")
        repository.git("switch", "-c", "two")
        assert rows(self.url(repository.folder), "SELECT word FROM told ORDER BY 1") == [("main",), ("one",)]
        repository.git("switch", "main")
        assert rows(self.url(repository.folder), "SELECT word FROM told") == [("main",)]
        repository.git("worktree", "add", str(tmp_path / "beside"), "feature/one")
        assert rows(self.url(tmp_path / "beside"), "SELECT count(*) FROM told") == [(2,)]
        assert rows(self.url(repository.folder), "SELECT count(*) FROM told") == [(1,)]
        assert repository.status() == ""

    def test_it_does_not_dirty_a_git_branch_whose_gitignore_lacks_it(
        self, repository: "Repository", at_work: Made
    ) -> None:
        (repository.folder / ".gitignore").write_text("*.pyc\n")
        # A pin for all that is below: the checkout gets one of its own, and may not show it.
        (repository.folder / ".neon").rename(repository.folder.parent / ".neon")
        repository.git("commit", "-am", "no .env")

        repository.git("switch", "-c", "one")

        assert (repository.folder / ".env").exists()
        assert json.loads((repository.folder / ".neon").read_text())["branch"] == "one"
        assert repository.status() == ""

    def test_git_goes_on_where_no_platform_runs(
        self, repository: "Repository", at_work: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.git("switch", "-c", "one")
        before = (repository.folder / ".env").read_text()
        monkeypatch.setenv("DORMOUSE_HOME", str(tmp_path / "nothing"))

        said = repository.git("switch", "-c", "two")

        assert "the database did not follow to git branch 'two': no platform runs in" in said
        assert ".env is as it was, and `dormouse checkout` tries again" in said
        assert (repository.folder / ".env").read_text() == before

    def test_git_does_not_wait_for_what_does_not_answer(
        self, repository: "Repository", at_work: Made, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import socket

        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            monkeypatch.setenv("NEON_API_KEY", "napi_x")
            monkeypatch.setenv("NEON_API_HOST", f"http://127.0.0.1:{deaf.getsockname()[1]}/api/v2")
            began = time.monotonic()
            said = repository.git("switch", "-c", "one")
            deaf_s = time.monotonic() - began
        # Nobody listens there any more, and what is left is what the machine takes for the rest.
        began = time.monotonic()
        repository.git("switch", "-c", "two")
        refused_s = time.monotonic() - began

        assert deaf_s - refused_s < 8, "a request gets five seconds"
        assert "the database did not follow to git branch 'one': no answer from http://127.0.0.1:" in said
        assert os.environ["NEON_API_KEY"] not in said
