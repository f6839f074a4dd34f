"""Points of the past as people type or pick them. Pure, but for a time of day without a zone: the machine's."""

from datetime import UTC, datetime
from typing import Final

from dormouse.control.points import HEAD, AtLsn, AtTime, Point
from dormouse.errors import Invalid
from dormouse.moments import PAST_FORMS, StillToCome, from_now, in_the_past
from dormouse.web.points import parse_lsn

__all__ = ["TYPED_FORMS", "expiry_of", "point_of"]

TYPED_FORMS: Final = f"{PAST_FORMS}, or an LSN like 0/1FA22C0"


def point_of(typed: str, picked: str, now: datetime) -> Point:
    """The point that was typed, or picked with a `datetime-local` in UTC; the head if neither was.

    Raises Invalid for both, and for what is neither a moment of the past nor an LSN.
    """
    if typed and picked:
        raise Invalid("a moment was typed and another one picked: leave one of the two empty")
    if picked:
        try:
            moment = datetime.fromisoformat(picked).replace(tzinfo=UTC)
        except ValueError:
            raise Invalid(f"{picked!r} is no moment; expected one like 2026-12-01T09:30:00") from None
        if moment > now:
            raise Invalid(f"{picked} UTC is still to come: it is {now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC now")
        return AtTime(moment)
    if not typed:
        return HEAD
    try:
        return AtLsn(parse_lsn(typed))
    except ValueError:
        pass
    try:
        return AtTime(in_the_past(typed, now))
    except StillToCome as error:
        raise Invalid(str(error)) from None
    except ValueError:
        raise Invalid(f"{typed!r} is no point; expected {TYPED_FORMS}") from None


def expiry_of(typed: str, now: datetime) -> datetime | None:
    """When something is to expire: `7d`, `12h`, a moment; None if nothing was typed. Raises Invalid."""
    if not typed:
        return None
    try:
        return from_now(typed, now)
    except ValueError as error:
        raise Invalid(str(error)) from None
