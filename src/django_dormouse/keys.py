"""Django's own keys for a database: which there are, of what type, and where in `DATABASES` each belongs.

They may stand in the query of a URL, as text, or be given to `databases()`, as values. libpq knows none of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

__all__ = ["KEYS", "Key", "Place", "apply"]


class Place(Enum):
    """The level of a database's settings at which a key stands."""

    TOP = "top"
    """Beside `NAME`."""
    OPTIONS = "OPTIONS"
    """In `OPTIONS`, where Django's backend takes it out before libpq sees it."""
    DORMOUSE = "DORMOUSE"
    """In `DORMOUSE`, which only this package reads."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `read` turns a text or a value into what Django wants.

    It raises ValueError, saying what it expects.
    """

    name: str
    place: Place
    read: Callable[[object], object]
    on_replicas: bool = True
    """Whether replicas get it too."""
    on_direct: bool = True
    """Whether the alias for schema work gets it too."""


def apply(settings: dict[str, Any], key: Key, value: object) -> None:
    """Put a value that was read into a database's settings."""
    if key.place is Place.TOP:
        settings[key.name.upper()] = value
    elif key.place is Place.OPTIONS:
        settings.setdefault("OPTIONS", {})[key.name] = value
    else:
        settings.setdefault("DORMOUSE", {})[key.name.upper()] = value


_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise ValueError("true or false")


def _count(value: object) -> int:
    number = _whole(value)
    if number is None or number < 0:
        raise ValueError("a whole number, 0 or more")
    return number


def _count_or_none(value: object) -> int | None:
    if value is None or (isinstance(value, str) and value.lower() == "none"):
        return None
    try:
        return _count(value)
    except ValueError:
        raise ValueError("a whole number, 0 or more, or none") from None


def _seconds(value: object) -> float:
    expected = "a number of seconds above 0"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(expected)
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError(expected) from None
    # Infinity and "not a number" would make a deadline that never comes.
    if not 0 < seconds < 86_400:
        raise ValueError(expected + ", less than a day")
    return seconds


def _text(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError("a text")


def _pool(value: object) -> bool | dict[str, object]:
    if isinstance(value, Mapping):
        return dict(value)
    try:
        return _boolean(value)
    except ValueError:
        raise ValueError("true, false, or (as an argument) a mapping of psycopg_pool's options") from None


def _isolation(value: object) -> int:
    # The numbers of psycopg.IsolationLevel, which Django takes.
    levels = {"read uncommitted": 1, "read committed": 2, "repeatable read": 3, "serializable": 4}
    number = _whole(value) if not isinstance(value, str) else levels.get(value.lower().replace("_", " "))
    if number is None or number not in levels.values():
        raise ValueError("one of " + ", ".join(levels))
    return number


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
        return int(value)
    return None


KEYS: Final[Mapping[str, Key]] = MappingProxyType(
    {
        key.name: key
        for key in (
            Key("conn_max_age", Place.TOP, _count_or_none, on_direct=False),
            Key("conn_health_checks", Place.TOP, _boolean),
            # Each alias with ATOMIC_REQUESTS is opened for each request, so replicas and `direct` go without.
            Key("atomic_requests", Place.TOP, _boolean, on_replicas=False, on_direct=False),
            Key("autocommit", Place.TOP, _boolean, on_replicas=False, on_direct=False),
            Key("disable_server_side_cursors", Place.TOP, _boolean, on_direct=False),
            Key("time_zone", Place.TOP, _text),
            Key("pool", Place.OPTIONS, _pool, on_direct=False),
            Key("assume_role", Place.OPTIONS, _text),
            Key("isolation_level", Place.OPTIONS, _isolation),
            Key("server_side_binding", Place.OPTIONS, _boolean),
            Key("prepare_threshold", Place.OPTIONS, _count_or_none, on_direct=False),
            Key("connect_deadline", Place.DORMOUSE, _seconds),
        )
    }
)
"""By name, as written in a URL's query or as an argument of `databases()`."""
