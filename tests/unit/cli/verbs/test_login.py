import stat
from typing import Any, ClassVar

import pytest

from dormouse.api.errors import refusal
from dormouse.cli.credentials import login_file, read_login
from dormouse.cli.platforms import NEON, Login


class Door:
    """What `login` asks of a client."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, host: str, key: str) -> None:
        self.asked.append((host, key))
        self.key = key

    def auth(self) -> None:
        if self.key != "napi_right":
            raise refusal(401, "", "supplied credentials do not pass authentication", "")


@pytest.fixture(autouse=True)
def door(run: Any, monkeypatch: pytest.MonkeyPatch) -> type[Door]:
    for name in ("NEON_API_KEY", "NEON_API_HOST"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("dormouse.cli.verbs.login.Client", Door)
    Door.asked = []
    return Door


def test_a_key_that_opens_is_kept(run: Any, door: type[Door]) -> None:
    done = run("login", stdin="napi_right\n")

    assert done.code == 0
    assert door.asked == [(NEON, "napi_right")]
    assert read_login(login_file()) == Login(api_host=NEON, api_key="napi_right")
    assert stat.S_IMODE(login_file().stat().st_mode) == 0o600
    assert "napi" not in done.shown + done.said


def test_from_then_on_commands_go_there_until_logout(run: Any) -> None:
    run("login", "--api-host", "https://api.example/v2/", stdin="napi_right")
    assert run("role", "list").said == "at api.example (dormouse login)\n"
    assert "commands go to api.example (dormouse login)" in run("status").shown

    assert run("logout").shown == "logged out\n"
    assert "commands go to the local platform" in run("status").shown
    assert run("logout").shown == "nobody was logged in\n"


def test_a_key_that_does_not_open_is_not_kept(run: Any) -> None:
    done = run("login", stdin="napi_wrong\n")

    assert done.code == 1
    assert "do not pass authentication" in done.said
    assert "napi" not in done.shown + done.said
    assert read_login(login_file()) is None


def test_no_key_is_asked_wrongly(run: Any) -> None:
    assert run("login", stdin="").code == 2


def test_a_spoiled_login_is_named_and_stops_nobody_who_says_local(run: Any) -> None:
    login_file().parent.mkdir(parents=True)
    login_file().write_text("napi_half")

    done = run("branch", "list")
    assert (done.code, done.shown) == (1, "")
    assert f"{login_file()} cannot be read" in done.said
    assert "napi" not in done.said

    assert "no platform runs in" in run("branch", "list", "--local").said
    assert run("logout").code == 0
