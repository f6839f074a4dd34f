"""Amounts and moments as people read them. Pure."""

from datetime import UTC, datetime

from dormouse.moments import age

__all__ = ["ago", "clock", "duration"]


def ago(then: datetime | None, now: datetime) -> str:
    """`just now`, `90 min ago`, `in 3 d`; a dash for None."""
    if then is None:
        return "–"
    seconds = (now - then).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    return f"{age(then, now)} ago" if seconds > 0 else f"in {age(now, then)}"


def clock(moment: datetime | None) -> str:
    """`2026-12-01 09:30:00 UTC`; a dash for None."""
    return "–" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(milliseconds: float) -> str:
    """How long something took: `48 ms`, `1.3 s`, `4 min`."""
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 120_000 else f"{milliseconds / 60_000:.0f} min"
