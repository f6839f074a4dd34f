"""What `dormouse login` keeps: one file in the user's config folder, for its owner's eyes only.

CONFIG/login.json     0600, in a folder of 0700: {"api_host", "api_key"}
"""

import json
from pathlib import Path

import platformdirs

from dormouse.cli.platforms import Login
from dormouse.errors import UserError
from dormouse.storage.durable import write_atomically

__all__ = ["forget_login", "login_file", "read_login", "store_login"]


def login_file() -> Path:
    """Where the login is kept."""
    return Path(platformdirs.user_config_dir("dormouse", appauthor=False)) / "login.json"


def read_login(path: Path) -> Login | None:
    """The stored login; None if there is none. Raises UserError for a file that is no login."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return Login(api_host=_text(found["api_host"]), api_key=_text(found["api_key"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        # Without the cause, which may quote the file.
        raise UserError(f"{path} cannot be read", "make it anew: `dormouse logout`, `dormouse login`") from None


def store_login(path: Path, login: Login) -> None:
    """Keep a login in place of any other. Raises UserError where the folder cannot be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"api_host": login.api_host, "api_key": login.api_key}) + "\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def forget_login(path: Path) -> bool:
    """Remove the login; False if there was none."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"{path} cannot be removed: {error.strerror or error}") from error
    return True


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value
