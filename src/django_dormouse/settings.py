"""The project-wide settings, `DORMOUSE` in a Django settings module.

DORMOUSE = {"PRIMARY_ONLY": ["sessions", "auth", "billing", "shop.Order"]}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

__all__ = ["Settings", "current", "parse"]

_PRIMARY_ONLY: Final = frozenset({"admin", "auth", "contenttypes", "sessions"})


_KEYS: Final = frozenset(
    {
        "CHOICE",
        "HEALTH_WAKES",
        "INSTANCES",
        "LAG_CHECK_S",
        "LOOK_AGAIN",
        "MAX_LAG_BYTES",
        "MAX_LAG_S",
        "MONOTONIC",
        "PRIMARY_ONLY",
        "REPLICA_WAIT_MS",
        "SERVER_TIMING",
        "THREADS",
        "WAKE_REPLICAS",
        "WORKERS",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of them, with their defaults."""

    primary_only: frozenset[str] = _PRIMARY_ONLY
    """`PRIMARY_ONLY`: app labels (`auth`) and models (`shop.Order`) that are never read from a replica. Who may
    log in, who is logged in and who may do what are better late than wrong; the project's own user model is
    always among them."""

    monotonic: bool = True
    """`MONOTONIC`: whether nobody is shown older data than before, also where they have not written."""
    replica_wait_ms: int = 10
    """`REPLICA_WAIT_MS`: how long a read that needs a position waits for a replica to replay it. A replica that
    streams is a few milliseconds behind; who would wait longer is better served by another one."""

    look_again: bool = True
    """`LOOK_AGAIN`: whether an object that is asked for by its key, and is not on the replica, is looked up on the
    primary too, before it is believed that there is none: for links to new objects that are sent to others."""
    choice: str = "round-robin"
    """`CHOICE`: of several replicas, `round-robin` by weight, or `least-lag`."""
    wake_replicas: str = "at-once"
    """`WAKE_REPLICAS`: `at-once`, `background` or `never`; of endpoints alone, which can sleep."""
    max_lag_bytes: int = 64 * 2**20
    """`MAX_LAG_BYTES`: a replica that is further behind is left out. Four segments of the log: more than a
    moment's burst of writes."""
    max_lag_s: float = 30.0
    """`MAX_LAG_S`: the same in seconds. Half a minute is what a visitor takes for "now" at most."""
    server_timing: bool | None = None
    """`SERVER_TIMING`: whether responses say in a header which databases served them, and why; None while
    DEBUG."""
    lag_check_s: float = 5.0
    """`LAG_CHECK_S`: how often replicas that are read from are looked at; 0: never, and none is found to lag."""

    instances: int = 1
    """`INSTANCES`: how many machines or containers run the project. For the sum of connections alone."""
    workers: int | None = None
    """`WORKERS`: processes in each; None asks `WEB_CONCURRENCY`."""
    threads: int = 1
    """`THREADS`: of each process."""
    health_wakes: bool = False
    """`HEALTH_WAKES`: whether the health view connects where it would have to wake a compute."""

    def is_primary_only(self, app_label: str, label: str) -> bool:
        """Whether a model is read from the primary only; `label` is its `_meta.label_lower`, `shop.order`."""
        return app_label in self.primary_only or label in self.primary_only


def parse(given: object, user_model: str = "auth.User") -> Settings:
    """The settings that a `DORMOUSE` mapping stands for. Raises ImproperlyConfigured, naming the key."""
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("DORMOUSE is no mapping")
    unknown = given.keys() - _KEYS
    if unknown:
        raise ImproperlyConfigured(f"DORMOUSE: unknown key {min(map(str, unknown))!r}")
    labels = given.get("PRIMARY_ONLY", _PRIMARY_ONLY)
    if isinstance(labels, str) or not all(isinstance(label, str) for label in _listed(labels)):
        raise ImproperlyConfigured('DORMOUSE["PRIMARY_ONLY"]: expected a list of app labels and app.Model names')
    names = {label.lower() if "." in label else label for label in labels}
    return Settings(
        primary_only=frozenset(names | {user_model.lower()}),
        instances=_number(given, "INSTANCES", default=1),
        workers=_number(given, "WORKERS") if given.get("WORKERS") is not None else None,
        threads=_number(given, "THREADS", default=1),
        health_wakes=_flag(given, "HEALTH_WAKES", default=False),
        monotonic=_flag(given, "MONOTONIC", default=True),
        replica_wait_ms=_number(given, "REPLICA_WAIT_MS", least=0, default=10),
        server_timing=None if given.get("SERVER_TIMING") is None else _flag(given, "SERVER_TIMING", default=False),
        look_again=_flag(given, "LOOK_AGAIN", default=True),
        choice=_word(given, "CHOICE", ("round-robin", "least-lag")),
        wake_replicas=_word(given, "WAKE_REPLICAS", ("at-once", "background", "never")),
        max_lag_bytes=_number(given, "MAX_LAG_BYTES", least=0, default=64 * 2**20),
        max_lag_s=_seconds(given, "MAX_LAG_S", 30.0),
        lag_check_s=_seconds(given, "LAG_CHECK_S", 5.0),
    )


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    return parse(getattr(django_settings, "DORMOUSE", {}), django_settings.AUTH_USER_MODEL)


def _number(given: Mapping[str, Any], name: str, *, least: int = 1, default: int = 1) -> int:
    value = default if given.get(name) is None else given[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ImproperlyConfigured(f'DORMOUSE["{name}"]: expected a whole number, {least} or more')
    return value


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise ImproperlyConfigured(f'DORMOUSE["{name}"]: expected True or False')
    return value


def _seconds(given: Mapping[str, Any], name: str, default: float) -> float:
    value = default if given.get(name) is None else given[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ImproperlyConfigured(f'DORMOUSE["{name}"]: expected a number of seconds, 0 or more')
    return float(value)


def _word(given: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = given.get(name, words[0])
    if value not in words:
        raise ImproperlyConfigured(f'DORMOUSE["{name}"]: expected one of {", ".join(words)}')
    return str(value)


def _listed(value: Any) -> list[object]:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [None]


def _forget(*, setting: str, **_: Any) -> None:
    # `override_settings` in a project's own tests.
    if setting in {"DORMOUSE", "AUTH_USER_MODEL"}:
        current.cache_clear()


setting_changed.connect(_forget)
