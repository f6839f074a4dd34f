"""Moments as people say and read them: `7d`, `2026-12-01T00:00:00Z`, `-10m`, `yesterday 14:00`, `3 d`."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

__all__ = ["PAST_FORMS", "StillToCome", "age", "from_now", "in_the_past"]

PAST_FORMS: Final = "-10m, -1h30m, yesterday 14:00, 14:00 or 2026-12-01T00:00:00Z"
"""What `in_the_past` reads, for help and errors."""

_SPAN: Final = re.compile(r"([0-9]{1,5})\s*([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Each begins with its letter.
_UNIT_WORDS: Final = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|w|weeks?)"
_AGO: Final = re.compile(rf"(-?)((?:[0-9]{{1,5}}\s*{_UNIT_WORDS}\s*)+)(\bago)?")
_AGO_PART: Final = re.compile(rf"([0-9]{{1,5}})\s*({_UNIT_WORDS})")
_OF_DAY: Final = re.compile(r"(?:(today|yesterday)\s+)?([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)")


class StillToCome(ValueError):
    """A moment, and none of the past."""


def from_now(text: str, now: datetime) -> datetime:
    """The moment that `7d`, `12h`, `30m` from now is, or the one that is written out; without a zone, in UTC.

    Raises ValueError saying what was expected.
    """
    if span := _SPAN.fullmatch(text.strip()):
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    moment = _written_out(text)
    if moment is None:
        raise ValueError(f"{text!r} is no moment; expected 7d, 12h, 30m or 2026-12-01T00:00:00Z")
    return moment


def in_the_past(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The moment that `-10m`, `1h30m ago`, `yesterday 14:00`, `14:00`, `now` is, or the one that is written out.

    A time of day is that of the clock on the wall: in `zone`, None is the machine's. What is written out without
    a zone is in UTC. Raises ValueError saying what was expected, StillToCome for what is after `now`.
    """
    said = " ".join(text.split())
    if said == "now":
        return now
    moment = _ago(said, now) or _time_of_day(said, now, zone) or _written_out(said)
    if moment is None:
        raise ValueError(f"{text!r} is no moment; expected {PAST_FORMS}")
    if moment > now:
        raise StillToCome(f"{text!r} is still to come: it is {now.astimezone(zone):%Y-%m-%d %H:%M:%S %Z} now")
    return moment


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit of which there are two: `47 s`, `90 min`, `30 h`, `3 d`."""
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} d"


def _ago(said: str, now: datetime) -> datetime | None:
    found = _AGO.fullmatch(said)
    if found is None:
        return None
    parts = _AGO_PART.findall(found[2])
    span = sum((timedelta(**{_UNITS[unit[0]]: int(count)}) for count, unit in parts), timedelta())
    try:
        return now - span
    except OverflowError:
        return None


def _time_of_day(said: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    found = _OF_DAY.fullmatch(said)
    if found is None:
        return None
    try:
        clock = time.fromisoformat(found[2].zfill(len("09:30") if found[2].count(":") == 1 else len("09:30:00")))
    except ValueError:
        return None
    here = now.astimezone(zone)
    return _at(here.date() - timedelta(days=1 if found[1] == "yesterday" else 0), clock, zone)


def _at(day: date, clock: time, zone: tzinfo | None) -> datetime:
    """That time on that day; the zone's offset of that day, not of today, since summer time may have begun."""
    wall = datetime.combine(day, clock)
    return (wall.replace(tzinfo=zone) if zone else wall.astimezone()).astimezone(UTC)


def _written_out(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
