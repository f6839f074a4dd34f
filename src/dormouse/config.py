"""The platform's settings: declared once, read once, then a frozen object that is handed on.

Nothing below `assembly` and `cli` reads the environment.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import platformdirs

from dormouse.errors import UserError
from dormouse.names import DEFAULT_HOST_SUFFIX

__all__ = ["Settings"]

_PORT: Final = re.compile(r"[0-9]{1,5}")

ErrorProfile = Literal["postgres", "neon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user may choose about one platform."""

    home: Path
    """Everything that must survive. `DORMOUSE_HOME`."""

    bind: str = "127.0.0.1"
    """The address both ports listen on. `DORMOUSE_BIND`."""

    pg_port: int = 55432
    """The Postgres proxy; 0 for any free one. `DORMOUSE_PG_PORT`."""

    http_port: int = 55433
    """API and console; 0 for any free one. `DORMOUSE_HTTP_PORT`."""

    host_suffix: str = DEFAULT_HOST_SUFFIX
    """What follows the endpoint id in a host name. `DORMOUSE_HOST_SUFFIX`."""

    pg_bin: Path | None = None
    """The `bin` folder of the one Postgres to use; None looks for all. `DORMOUSE_PG_BIN`."""

    errors: ErrorProfile = "postgres"
    """`neon` flattens the proxy's SQLSTATEs to XX000, as Neon does. `DORMOUSE_ERRORS`."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read `DORMOUSE_*`; an empty variable counts as unset.

        Raises UserError naming the variable, what it holds and what was expected.
        """
        given = {key: value for key, value in environ.items() if key.startswith("DORMOUSE_") and value}
        errors = given.get("DORMOUSE_ERRORS", "postgres")
        if errors not in ("postgres", "neon"):
            raise UserError(f"DORMOUSE_ERRORS is {errors!r}; expected 'postgres' or 'neon'")
        return cls(
            home=_folder(given, "DORMOUSE_HOME") or default_home().absolute(),
            bind=given.get("DORMOUSE_BIND", "127.0.0.1"),
            pg_port=_port(given, "DORMOUSE_PG_PORT", 55432),
            http_port=_port(given, "DORMOUSE_HTTP_PORT", 55433),
            host_suffix=given.get("DORMOUSE_HOST_SUFFIX", DEFAULT_HOST_SUFFIX),
            pg_bin=_folder(given, "DORMOUSE_PG_BIN"),
            errors="neon" if errors == "neon" else "postgres",
        )


def default_home() -> Path:
    """The user's data folder; as root `/var/lib/dormouse`, which Postgres's own user can enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/dormouse")
    return Path(platformdirs.user_data_dir("dormouse", appauthor=False))


def _folder(given: Mapping[str, str], name: str) -> Path | None:
    """Absolute, since the platform's process works in another folder than the user."""
    text = given.get(name)
    if text is None:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(f"{name} is {text!r}; expected a folder, and there is no such user") from error


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise UserError(f"{name} is {text!r}; expected a port, 1 to 65535, or 0 for any free one")
    return int(text)
