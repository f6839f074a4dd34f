import pytest

from dormouse.cli.opening import has_screen


@pytest.mark.parametrize(
    ("environ", "platform", "there_is"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "wslview"}, "linux", True),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, "darwin", False),
    ],
)
def test_has_screen(environ: dict[str, str], platform: str, there_is: bool) -> None:
    assert has_screen(environ, platform) is there_is
