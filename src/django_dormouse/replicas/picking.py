"""Finds a replica that can answer, beginning with the one whose turn it is; one unit stays with one."""

import logging
import time
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from django_dormouse import settings
from django_dormouse.replicas import asking
from django_dormouse.replicas.context import Unit
from django_dormouse.replicas.deciding import Reason
from django_dormouse.replicas.health import Health
from django_dormouse.replicas.position import Position, Token, has_replayed

__all__ = ["pick"]

logger = logging.getLogger("django_dormouse.replicas")

_health: Final = Health()


def pick(replicas: tuple[str, ...], unit: Unit, *, anything_will_do: bool) -> str | Reason:
    """The replica for the unit's next read, or why none can answer.

    `anything_will_do`: however old its data are, and whatever the unit has seen before.
    """
    needed = None if anything_will_do else _needed(unit)
    if needed is not None and needed.lsn is None:
        # No replica will do, whatever it says.
        unit.is_outlived = True
        return Reason.NOT_REPLAYED
    start = unit.take_turn() % len(replicas)
    order = replicas[start:] + replicas[:start]
    only = None if anything_will_do or not settings.current().monotonic else unit.reads_only_from
    if only in replicas:
        order = (only,)
    elif only is not None:
        return Reason.NOT_REPLAYED
    is_behind = False
    for alias in order:
        if alias in unit.refused or not _health.may_try(alias, time.monotonic()):
            continue
        wait_ms = 0 if is_behind else settings.current().replica_wait_ms
        able = _can_answer(alias, unit, needed, wait_ms)
        if able:
            unit.replica = alias
            unit.answered.add(alias)
            return alias
        is_behind |= able is False
    return Reason.NOT_REPLAYED if is_behind or only is not None else Reason.NO_REPLICA


def _needed(unit: Unit) -> Position | None:
    if unit.wants_fresh:
        unit.wants_fresh = False
        try:
            unit.require(Token(needs=asking.position(connections[DEFAULT_DB_ALIAS])))
        except (DatabaseError, InterfaceError):
            unit.require(Token(needs=Position(incarnation="", lsn=None)))
    return unit.needs


def _can_answer(alias: str, unit: Unit, needed: Position | None, wait_ms: int) -> bool | None:
    """Whether it has come far enough; None if it cannot be reached."""
    connection = connections[alias]
    started = time.monotonic()
    try:
        asking.reach(connection)
        able = needed is None or _has_replayed(connection, unit, needed, wait_ms)
    except (DatabaseError, InterfaceError) as error:
        unit.lost_s += time.monotonic() - started
        unit.refused.add(alias)
        record = _health.failed(alias, time.monotonic())
        logger.warning(
            "A replica cannot be reached and is left out; reads go elsewhere",
            extra={
                "action": "replica_left_out",
                "alias": alias,
                "failures": record.failures,
                "reason": str(error),
            },
        )
        return None
    if _health.succeeded(alias):
        logger.info("A replica is back", extra={"action": "replica_back", "alias": alias})
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
