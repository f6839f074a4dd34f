"""The verbs, as far as they need no platform."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from command_reference import PAGE, commands, page
from dormouse.cli.connections import FORMATS
from dormouse.cli.main import VERBS, app
from dormouse.config import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "100% o'clock ☃"
    monkeypatch.setenv("DORMOUSE_HOME", str(made))
    return made


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.stdout, done.stderr


def words(text: str) -> str:
    return " ".join(text.split())


def test_help_shows_every_verb_with_a_sentence() -> None:
    _, shown, _ = run("--help")

    assert [verb for verb in VERBS if not re.search(rf"^ +{verb} +\w", shown, re.MULTILINE)] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    code, shown, _ = run(verb, "--help")

    assert code == 0
    assert f" {verb} [OPTIONS]" in shown


def test_every_verb_has_an_example_that_begins_with_it() -> None:
    without = [
        " ".join(path)
        for path, command in commands()
        if path
        and not isinstance(command, TyperGroup)
        and f"Example: dormouse {' '.join(path)}" not in words(command.help or "")
    ]

    assert without == []


def test_the_reference_page_is_not_stale() -> None:
    assert PAGE.read_text("utf-8") == page(), "make it anew: python tests/command_reference.py"


def test_verbs_are_completed() -> None:
    environment = {"_DORMOUSE_COMPLETE": "complete_bash", "COMP_WORDS": "dormouse branch set", "COMP_CWORD": "2"}

    done = CliRunner().invoke(app, [], env=environment, prog_name="dormouse")

    assert done.stdout.split() == ["set-default"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_printed(shell: str) -> None:
    code, shown, _ = run("completion", shell)

    assert code == 0
    assert f"_DORMOUSE_COMPLETE=complete_{shell}" in shown


def test_an_unknown_shell_is_asked_wrongly() -> None:
    code, _, said = run("completion", "tcsh")

    assert (code, said) == (2, "dormouse: the shell is 'tcsh'; expected one of bash, zsh, fish\n")


def test_an_unknown_verb_is_asked_wrongly() -> None:
    code, _, said = run("☃")

    assert code == 2
    assert "No such command '☃'" in said


def test_help_tells_every_setting() -> None:
    _, shown, _ = run("up", "--help")

    variables = [f"DORMOUSE_{field.name.upper()}" for field in fields(Settings) if field.name != "limits"]
    assert [each for each in [*variables, "DORMOUSE_LIMIT_…"] if each not in words(shown)] == []


def test_help_tells_every_format() -> None:
    _, shown, _ = run("env", "--help")

    assert [name for name in FORMATS if name not in words(shown)] == []


def test_status_of_a_home_without_a_platform(home: Path) -> None:
    code, shown, _ = run("status")

    assert code == 1
    assert shown == (
        f"down · home {home}\ncommands go to the local platform (neither NEON_API_KEY nor `dormouse login`)\n"
    )


def test_status_for_programs(home: Path) -> None:
    code, shown, _ = run("status", "--json")

    assert code == 1
    assert json.loads(shown) == {
        "running": False,
        "home": str(home),
        "computes": [],
        "faults": [],
        "commands": {"platform": "local", "because": "neither NEON_API_KEY nor `dormouse login`"},
        "pinned": None,
    }


@pytest.mark.parametrize(
    "verb", [["env"], ["env", "--format", "neonctl"], ["psql"], ["psql", "--replica", "--", "-c", "SELECT 1"]]
)
def test_what_needs_a_platform_says_so(verb: list[str], home: Path) -> None:
    code, shown, said = run(*verb)

    assert (code, shown) == (1, "")
    assert said.startswith(f"dormouse: no platform runs in {home}\n  start it with `dormouse up`")


def test_the_authoritys_place_is_known_without_a_platform(home: Path) -> None:
    assert run("env", "--format", "ca") == (0, f"{home}/tls/ca.pem\n", "")


def test_an_unknown_format_is_asked_wrongly(home: Path) -> None:
    code, shown, said = run("env", "--format", "☃")

    assert (code, shown) == (2, "")
    assert said.startswith("dormouse: --format is '☃'; expected one of dotenv, shell, json, url, ")


def test_stopping_what_does_not_run_is_no_failure(home: Path) -> None:
    assert run("down") == (0, "", f"no platform runs in {home}\n")


def test_a_wrong_setting_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DORMOUSE_PG_PORT", "many")

    code, _, said = run("status")

    assert code == 1
    assert said.startswith("dormouse: DORMOUSE_PG_PORT is 'many'")


def test_there_are_no_logs(home: Path) -> None:
    code, _, said = run("logs")

    assert code == 1
    assert said.startswith("dormouse: there is no log at")


def test_a_verb_that_is_misspelt_is_guessed() -> None:
    code, _, said = run("brunch")

    assert code == 2
    assert "Did you mean 'branch'?" in words(said)
