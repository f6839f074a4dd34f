"""A developer's day, as typed: projects, branches, replicas, roles and databases of a real platform."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fix_platform import Platform, new_home, platform_in, rows, wait_until


class Desk:
    """A working folder of its own, at a platform."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        self.folder = folder
        self.environment = platform.environment | {"XDG_CONFIG_HOME": str(folder / "config")}

    def type(self, *words: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "dormouse", *words],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """A command that others run beside."""
        return subprocess.Popen(
            [sys.executable, "-m", "dormouse", *words],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def found(self, *words: str) -> dict[str, str]:
        return dict(json.loads(self.type("env", "--format", "json", *words).stdout))


@pytest.fixture(scope="module")
def desk(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A project of its own, pinned."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / ".git").mkdir()
    made = Desk(platform, folder)
    made.type("project", "create", "desk", "--use")
    return made


def test_a_new_project_is_pinned_where_it_was_made(desk: Desk) -> None:
    pinned = json.loads((desk.folder / ".neon").read_text())

    assert pinned["branch"] == "main"
    assert json.loads(desk.type("project", "get", "--json").stdout)["id"] == pinned["projectId"]
    assert (desk.folder / ".gitignore").read_text() == ".neon\n"


def test_a_branch_has_the_data_of_its_parent_and_then_its_own(desk: Desk) -> None:
    rows(desk.found()["DATABASE_URL"], "CREATE TABLE told AS SELECT 'before'::text AS word")

    desk.type("branch", "create", "pr-41", "--expires", "7d")

    url = desk.found("pr-41")["DATABASE_URL"]
    rows(url, "INSERT INTO told VALUES ('after')")
    assert rows(url, "SELECT count(*) FROM told") == [(2,)]
    assert rows(desk.found()["DATABASE_URL"], "SELECT count(*) FROM told") == [(1,)]
    tree = desk.type("branch", "list").stdout
    assert "└─ pr-41" in tree
    assert "expires 20" in tree

    desk.type("branch", "rename", "pr-41", "pr-42")
    assert "cannot expire" in desk.type("branch", "protect", "pr-42", code=1).stderr
    desk.type("branch", "expire", "pr-42", "never")
    desk.type("branch", "protect", "pr-42")
    assert "cannot delete protected branch" in desk.type("branch", "delete", "pr-42", "--yes", code=1).stderr
    desk.type("branch", "unprotect", "pr-42")
    desk.type("branch", "delete", "pr-42", "--yes")
    assert "pr-42" not in desk.type("branch", "list").stdout


def test_a_pinned_branch_is_the_one_that_is_meant(desk: Desk) -> None:
    desk.type("branch", "create", "pinned", "--use")
    below = Desk(desk.platform, desk.folder / "below")
    below.folder.mkdir()

    assert below.found() == desk.found("pinned")

    said = desk.type("branch", "delete", "pinned", "--yes").stderr
    assert "branch" not in json.loads((desk.folder / ".neon").read_text())
    assert "no branch is pinned any more" in said
    assert desk.found() == desk.found("main")


def test_a_replica_comes_and_goes(desk: Desk) -> None:
    made = json.loads(desk.type("replica", "add", "--json").stdout)

    url = desk.found()["DATABASE_REPLICA_URL"]
    assert made["id"] in url
    assert rows(url, "SELECT pg_is_in_recovery()") == [(True,)]

    desk.type("replica", "remove", made["id"], "--yes")
    assert "DATABASE_REPLICA_URL" not in desk.found()


def test_a_role_logs_in_with_the_password_that_was_shown(desk: Desk) -> None:
    first = desk.type("role", "create", "reports", "-q").stdout.strip()
    assert desk.type("role", "password", "reports").stdout.strip() == first

    second = desk.type("role", "reset-password", "reports", "--yes", "-q").stdout.strip()

    assert second != first
    url = desk.found("--role", "reports")["DATABASE_URL"]
    assert second in url
    assert rows(url, "SELECT current_user") == [("reports",)]
    desk.type("role", "delete", "reports", "--yes")
    assert "reports" not in desk.type("role", "list").stdout
    assert not {first, second} & set(desk.platform.log().split())


def test_a_database_is_made_renamed_and_deleted(desk: Desk) -> None:
    desk.type("database", "create", "blog")
    desk.type("database", "rename", "blog", "news")

    assert rows(desk.found("--database", "news")["DATABASE_URL"], "SELECT current_database()") == [("news",)]
    assert "there are several databases: " in desk.type("env", code=1).stderr

    desk.type("database", "delete", "news", "--yes")
    assert [each["name"] for each in json.loads(desk.type("database", "list", "--json").stdout)] == ["neondb"]


def test_a_compute_sleeps_and_wakes_on_demand(desk: Desk) -> None:
    suspended = json.loads(desk.type("compute", "suspend", "--json").stdout)
    assert suspended["current_state"] == "idle"

    assert json.loads(desk.type("compute", "start", "--json").stdout)["current_state"] == "active"


def test_operations_tell_what_was_done(desk: Desk) -> None:
    (latest,) = json.loads(desk.type("operation", "list", "-n", "1", "--json").stdout)

    assert json.loads(desk.type("operation", "get", latest["id"], "--json").stdout) == latest


def test_a_project_is_deleted_and_recovered(desk: Desk, tmp_path: Path) -> None:
    project = json.loads(desk.type("project", "create", "short", "--json").stdout)["project"]["id"]
    here = Desk(desk.platform, tmp_path)
    here.type("project", "use", project)
    url = here.found()["DATABASE_URL"]
    rows(url, "CREATE TABLE kept AS SELECT 1 AS one")

    here.type("project", "delete", project, "--yes")
    assert project in here.type("project", "list", "--deleted").stdout
    here.type("project", "recover", project)

    assert rows(url, "SELECT one FROM kept") == [(1,)]
    here.type("project", "delete", project, "--yes")


def test_a_login_sends_the_commands_elsewhere(desk: Desk) -> None:
    key = (desk.platform.home / "api-key").read_text()
    host = f"{desk.platform.there['http_url']}/api/v2"
    elsewhere = Desk(desk.platform, desk.folder)
    elsewhere.environment["DORMOUSE_HOME"] = str(desk.folder / "no-home")

    refused = elsewhere.type("login", "--api-host", host, code=1, stdin="napi_wrong\n")
    assert "do not pass authentication" in refused.stderr
    said = elsewhere.type("login", "--api-host", host, stdin=key)

    stored = desk.folder / "config" / "dormouse" / "login.json"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert "main" in elsewhere.type("branch", "list").stdout
    assert rows(elsewhere.found()["DATABASE_URL"]) == [(1,)]
    assert "no platform runs in" in elsewhere.type("branch", "list", "--local", code=1).stderr
    elsewhere.type("logout")
    assert not stored.exists()
    assert key.strip() not in said.stdout + said.stderr


def test_one_command_waits_while_another_works(desk: Desk) -> None:
    desk.type("compute", "suspend")

    desk.type("branch", "create", "one", "--no-wait", "-q")
    desk.type("branch", "create", "two", "-q")

    wait_until(lambda: "init" not in desk.type("branch", "list").stdout, "both branches are ready")
    for name in ("one", "two"):
        desk.type("branch", "delete", name, "-yq")


def test_what_ends_by_hand_is_waited_for(tmp_path: Path) -> None:
    with platform_in(new_home(), DORMOUSE_OPERATIONS="manual") as slow:
        desk = Desk(slow, tmp_path)
        with desk.begin("project", "create", "slow") as made:
            assert made.stderr is not None
            assert "create_timeline" in made.stderr.readline()

            assert json.loads(desk.type("operation", "finish", "--json").stdout)["operations"] > 0

            assert made.wait(30) == 0


def test_the_latency_profile_is_chosen_while_the_platform_runs(tmp_path: Path) -> None:
    with platform_in(new_home()) as platform:
        desk = Desk(platform, tmp_path)
        desk.type("project", "create", "slow", "-q")
        assert "profile immediate" in desk.type("operation", "profile").stdout

        assert json.loads(desk.type("operation", "profile", "manual", "--json").stdout) == {"profile": "manual"}
        desk.type("branch", "create", "held", "--no-wait", "-q")
        assert "running" in desk.type("operation", "list").stdout

        desk.type("operation", "profile", "immediate")
        wait_until(lambda: "running" not in desk.type("operation", "list").stdout, "what was held has ended")


@pytest.mark.parametrize("verb", ["up", "down", "logs"])
def test_a_verb_loads_only_what_it_needs(verb: str) -> None:
    program = (
        "import sys; from dormouse.cli.main import app; import typer\n"
        f"typer.main.get_command(app).get_command(None, {verb!r})\n"
        "print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    ).stdout.split()

    assert {"dormouse.api.client", "dormouse.cli.session", "psycopg"}.isdisjoint(loaded)
    assert f"dormouse.cli.verbs.{verb}" in loaded
