"""What all verbs about projects share."""

from pathlib import Path
from typing import Any

import pytest

from dormouse.api.errors import refusal
from fake_api import FakeApi


def test_it_says_at_which_platform_it_works(run: Any) -> None:
    assert run("role", "list").said == "at neon.test (NEON_API_KEY)\n"
    assert run("role", "list", "--quiet").said == ""


def test_without_a_key_it_is_the_local_platform(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NEON_API_KEY")
    monkeypatch.setenv("DORMOUSE_HOME", str(tmp_path / "home"))

    done = run("branch", "list")

    assert (done.code, done.shown) == (1, "")
    assert done.said.startswith(f"dormouse: no platform runs in {tmp_path}/home\n  start it with `dormouse up`")


def test_local_is_local_whatever_is_set(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DORMOUSE_HOME", str(tmp_path / "home"))

    assert "no platform runs in" in run("branch", "list", "--local").said


def test_a_key_that_is_not_taken_says_which(run: Any, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise refusal(401, "", "supplied credentials do not pass authentication", "")

    monkeypatch.setattr(api, "projects", refuse)

    done = run("project", "list")

    assert done.code == 1
    assert "supplied credentials do not pass authentication" in done.said
    assert "neon.test does not take the key of NEON_API_KEY" in done.said
    assert "napi_secret" not in done.said


def test_a_change_waits_until_its_work_is_done(run: Any, api: FakeApi) -> None:
    api.lasting = 2

    run("branch", "create", "pr-41")

    assert api._looks == {api.operation_list[0].id: 3}


def test_or_does_not(run: Any, api: FakeApi) -> None:
    api.lasting = 10**9

    done = run("branch", "create", "pr-41", "--no-wait")

    assert done.code == 0
    assert api._looks == {}


def test_work_that_fails_fails_the_command(run: Any, api: FakeApi) -> None:
    api.ending = "failed"

    done = run("branch", "create", "pr-41")

    assert (done.code, done.shown) == (1, "")
    assert "create_branch failed: the disk is full" in done.said


def test_a_busy_project_is_asked_again(run: Any, api: FakeApi) -> None:
    api.busy = 1

    done = run("branch", "create", "pr-41")

    assert done.code == 0
    assert api.calls == ["create_branch", "create_branch"]


@pytest.mark.parametrize(
    "asked",
    [
        ("project", "delete", "shop"),
        ("branch", "delete", "dev"),
        ("replica", "remove", "ep-cold-sea-00000003"),
        ("role", "delete", "anna"),
        ("role", "reset-password", "anna"),
        ("database", "delete", "shop"),
    ],
    ids=" ".join,
)
def test_what_loses_something_wants_a_yes(asked: tuple[str, ...], run: Any, api: FakeApi) -> None:
    refused = run(*asked)
    assert (refused.code, refused.shown, api.calls) == (2, "", [])
    assert "neon.test needs a yes" in refused.said
    assert "say --yes" in refused.said

    assert run(*asked, "--yes").code == 0
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    "asked",
    [
        ("project", "get", "☃"),
        ("project", "recover", "☃"),
        ("branch", "get", "☃"),
        ("branch", "list", "--project", "☃"),
        ("branch", "create", "x", "--parent", "☃"),
        ("replica", "remove", "☃", "--yes"),
        ("compute", "start", "☃"),
        ("role", "delete", "☃", "--yes"),
        ("role", "password", "☃"),
        ("database", "rename", "☃", "x"),
        ("database", "create", "x", "--owner", "☃"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_refused_with_what_is(asked: tuple[str, ...], run: Any, api: FakeApi) -> None:
    done = run(*asked)

    assert (done.code, done.shown, api.calls) == (1, "", [])
    assert "'☃'; found" in done.said


@pytest.mark.parametrize(
    "asked", [("branch",), ("branch", "☃"), ("branch", "rename", "dev"), ("role", "list", "--x")]
)
def test_what_is_asked_wrongly_exits_with_2(asked: tuple[str, ...], run: Any) -> None:
    assert run(*asked).code == 2
