"""Moments as people say and read them: `7d`, `2026-12-01T00:00:00Z`, `3 d ago`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["age", "from_now"]

_SPAN: Final = re.compile(r"([0-9]{1,5})\s*([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def from_now(text: str, now: datetime) -> datetime:
    """The moment that `7d`, `12h`, `30m` from now is, or the one that is written out; without a zone, in UTC.

    Raises ValueError saying what was expected.
    """
    if span := _SPAN.fullmatch(text.strip()):
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no moment; expected 7d, 12h, 30m or 2026-12-01T00:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
