"""When snapshots are due that are made by themselves. Pure; all times are UTC."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from dormouse.control.past import Schedule, ScheduleItem

__all__ = ["due_at", "from_now_on", "next_run"]

_LONGEST: Final = timedelta(days=8 * 366)
"""The 29th of February may be as far away: 2100 is no leap year."""


def next_run(items: Iterable[ScheduleItem], after: datetime) -> datetime | None:
    """The first whole hour after a moment at which one of them is due; None if none ever is."""
    first = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min((due for item in items if (due := _next_of(item, first)) is not None), default=None)


def _next_of(item: ScheduleItem, first: datetime) -> datetime | None:
    step = timedelta(hours=1) if item.frequency == "hourly" else timedelta(days=1)
    moment = first if item.frequency == "hourly" else first.replace(hour=item.hour or 0)
    while moment <= first + _LONGEST:
        if moment >= first and due_at(item, moment):
            return moment
        moment += step
    return None


def from_now_on(schedule: Schedule, now: datetime) -> Schedule:
    """The schedule with the next moment at which it is due."""
    return replace(schedule, next_at=next_run(schedule.items, now))


def due_at(item: ScheduleItem, moment: datetime) -> bool:
    """Whether it is due in that hour. What is not said is midnight, Monday, the first, January."""
    if item.frequency == "hourly":
        return True
    if moment.hour != (item.hour or 0):
        return False
    match item.frequency:
        case "weekly":
            return moment.isoweekday() == (item.day or 1)
        case "monthly":
            return moment.day == (item.day or 1)
        case "yearly":
            return (moment.month, moment.day) == (item.month or 1, item.day or 1)
        case _:
            return True
