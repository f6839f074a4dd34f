"""The system checks that connect: they run with `manage.py check --database default`, and before `migrate`."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connections

from django_dormouse import alias as aliases
from django_dormouse import capacity, settings

__all__ = ["LIMITS", "Answer", "ask", "check_answer", "check_servers", "demand_of"]

ENGINE = "django_dormouse.backend"

LIMITS = (
    "SELECT (SELECT setting::int FROM pg_settings WHERE name = 'max_connections'), "
    "(SELECT sum(setting::int) FROM pg_settings "
    "WHERE name IN ('superuser_reserved_connections', 'reserved_connections'))"
)
"""max_connections, and how many of them are kept for superusers and operators."""

_CLOCKS_DIFFER_S = 2.0
"""Signed cookies, `auto_now` beside `now()` and tokens that expire bear a second; more is a wrong clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said."""

    in_recovery: bool
    clock_ahead_s: float
    """How far its clock is ahead of ours."""
    time_zone: str
    """That a new session of the role has."""
    max_connections: int
    reserved: int


def check_servers(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """E011, E012, W013, W016, W018, I019. Connects, and reads."""
    messages: list[CheckMessage] = []
    for name in databases or ():
        if connections.settings[name].get("ENGINE") != ENGINE:
            continue
        try:
            answer = ask(name)
        except (DatabaseError, InterfaceError) as error:
            messages.append(
                checks.Error(
                    f"The database {name!r} cannot be reached: {' '.join(str(error).split())}",
                    hint=f"Run: python manage.py dbdoctor {name}",
                    id="dormouse.E011",
                )
            )
            continue
        messages += check_answer(name, answer, connections[name].timezone_name, demand_of(name))
    return messages


def check_answer(
    name: str, answer: Answer, time_zone: str | None, demand: capacity.Demand | None
) -> Iterator[CheckMessage]:
    """What the answer of the alias `name` means. Pure but for the settings of the alias."""
    ours = connections.settings[name].get("DORMOUSE", {})
    # Under test a replica is its primary's connection, and meant to be.
    is_replica = bool(ours.get("REPLICA_OF")) and not ours.get("SHARES_CONNECTION_OF")
    if answer.in_recovery and not is_replica:
        yield checks.Error(
            f"The database {name!r} is a standby and takes no writes.",
            hint="Name the primary there.",
            id="dormouse.E012",
        )
    if is_replica and not answer.in_recovery:
        yield checks.Warning(
            f"The database {name!r} is meant as a replica, and is none.",
            hint="Name a replica there, or leave the alias out.",
            id="dormouse.W013",
        )
    usable = answer.max_connections - answer.reserved
    if demand is not None and demand.total > usable:
        yield checks.Warning(
            f"The project may open more connections to {name!r} than there are: {capacity.sentence(demand)}, and "
            f"max_connections leaves {usable}.",
            hint="Put a pooler in front (manage.py pgbouncerconfig), make pools smaller, or raise it.",
            id="dormouse.W016",
        )
    if abs(answer.clock_ahead_s) > _CLOCKS_DIFFER_S:
        side = "ahead of" if answer.clock_ahead_s > 0 else "behind"
        yield checks.Warning(
            f"The clock of the database {name!r} is {abs(answer.clock_ahead_s):.0f} s {side} this machine's.",
            hint="Set the clock that is wrong, by NTP.",
            id="dormouse.W018",
        )
    if time_zone is not None and answer.time_zone != time_zone:
        yield checks.Info(
            f"Each new connection to {name!r} costs one round trip more: its time zone is "
            f"{answer.time_zone}, and Django sets {time_zone}.",
            hint=f"ALTER ROLE … SET timezone = '{time_zone}' (manage.py createdatabase does).",
            id="dormouse.I019",
        )


def ask(name: str) -> Answer:
    """Connect to the alias, and read. Raises DatabaseError or InterfaceError."""
    with connections[name].cursor() as cursor:
        started = time.time()
        cursor.execute("SELECT pg_is_in_recovery(), extract(epoch FROM clock_timestamp())::float8")
        in_recovery, clock = cursor.fetchone()
        # In the middle of the round trip, as far as one can know.
        ours = (started + time.time()) / 2
        cursor.execute("SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'")
        [time_zone] = cursor.fetchone()
        cursor.execute(LIMITS)
        max_connections, reserved = cursor.fetchone()
    return Answer(
        in_recovery=in_recovery,
        clock_ahead_s=clock - ours,
        time_zone=time_zone,
        max_connections=max_connections,
        reserved=reserved,
    )


def demand_of(name: str) -> capacity.Demand | None:
    """How many connections the project may open to the alias's server, by all aliases that lead there.

    None through a pooler, which has the sum in its own hands, and where E001 says what is wrong.
    """
    database = connections.settings[name]
    if aliases.is_pooled(database):
        return None
    try:
        ours = settings.parse(getattr(django_settings, "DORMOUSE", {}))
    except ImproperlyConfigured:
        return None
    demands = [
        capacity.demand(
            other["OPTIONS"],
            instances=ours.instances,
            workers=ours.workers,
            threads=ours.threads,
            environ=os.environ,
        )
        for alias, other in connections.settings.items()
        # The way past a pooler is for `migrate` alone.
        if alias == name or (_is_same_server(other, database) and not other.get("DORMOUSE", {}).get("DIRECT_OF"))
    ]
    return replace(demands[0], each=sum(one.each for one in demands))


def _is_same_server(other: Mapping[str, Any], database: Mapping[str, Any]) -> bool:
    return (
        str(other["ENGINE"]) == ENGINE
        and (other["HOST"], str(other["PORT"])) == (database["HOST"], str(database["PORT"]))
        and not aliases.is_pooled(other)
    )
