"""A database branch for each git branch: real git, and an API in memory."""

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from dormouse.cli.main import app
from dormouse.names import ProjectId
from fake_api import FakeApi, branch_of
from fix_command import Run

if TYPE_CHECKING:
    from .conftest import Repository

SHOP = ProjectId("cold-sea-00000001")


def parents(api: FakeApi) -> dict[str, str]:
    """Which branch each was made from, by name."""
    names = {each.id: each.name for each in api.branch_list}
    return {each.name: names[each.parent_id] for each in api.branch_list if each.parent_id}


def url_in(path: Path, name: str = "DATABASE_URL") -> str:
    return next(line.partition("=")[2] for line in path.read_text().splitlines() if line.startswith(f"{name}="))


def endpoint_of(api: FakeApi, branch: str) -> str:
    of = next(each.id for each in api.branch_list if each.name == branch)
    return next(str(each.id) for each in api.endpoint_list if each.branch_id == of and each.type == "read_write")


def test_a_git_branch_gets_a_database_branch_on_first_use(
    run: Run, api: FakeApi, repository: "Repository"
) -> None:
    repository.git("switch", "-c", "feature/login")

    done = run("checkout")

    assert done.code == 0
    assert done.shown.startswith("git branch feature/login has database branch feature/login (br-")
    assert "made from main · " in done.shown
    assert json.loads((repository.folder / ".neon").read_text())["branch"] == "feature/login"
    assert endpoint_of(api, "feature/login") in url_in(repository.folder / ".env")
    assert stat.S_IMODE((repository.folder / ".env").stat().st_mode) == 0o600
    assert repository.status() == ""


def test_it_has_the_same_one_from_then_on(run: Run, api: FakeApi, repository: "Repository") -> None:
    repository.git("switch", "-c", "pr-41")
    made = json.loads(run("checkout", "--json").shown)
    repository.git("switch", "main")
    run("checkout")
    repository.git("switch", "pr-41")

    again = json.loads(run("checkout", "--json").shown)

    assert api.calls == ["create_branch"]
    assert (made["created"], made["parent"], again["created"]) == (True, "main", False)
    assert again["branch"]["id"] == made["branch"]["id"]
    assert again["git_branch"] == "pr-41"
    assert again["env_file"] == str(repository.folder / ".env")


def test_the_main_git_branch_has_the_default_branch(run: Run, api: FakeApi, repository: "Repository") -> None:
    (repository.folder / ".env").write_text("DEBUG=1\n")

    done = run("checkout")

    assert "has database branch main (br-cold-sea-00000001), the default branch · " in done.shown
    assert api.calls == []
    lines = (repository.folder / ".env").read_text().splitlines()
    assert lines[0] == "DEBUG=1"
    assert [line.partition("=")[0] for line in lines[1:]] == [
        "DATABASE_URL",
        "DATABASE_URL_UNPOOLED",
        "DATABASE_REPLICA_URL",
    ]


