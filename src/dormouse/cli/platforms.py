"""Which platform a command means: the one on this machine, or an API elsewhere. The first that applies:

1. `--local`, or `--neon`, on the command itself;
2. `NEON_API_KEY` in the environment: the API at `NEON_API_HOST`, without that Neon's own;
3. `dormouse login`: the API that was logged in to, until `dormouse logout`;
4. the local platform of `DORMOUSE_HOME`.

A key goes to its own host only: a stored one to the host it was stored with, whatever `NEON_API_HOST` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from dormouse.cli.output import AskedWrongly
from dormouse.errors import UserError

__all__ = ["NEON", "Local", "Login", "Remote", "meant_platform"]

NEON: Final = "https://console.neon.tech/api/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What `dormouse login` stored."""

    api_host: str
    """The API's address: `https://console.neon.tech/api/v2`."""
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The platform of `DORMOUSE_HOME`."""

    because: str

    @property
    def name(self) -> str:
        """For people."""
        return "the local platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """An API elsewhere: Neon's, or one that speaks like it."""

    api_host: str
    api_key: str = field(repr=False)
    because: str

    @property
    def name(self) -> str:
        """For people: its host."""
        return urlsplit(self.api_host).netloc or self.api_host


def meant_platform(
    environ: Mapping[str, str], login: Login | None, *, local: bool = False, neon: bool = False
) -> Local | Remote:
    """The platform, by the rule above; an empty variable counts as unset.

    Raises AskedWrongly for both options at once, UserError for `--neon` without any key.
    """
    if local and neon:
        raise AskedWrongly("--local and --neon exclude each other")
    if local:
        return Local(because="--local")
    if key := environ.get("NEON_API_KEY"):
        host = environ.get("NEON_API_HOST") or NEON
        return Remote(api_host=host.rstrip("/"), api_key=key, because="NEON_API_KEY")
    if login is not None:
        return Remote(api_host=login.api_host, api_key=login.api_key, because="dormouse login")
    if neon:
        raise UserError("there is no API key", "set NEON_API_KEY, or store a key with `dormouse login`")
    return Local(because="neither NEON_API_KEY nor `dormouse login`")
