"""Finds a replica that can answer, beginning with the one whose turn it is; one unit stays with one."""

import time
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from django_dormouse import alias as aliases
from django_dormouse import hosts, settings
from django_dormouse.backend.wrapping import sqlstate_of
from django_dormouse.replicas import asking
from django_dormouse.replicas.choosing import Candidate, in_order
from django_dormouse.replicas.context import Unit, current
from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.health import health
from django_dormouse.replicas.position import Position, Token, has_replayed
from django_dormouse.replicas.rereading import Verdict, verdict
from django_dormouse.replicas.routed import Routed
from django_dormouse.replicas.waking import Waking, may_open
from django_dormouse.replicas.watching import leave_out, watcher

__all__ = ["elsewhere", "note_newer", "pick", "primary"]

_PATIENCE: Final = 0.1
"""Which part of a replica's deadline a unit may have lost and still tries another one. A refusal takes no time;
who has waited for one replica in vain goes to the primary, so that failing over costs one deadline, whatever
fails."""


def pick(replicas: tuple[str, ...], unit: Unit, *, anything_will_do: bool) -> str | Reason:
    """The replica for the unit's next read, or why none can answer.

    `anything_will_do`: however old its data are, and whatever the unit has seen before.
    """
    needed = None if anything_will_do else _needed(unit)
    if needed is not None and needed.lsn is None:
        # No replica will do, whatever it says.
        unit.is_outlived = True
        return Reason.NOT_REPLAYED
    is_behind = False
    for alias in _order(replicas, unit, anything_will_do=anything_will_do):
        now = time.monotonic()
        if not health.is_in_use(alias):
            watcher.nudge_left_out(alias, now)
            continue
        if alias in unit.refused:
            continue
        connection = connections[alias]
        if not _is_open(connection) and not _may_open(alias, unit, now, wakes=anything_will_do):
            continue
        watcher.nudge(alias, now)
        able = _can_answer(connection, unit, needed, 0 if is_behind else settings.current().replica_wait_ms)
        if able:
            unit.replica = alias
            if not anything_will_do:
                unit.answered.add(alias)
            return alias
        is_behind |= able is False
    return Reason.NOT_REPLAYED if is_behind else Reason.NO_REPLICA


def elsewhere(alias: str, error: Exception) -> Routed | None:
    """Where a plain read that failed on a replica may be sent; None where it would fail anywhere."""
    connection: Any = connections[alias]
    if connection.in_atomic_block or not connection.autocommit:
        return None
    is_lost = getattr(connection, "is_lost", None)
    found = verdict(sqlstate_of(error), str(error), is_lost=is_lost is not None and is_lost(error))
    if found is Verdict.RAISE:
        return None
    unit = current()
    if found is Verdict.GONE:
        health.fell_asleep(alias)
        # One that may sleep and is to be left asleep has not failed.
        if not (_can_sleep(alias) and settings.current().wake_replicas == Waking.NEVER.value):
            leave_out(alias, " ".join(str(error).split()))
    unit.refused.add(alias)
    replicas = aliases.replicas_of(DEFAULT_DB_ALIAS, connections.settings)
    if alias not in unit.served_by and unit.came_with.replica != alias:
        # Nothing was seen there, so it need not be kept to.
        unit.answered.discard(alias)
        picked = pick(replicas, unit, anything_will_do=False)
        if not isinstance(picked, Reason):
            return Routed(picked, Reason.REPLICA)
    note_newer(unit)
    return primary(Reason.FAILED)


def primary(reason: Reason) -> Routed:
    """`default`, for a read that a replica did not answer."""
    return Routed(DEFAULT_DB_ALIAS, reason)


def note_newer(unit: Unit) -> None:
    """The unit has seen on the primary what replicas may not have: it stays there, and its user is to see no
    less."""
    unit.has_seen_newer = True
    if settings.current().monotonic:
        unit.has_seen_primary = True


def _order(replicas: tuple[str, ...], unit: Unit, *, anything_will_do: bool) -> list[str]:
    only = unit.replica if unit.answered else None
    if only is None and settings.current().monotonic and not anything_will_do:
        only = unit.reads_only_from
    if only is not None and (settings.current().monotonic or only not in unit.refused):
        return [only] if only in replicas else []
    candidates = []
    for alias in replicas:
        lag = health.lag_of(alias)
        weight = connections.settings[alias]["DORMOUSE"].get("WEIGHT", 1)
        candidates.append(Candidate(alias=alias, weight=weight, lag_bytes=0 if lag is None else lag.size_bytes))
    return in_order(candidates, unit.take_turn(), least_lag=settings.current().choice == "least-lag")


def _needed(unit: Unit) -> Position | None:
    if unit.wants_fresh:
        unit.wants_fresh = False
        try:
            position = asking.position(connections[DEFAULT_DB_ALIAS])
        except (DatabaseError, InterfaceError):
            position = Position(incarnation="", lsn=None)
        unit.require(Token(needs=position))
    return unit.needs


def _is_open(connection: Any) -> bool:
    is_open = getattr(connection, "is_open", None)
    return connection.connection is not None if is_open is None else bool(is_open())


def _can_sleep(alias: str) -> bool:
    return hosts.endpoint_of(connections.settings[alias]["HOST"]) is not None


def _may_open(alias: str, unit: Unit, now: float, *, wakes: bool) -> bool:
    deadline_s = aliases.of(connections.settings[alias]).connect_deadline_s
    if unit.lost_s > _PATIENCE * deadline_s:
        return False
    waking = Waking.AT_ONCE if wakes else Waking(settings.current().wake_replicas)
    if may_open(waking, can_sleep=_can_sleep(alias), seen_awake_s_ago=health.awake_s_ago(alias, now)):
        return True
    health.fell_asleep(alias)
    if waking is Waking.BACKGROUND:
        watcher.wake(alias, now)
    return False


def _can_answer(connection: Any, unit: Unit, needed: Position | None, wait_ms: int) -> bool | None:
    """Whether it has come far enough; None if it cannot be reached."""
    alias = connection.alias
    started = time.monotonic()
    try:
        asking.reach(connection)
        able = needed is None or alias in unit.answered or _has_replayed(connection, unit, needed, wait_ms)
    except (DatabaseError, InterfaceError) as error:
        unit.lost_s += time.monotonic() - started
        unit.refused.add(alias)
        leave_out(alias, " ".join(str(error).split()))
        return None
    health.answered(alias, time.monotonic())
    if not able:
        unit.refused.add(alias)
    return able


def _has_replayed(connection: Any, unit: Unit, needed: Position, wait_ms: int) -> bool:
    known = asking.replayed_so_far(connection)
    if known is not None and has_replayed(known, needed):
        return True
    replayed = asking.replayed(connection, needed, wait_ms)
    if replayed.incarnation != needed.incarnation:
        unit.is_outlived = True
    return has_replayed(replayed, needed)
