"""Which platform is meant, as a table."""

import pytest

from dormouse.cli.output import AskedWrongly
from dormouse.cli.platforms import NEON, Local, Login, Remote, meant_platform
from dormouse.errors import UserError

LOGIN = Login(api_host="https://api.example/v2", api_key="napi_stored")
KEY = {"NEON_API_KEY": "napi_set"}
HOST = {"NEON_API_HOST": "http://127.0.0.1:55433/api/v2/"}


@pytest.mark.parametrize(
    ("said", "environ", "login", "expected"),
    [
        # said      environment      stored   → which host with which key; None is the local platform
        ("", {}, None, None),
        ("", {}, LOGIN, ("https://api.example/v2", "napi_stored")),
        ("", KEY, None, (NEON, "napi_set")),
        ("", KEY, LOGIN, (NEON, "napi_set")),
        ("", KEY | HOST, None, ("http://127.0.0.1:55433/api/v2", "napi_set")),
        ("", KEY | HOST, LOGIN, ("http://127.0.0.1:55433/api/v2", "napi_set")),
        ("", KEY | {"NEON_API_HOST": ""}, None, (NEON, "napi_set")),
        ("", {"NEON_API_KEY": ""}, None, None),
        ("", HOST, None, None),
        # A stored key goes to its own host only.
        ("", HOST, LOGIN, ("https://api.example/v2", "napi_stored")),
        ("--neon", HOST, LOGIN, ("https://api.example/v2", "napi_stored")),
        ("--neon", {}, LOGIN, ("https://api.example/v2", "napi_stored")),
        ("--neon", KEY, LOGIN, (NEON, "napi_set")),
        ("--local", {}, None, None),
        ("--local", KEY | HOST, LOGIN, None),
    ],
)
def test_the_platform_that_is_meant(
    said: str, environ: dict[str, str], login: Login | None, expected: tuple[str, str] | None
) -> None:
    found = meant_platform(environ, login, local=said == "--local", neon=said == "--neon")

    assert (None if isinstance(found, Local) else (found.api_host, found.api_key)) == expected


def test_neon_without_a_key_says_where_to_put_one() -> None:
    with pytest.raises(UserError, match="there is no API key") as caught:
        meant_platform({}, None, neon=True)

    assert "NEON_API_KEY" in caught.value.hint
    assert "dormouse login" in caught.value.hint


def test_both_at_once_are_asked_wrongly() -> None:
    with pytest.raises(AskedWrongly):
        meant_platform({}, None, local=True, neon=True)


def test_no_key_is_shown() -> None:
    assert "napi" not in repr(LOGIN) + repr(Remote(api_host=NEON, api_key="napi_set", because=""))


def test_a_platform_is_named_after_its_host() -> None:
    assert Remote(api_host=NEON, api_key="", because="").name == "console.neon.tech"
