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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of them, with their defaults."""

    primary_only: frozenset[str] = _PRIMARY_ONLY
    """`PRIMARY_ONLY`: app labels (`auth`) and models (`shop.Order`) that are never read from a replica. Who may
    log in, who is logged in and who may do what are better late than wrong; the project's own user model is
    always among them."""

    instances: int = 1
    """`INSTANCES`: how many machines or containers run the project. For the sum of connections alone."""
    workers: int | None = None
    """`WORKERS`: processes in each; None asks `WEB_CONCURRENCY`."""
    threads: int = 1
    """`THREADS`: of each process."""
    health_wakes: bool = False
    """`HEALTH_WAKES`: whether the health view connects where it would have to wake a compute."""

    def is_primary_only(self, app_label: str, model_name: str) -> bool:
        """Whether a model is read from the primary only."""
        return app_label in self.primary_only or f"{app_label}.{model_name}".lower() in self.primary_only


def parse(given: object, user_model: str = "auth.User") -> Settings:
    """The settings that a `DORMOUSE` mapping stands for. Raises ImproperlyConfigured, naming the key."""
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("DORMOUSE is no mapping")
    unknown = given.keys() - {"PRIMARY_ONLY", "INSTANCES", "WORKERS", "THREADS", "HEALTH_WAKES"}
    if unknown:
        raise ImproperlyConfigured(f"DORMOUSE: unknown key {min(map(str, unknown))!r}")
    labels = given.get("PRIMARY_ONLY", _PRIMARY_ONLY)
    if isinstance(labels, str) or not all(isinstance(label, str) for label in _listed(labels)):
        raise ImproperlyConfigured('DORMOUSE["PRIMARY_ONLY"]: expected a list of app labels and app.Model names')
    names = {label.lower() if "." in label else label for label in labels}
    wakes = given.get("HEALTH_WAKES", False)
    if not isinstance(wakes, bool):
        raise ImproperlyConfigured('DORMOUSE["HEALTH_WAKES"]: expected True or False')
    return Settings(
        primary_only=frozenset(names | {user_model.lower()}),
        instances=_number(given, "INSTANCES") or 1,
        workers=_number(given, "WORKERS"),
        threads=_number(given, "THREADS") or 1,
        health_wakes=wakes,
    )


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    return parse(getattr(django_settings, "DORMOUSE", {}), django_settings.AUTH_USER_MODEL)


def _number(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ImproperlyConfigured(f'DORMOUSE["{name}"]: expected a whole number, 1 or more')
    return value


def _listed(value: Any) -> list[object]:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [None]


def _forget(*, setting: str, **_: Any) -> None:
    # `override_settings` in a project's own tests.
    if setting in {"DORMOUSE", "AUTH_USER_MODEL"}:
        current.cache_clear()


setting_changed.connect(_forget)
