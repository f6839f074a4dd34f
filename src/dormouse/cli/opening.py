"""Whether a browser can be opened here. Pure."""

from collections.abc import Mapping

__all__ = ["has_screen"]


def has_screen(environ: Mapping[str, str], platform: str) -> bool:
    """Whether there is a screen to open a browser on, or the user named a browser.

    Without one Python would take a browser for the terminal (w3m, lynx), and that would not come back.
    """
    if platform == "darwin":
        # An SSH session has no screen, whatever the machine has.
        return "SSH_CONNECTION" not in environ
    return any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
