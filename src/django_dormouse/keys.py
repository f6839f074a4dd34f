"""Django's own keys for a database: which there are, of what type, and where in `DATABASES` each belongs.

They may stand in the query of a URL, as text, or be given to `databases()`, as values. libpq knows none of them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

__all__ = ["KEYS", "Key", "Place", "apply", "startup_options"]


class Place(Enum):
    """The level of a database's settings at which a key stands."""

    TOP = "top"
    """Beside `NAME`."""
    OPTIONS = "OPTIONS"
    """In `OPTIONS`, where Django's backend takes it out before libpq sees it."""
    DORMOUSE = "DORMOUSE"
    """In `DORMOUSE`, which only this package reads."""
    LIBPQ = "libpq"
    """Nowhere by itself: it stands for one of libpq's parameters."""
    STARTUP = "startup"
    """In libpq's `options`, as `-c name=value`: a setting of the server, for this session."""


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
    in_urls: bool = True
    """Whether it may stand in a URL; False for what no text can say."""
    setting: str = ""
    """The name by which Django or the server knows it, where that is another one."""


def apply(settings: dict[str, Any], key: Key, value: object) -> None:
    """Put a value that was read into a database's settings; those for the startup are not among them."""
    if key.place is Place.TOP:
        settings[key.setting or key.name.upper()] = value
    elif key.place is Place.OPTIONS:
        settings.setdefault("OPTIONS", {})[key.name] = value
    elif key.place is Place.DORMOUSE:
        settings.setdefault("DORMOUSE", {})[key.name.upper()] = value


def startup_options(values: Mapping[str, object]) -> str:
    """Those of the keys that are server settings, as libpq's `options` has them; empty if none is.

    Spaces and backslashes are escaped, as the server wants them (manual, 34.1.2, options).
    """
    parts = []
    for name, value in values.items():
        key = KEYS[name]
        if key.place is Place.STARTUP:
            escaped = str(value).replace("\\", "\\\\").replace(" ", "\\ ")
            parts.append(f"-c {key.setting or key.name}={escaped}")
    return " ".join(parts)


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


_DURATION: Final = re.compile(r"([0-9]+) ?(ms|s|min|h|d|)", re.ASCII)
_MILLISECONDS: Final = MappingProxyType(
    {"": 1, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
)


def _duration(value: object) -> str:
    """As the server reads it: a bare number is milliseconds, `0` switches it off."""
    found = None if isinstance(value, bool) else _DURATION.fullmatch(str(value))
    # What the server's integer holds, some 24 days (guc_tables.c).
    if found is None or int(found[1]) * _MILLISECONDS[found[2]] > 2**31 - 1:
        raise ValueError("milliseconds, or a whole number with ms, s, min, h or d, up to 24 days")
    return found[1] + found[2]


def _mapping(value: object) -> dict[str, object]:
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return dict(value)
    raise ValueError("a mapping with names as keys")


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
            # Of one replica, in its URL.
            Key("weight", Place.DORMOUSE, _count, on_replicas=False, on_direct=False),
            # Each URL says it of its own host.
            Key("pooled", Place.DORMOUSE, _boolean, on_replicas=False, on_direct=False),
            Key("statement_timeout", Place.STARTUP, _duration),
            Key("lock_timeout", Place.STARTUP, _duration),
            Key("idle_in_transaction_session_timeout", Place.STARTUP, _duration),
            Key("search_path", Place.STARTUP, _text),
            # As dj-database-url has them.
            Key("currentSchema", Place.STARTUP, _text, setting="search_path"),
            Key("ssl_require", Place.LIBPQ, _boolean),
            Key(
                "test_options",
                Place.TOP,
                _mapping,
                on_replicas=False,
                on_direct=False,
                in_urls=False,
                setting="TEST",
            ),
        )
    }
)
"""By name, as written in a URL's query or as an argument of `databases()`."""
