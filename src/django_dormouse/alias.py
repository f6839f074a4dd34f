"""What `DATABASES[alias]["DORMOUSE"]` says about an alias.

    "DORMOUSE": {"REPLICA_OF": "default", "CONNECT_DEADLINE": 2.0}

`databases()` writes it; a hand-written DATABASES may too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from django_dormouse import hosts

__all__ = ["CONNECT_DEADLINE_S", "REPLICA_CONNECT_DEADLINE_S", "AliasSettings", "is_pooled", "of", "replicas_of"]

CONNECT_DEADLINE_S = 15.0
"""How long connecting to a primary may take, all tries together. Neon's proxy itself tries for some
13 s to wake a compute and reach it (wake 7 s, connect 6 s), so anything shorter gives up while it still works."""

REPLICA_CONNECT_DEADLINE_S = 3.0
"""How long connecting to a replica may take: one try, because the primary can answer instead."""

_HEAVIEST = 1000
"""A round is as long as all weights together, and is worked out once."""

_KEYS = frozenset(
    {"REPLICA_OF", "DIRECT_OF", "CONNECT_DEADLINE", "DROPPED_OPTIONS", "SHARES_CONNECTION_OF", "POOLED", "WEIGHT"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasSettings:
    """One alias, as this package sees it."""

    replica_of: str | None = None
    """The alias of the primary that this is a read replica of."""
    direct_of: str | None = None
    """The alias of the pooled connection to the same database."""
    weight: int = 1
    """Of a replica: how many of each round's requests it gets; 0: only when no other can answer."""
    connect_deadline_s: float = CONNECT_DEADLINE_S
    dropped_options: str = ""
    """Startup options that were left out because a pooler does not pass them on."""
    shares_connection_of: str | None = None
    """Under test: the alias whose connection this one uses. Set by the test runner, not by people."""


def of(settings: Mapping[str, Any]) -> AliasSettings:
    """The part of one entry of DATABASES that is ours. Raises ImproperlyConfigured, naming the key."""
    ours = settings.get("DORMOUSE", {})
    if not isinstance(ours, Mapping):
        raise ImproperlyConfigured('"DORMOUSE" in DATABASES is no mapping')
    unknown = ours.keys() - _KEYS
    if unknown:
        raise ImproperlyConfigured(f'"DORMOUSE" in DATABASES: unknown key {min(unknown)!r}')
    replica_of = _alias(ours, "REPLICA_OF")
    default = CONNECT_DEADLINE_S if replica_of is None else REPLICA_CONNECT_DEADLINE_S
    deadline = ours.get("CONNECT_DEADLINE", default)
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or deadline <= 0:
        raise ImproperlyConfigured('"CONNECT_DEADLINE" in DATABASES: expected a number of seconds above 0')
    if not isinstance(ours.get("POOLED", False), bool):
        raise ImproperlyConfigured('"POOLED" in DATABASES: expected True or False')
    weight = ours.get("WEIGHT", 1)
    if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= _HEAVIEST:
        raise ImproperlyConfigured(f'"WEIGHT" in DATABASES: expected a whole number from 0 to {_HEAVIEST}')
    return AliasSettings(
        weight=weight,
        replica_of=replica_of,
        direct_of=_alias(ours, "DIRECT_OF"),
        connect_deadline_s=float(deadline),
        dropped_options=str(ours.get("DROPPED_OPTIONS", "")),
        shares_connection_of=_alias(ours, "SHARES_CONNECTION_OF"),
    )


def replicas_of(primary: str, databases: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """The aliases of a primary's replicas, in the order of DATABASES; none of them while tests mirror them.

    Asked for every read, so it looks at the two keys that it needs and leaves checking to `of`.
    """
    found = []
    for alias, settings in databases.items():
        ours = settings.get("DORMOUSE")
        if ours and ours.get("REPLICA_OF") == primary and not ours.get("SHARES_CONNECTION_OF"):
            found.append(alias)
    return tuple(found)


def is_pooled(settings: Mapping[str, Any]) -> bool:
    """Whether an alias goes through a pooler that may change servers between transactions.

    "POOLED" says it; else the host's name does, as Neon's do.
    """
    ours = settings.get("DORMOUSE") or {}
    return bool(ours.get("POOLED", hosts.is_pooled(settings.get("HOST", ""))))


def _alias(ours: Mapping[str, Any], key: str) -> str | None:
    value = ours.get(key)
    if value is not None and not isinstance(value, str):
        raise ImproperlyConfigured(f'"{key}" in DATABASES: expected the name of an alias')
    return value
