"""What the connection string that stands in a `.env` file tells about the one that is to take its place. Pure.

Somebody chose a role, a database, the pooler, `conn_max_age`; another branch is to be used in the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from dormouse.uri import ConnectionParameters

__all__ = ["Wishes", "carried_over", "is_foreign", "wishes_in"]

_OF_THE_ENDPOINT: Final = frozenset({"hostaddr", "options"})
"""Say which server it is; never carried over."""
_OF_THE_PLATFORM: Final = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation", "channel_binding", "requiressl"}
)
"""Say how the server proves who it is: right for one platform, wrong for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a branch is to be used; None says nothing."""

    role: str | None = None
    database: str | None = None
    pooled: bool = False


def wishes_in(url: str) -> Wishes:
    """What a `DATABASE_URL` says; nothing, if it is none of Postgres."""
    old = _read(url)
    if old is None:
        return Wishes()
    return Wishes(
        role=old.role, database=old.database or None, pooled=old.host.partition(".")[0].endswith("-pooler")
    )


def carried_over(old_url: str, new: ConnectionParameters) -> ConnectionParameters:
    """The new connection with what the old one says besides where it leads: `conn_max_age`, `application_name`.

    On the same platform also with how the server is verified.
    """
    old = _read(old_url)
    if old is None:
        return new
    dropped = _OF_THE_ENDPOINT if _platform(old) == _platform(new) else _OF_THE_ENDPOINT | _OF_THE_PLATFORM
    kept: Mapping[str, str] = {name: value for name, value in old.options.items() if name not in dropped}
    return replace(new, options=MappingProxyType({**new.options, **kept}))


def is_foreign(old_url: str, new: ConnectionParameters) -> bool:
    """Whether the old one leads to no platform of this kind: then nobody but this file may know it."""
    if not old_url.strip():
        return False
    old = _read(old_url)
    return old is None or _platform(old) != _platform(new)


def _platform(parameters: ConnectionParameters) -> str:
    """What follows the endpoint in a host name."""
    return parameters.host.partition(".")[2]


def _read(url: str) -> ConnectionParameters | None:
    try:
        return ConnectionParameters.from_url(url)
    except ValueError:
        return None
