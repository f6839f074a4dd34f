"""Amounts and moments as people read them. Pure."""

from datetime import UTC, datetime

__all__ = ["ago", "clock", "duration", "size", "span"]


def size(amount_bytes: float) -> str:
    """`512 B`, `4.2 MB`, `31 GB`."""
    amount, unit = float(amount_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        # 999.5 would be rounded to 1000.
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 9.95 else f"{amount:.0f} {unit}"


def span(seconds: float) -> str:
    """A length of time in the largest unit of which there are two: `47 s`, `90 min`, `30 h`, `3 days`."""
    whole = max(0, int(seconds))
    for limit, unit_s, unit in ((120, 1, "s"), (7200, 60, "min"), (48 * 3600, 3600, "h")):
        if whole < limit:
            return f"{whole // unit_s} {unit}"
    return f"{whole // 86400} days"


def ago(then: datetime | None, now: datetime) -> str:
    """`just now`, `90 min ago`, `in 3 days`; a dash for None."""
    if then is None:
        return "–"
    seconds = (now - then).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def clock(moment: datetime | None) -> str:
    """`2026-12-01 09:30:00 UTC`; a dash for None."""
    return "–" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(milliseconds: float) -> str:
    """How long something took: `48 ms`, `1.3 s`, `4 min`."""
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 120_000 else f"{milliseconds / 60_000:.0f} min"