def test_what_origin_calls_its_main_branch_has_the_default_branch(
    run: Run, api: FakeApi, repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("branch", "-m", "trunk")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", str(repository.folder), str(clone))
    monkeypatch.chdir(clone)

    assert json.loads(run("checkout", "--json").shown)["branch"]["name"] == "main"
    assert api.calls == []


def test_a_git_branch_that_is_called_like_the_default_branch_does_not_get_it(
    run: Run, api: FakeApi, repository: "Repository"
) -> None:
    run("branch", "rename", "main", "production")
    repository.git("switch", "-c", "production")

    name = json.loads(run("checkout", "--json").shown)["branch"]["name"]

    assert name.startswith("production-")
    assert parents(api)[name] == "production"


def test_a_fork_of_a_fork_is_made_from_the_forks_data(run: Run, api: FakeApi, repository: "Repository") -> None:
    repository.git("switch", "-c", "one")
    run("checkout")
    repository.git("switch", "-c", "two")
    repository.commit("second")
    repository.git("switch", "-c", "three")

    run("checkout")

    # `two` was never checked out with us: its fork takes the data of what it was forked from itself.
    assert parents(api) == {"dev": "main", "one": "main", "three": "one"}


def test_without_a_reflog_the_nearest_commits_tell(run: Run, api: FakeApi, repository: "Repository") -> None:
    repository.git("switch", "-c", "one")
    repository.commit("second")
    run("checkout")
    repository.git("switch", "-c", "two")
    repository.commit("third")
    repository.git("reflog", "expire", "--expire=now", "--all")

    run("checkout")

    assert parents(api)["two"] == "one"


def test_a_branch_of_the_remote_is_made_from_where_it_left_the_others(
    run: Run, api: FakeApi, repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("switch", "-c", "one")
    repository.commit("second")
    repository.git("switch", "-c", "two")
    repository.commit("third")
    repository.git("switch", "main")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", str(repository.folder), str(clone))
    monkeypatch.chdir(clone)
    repository.git("switch", "one", at=clone)
    run("checkout")
    repository.git("switch", "two", at=clone)

    run("checkout")

    assert parents(api)["two"] == "one"


def test_another_parent_can_be_said(run: Run, api: FakeApi, repository: "Repository") -> None:
    repository.git("switch", "-c", "pr-41")

    run("checkout", "--parent", "dev@2026-01-01T00:00:00.250Z")

    assert parents(api)["pr-41"] == "dev"
    assert api.created[-1].parent_timestamp.isoformat() == "2026-01-01T00:00:00.250000+00:00"
    refused = run("checkout", "--parent", "main")
    assert refused.code == 1
    assert "has database branch 'pr-41' already; --parent is for first use" in refused.said
    assert "`dormouse branch restore pr-41 --to main`" in refused.said


def test_another_git_branch_can_be_said(run: Run, api: FakeApi, repository: "Repository") -> None:
    repository.git("branch", "pr-41")

    assert json.loads(run("checkout", "pr-41", "--json").shown)["git_branch"] == "pr-41"

    refused = run("checkout", "pr-42")
    assert refused.code == 1
    assert "there is no git branch 'pr-42'; found: main, pr-41\n  make it: `git switch -c pr-42`" in refused.said


def test_a_branch_of_that_name_is_used_and_not_taken_for_ours(
    run: Run, api: FakeApi, repository: "Repository"
) -> None:
    repository.git("switch", "-c", "dev")

    done = run("checkout")

    assert "has database branch dev (br-cold-sea-00000002), which was there" in done.shown
    repository.git("switch", "main")
    repository.git("branch", "-D", "dev")
    assert json.loads(run("branch", "sweep", "--yes", "--json").shown)["deleted"] == []


def test_a_protected_branch_of_that_name_is_not_used(run: Run, api: FakeApi, repository: "Repository") -> None:
    api.branch_list.append(branch_of(SHOP, 3, "live", protected=True))
    repository.git("switch", "-c", "live")

    assert json.loads(run("checkout", "--json").shown)["branch"]["name"].startswith("live-")


def test_a_renamed_git_branch_keeps_its_data(run: Run, api: FakeApi, repository: "Repository") -> None:
    repository.git("switch", "-c", "pr-41")
    made = json.loads(run("checkout", "--json").shown)["branch"]["id"]
    repository.git("branch", "-m", "pr-41-login")

    done = run("checkout", "--json")

    assert json.loads(done.shown)["branch"]["id"] == made
    assert api.calls == ["create_branch"]
    assert json.loads(run("branch", "sweep", "--json", "--yes").shown)["deleted"] == []


def test_a_branch_that_somebody_deleted_is_made_anew(run: Run, api: FakeApi, repository: "Repository") -> None:
    repository.git("switch", "-c", "pr-41")
    run("checkout")
    run("branch", "delete", "pr-41", "--yes")

    again = json.loads(run("checkout", "--json").shown)

    assert again["created"]
    assert [each.name for each in api.branch_list] == ["main", "dev", "pr-41"]


def test_who_is_slower_by_a_moment_uses_what_is_there(
    run: Run, api: FakeApi, repository: "Repository", monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("switch", "-c", "pr-41")
    create = api.create_branch

    def create_after_another(*arguments: Any, **more: Any) -> Any:
        create(*arguments, **more)
        return create(*arguments, **more)

    monkeypatch.setattr(api, "create_branch", create_after_another)

    told = json.loads(run("checkout", "--json").shown)

    assert (told["branch"]["name"], told["created"]) == ("pr-41", False)


def test_git_branches_are_completed(run: Run, repository: "Repository") -> None:
    repository.git("branch", "pr-41")
    environment = {"_DORMOUSE_COMPLETE": "complete_bash", "COMP_WORDS": "dormouse checkout p", "COMP_CWORD": "2"}

    assert CliRunner().invoke(app, [], env=environment, prog_name="dormouse").stdout.split() == ["pr-41"]


def test_a_repository_without_a_commit(
    run: Run, api: FakeApi, repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tmp_path / "fresh"
    repository.git("init", "--quiet", "-b", "fresh", str(fresh))
    monkeypatch.chdir(fresh)

    assert json.loads(run("checkout", "--json").shown)["parent"] == "main"


def test_a_detached_head_is_told(run: Run, repository: "Repository") -> None:
    repository.git("checkout", "--detach")
    commit = repository.git("rev-parse", "--short", "HEAD").strip()

    done = run("checkout")

    assert done.code == 1
    assert f"no git branch is checked out in {repository.folder}: HEAD is detached at {commit}\n" in done.said
    assert "name one: `dormouse checkout GIT_BRANCH`" in done.said
    assert not (repository.folder / ".env").exists()


def test_a_folder_without_git_is_told(
    run: Run, repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    done = run("checkout")

    assert done.code == 1
    assert f"{tmp_path} belongs to no git checkout\n  go into one; without git, `dormouse branch" in done.said


class TestWorktree:
    def test_has_a_pin_and_an_env_file_of_its_own(
        self, run: Run, api: FakeApi, repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run("branch", "use", "dev")
        before = (repository.folder / ".neon").read_text()
        beside = tmp_path / "work" / "shop-pr-41"
        repository.git("worktree", "add", "-b", "pr-41", str(beside))
        monkeypatch.chdir(beside)

        run("checkout")

        assert json.loads((beside / ".neon").read_text())["branch"] == "pr-41"
        assert endpoint_of(api, "pr-41") in url_in(beside / ".env")
        assert (repository.folder / ".neon").read_text() == before
        assert not (repository.folder / ".env").exists()

    def test_belongs_to_the_project_of_the_main_one(
        self, run: Run, api: FakeApi, repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run("project", "create", "blog", "--use")
        beside = tmp_path / "work" / "elsewhere"
        repository.git("worktree", "add", "-b", "pr-41", str(beside))
        (beside / "deeper").mkdir()
        monkeypatch.chdir(beside / "deeper")

        done = run("checkout", "--json")

        blog = api.project_list[-1].id
        assert json.loads(done.shown)["branch"]["project_id"] == blog
        assert json.loads((beside / ".neon").read_text())["projectId"] == blog

    def test_inside_of_the_main_one_is_not_the_main_one(
        self, run: Run, api: FakeApi, repository: "Repository", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run("checkout")
        before = (repository.folder / ".neon").read_text()
        inside = repository.folder / "trees" / "pr-41"
        repository.git("worktree", "add", "-b", "pr-41", str(inside))
        monkeypatch.chdir(inside)

        run("checkout")

        assert json.loads((inside / ".neon").read_text())["branch"] == "pr-41"
        assert (repository.folder / ".neon").read_text() == before

    def test_a_fork_in_the_main_one_is_known_in_another(
        self, run: Run, api: FakeApi, repository: "Repository", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.git("switch", "-c", "one")
        run("checkout")
        repository.git("switch", "-c", "two")
        repository.git("switch", "main")
        beside = tmp_path / "two"
        repository.git("worktree", "add", str(beside), "two")
        monkeypatch.chdir(beside)

        run("checkout")

        # They have the same commits; only the log of the main worktree tells it.
        assert parents(api)["two"] == "one"


class TestEnvFile:
    def test_is_used_as_it_was_used_before(self, run: Run, api: FakeApi, repository: "Repository") -> None:
        api.role_names, api.database_names = ["anna", "web"], ["shop", "other"]
        (repository.folder / ".env").write_text(
            "# ours\nexport DATABASE_URL='postgresql://web:x@ep-old-pooler.dormouse.localhost/other?conn_max_age=60'\n"
        )
        repository.git("switch", "-c", "pr-41")

        done = run("checkout")

        assert done.code == 0, done.said
        first, second, third = (repository.folder / ".env").read_text().splitlines()
        assert first == "# ours"
        assert second.startswith("export DATABASE_URL='postgresql://web:npg_secret@ep-cold-sea-")
        assert "-pooler.dormouse.localhost:55432/other?" in second
        assert second.endswith("&conn_max_age=60'")
        assert third.startswith("DATABASE_URL_UNPOOLED=postgresql://web:")
        assert "-pooler" not in third

    def test_in_doubt_is_asked_for(self, run: Run, api: FakeApi, repository: "Repository") -> None:
        api.database_names = ["shop", "other"]

        done = run("checkout")

        assert done.code == 1
        assert "there are several databases: shop, other\n  choose one with --database" in done.said
        assert run("checkout", "--database", "other").code == 0
        assert "/other?" in url_in(repository.folder / ".env")

    def test_that_git_tracks_gets_no_password(self, run: Run, repository: "Repository") -> None:
        (repository.folder / ".env").write_text("DEBUG=1\n")
        repository.git("add", "--force", ".env")

        done = run("checkout")

        assert done.code == 1
        assert "is tracked by git: a password would get into the history\n  `git rm --cached .env`" in done.said
        assert (repository.folder / ".env").read_text() == "DEBUG=1\n"

    def test_is_kept_out_of_git(self, run: Run, repository: "Repository") -> None:
        (repository.folder / ".gitignore").write_text("*.pyc\n")

        run("checkout")

        assert (repository.folder / ".gitignore").read_text() == "*.pyc\n.env\n.neon\n"

    def test_that_git_goes_on_to_see_is_told(self, run: Run, repository: "Repository") -> None:
        (repository.folder / ".gitignore").unlink()
        (repository.folder / ".gitignore").mkdir()

        done = run("checkout")

        assert done.code == 0
        assert ".env, which holds a password: name it in .gitignore" in done.said

    def test_can_be_another_one(self, run: Run, repository: "Repository") -> None:
        run("checkout", "--env-file", ".env.local")

        assert url_in(repository.folder / ".env.local").startswith("postgresql://")
        assert not (repository.folder / ".env").exists()
        assert ".env.local" in (repository.folder / ".gitignore").read_text()

    def test_can_be_left_alone(self, run: Run, repository: "Repository") -> None:
        assert json.loads(run("checkout", "--no-env", "--json").shown)["env_file"] is None
        assert not (repository.folder / ".env").exists()

    def test_behind_a_link_is_the_one_that_is_written(
        self, run: Run, repository: "Repository", tmp_path: Path
    ) -> None:
        shared = tmp_path / "shared.env"
        shared.write_text("DEBUG=1\n")
        (repository.folder / ".env").symlink_to(shared)

        run("checkout")

        assert (repository.folder / ".env").is_symlink()
        assert url_in(shared).startswith("postgresql://")

    def test_that_says_so_already_is_not_touched(self, run: Run, repository: "Repository") -> None:
        run("checkout")
        path = repository.folder / ".env"
        before = path.stat().st_mtime_ns
        path.chmod(0o644)

        done = run("checkout")

        assert path.stat().st_mtime_ns == before
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "led already to it" in done.said

    def test_that_is_no_text_is_told(self, run: Run, repository: "Repository") -> None:
        (repository.folder / ".env").write_bytes(b"\xff\xfe")

        done = run("checkout")

        assert done.code == 1
        assert ".env is not UTF-8" in done.said


def test_a_pin_that_is_shared_through_git_stays_as_it_is(run: Run, repository: "Repository") -> None:
    (repository.folder / ".neon").write_text('{"projectId": "cold-sea-00000001"}')
    repository.git("add", "--force", ".neon")
    repository.git("commit", "-m", "shared")
    repository.git("switch", "-c", "pr-41")

    done = run("checkout")

    assert done.code == 0
    assert ".neon is tracked by git, and stays as it is" in done.said
    assert repository.status() == ""


def test_a_memory_that_cannot_be_read_is_told(run: Run, repository: "Repository") -> None:
    (repository.folder / ".git" / "dormouse").mkdir()
    (repository.folder / ".git" / "dormouse" / "branches.json").write_text("[]")

    done = run("checkout")

    assert done.code == 1
    assert "branches.json cannot be read" in done.said
    assert "move it away" in done.said
