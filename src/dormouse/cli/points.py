"""Points on the line of a branch, as people say them: `main`, `main@-10m`, `main@0/1FA22C0`, `-10m`.

Pure, but for a time of day that is said without a zone: then it is the machine's.
A name wins: a branch that is called `dead/beef` is that branch, and no position.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from dormouse.api.json_form import exact_moment_text
from dormouse.moments import PAST_FORMS, StillToCome, age, in_the_past

__all__ = ["HEAD", "LSN", "Place", "Point", "parse_place", "parse_point"]

LSN: Final = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
"""A position in the WAL, as Postgres writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A position in the WAL, or a moment; with neither, the head."""

    lsn: str | None = None
    time: datetime | None = None

    @property
    def is_head(self) -> bool:
        """Whether it is all that was written until now."""
        return self.lsn is None and self.time is None

    def told(self, now: datetime) -> str:
        """For people: `2026-01-01T00:00:00Z (10 min ago)`, `0/1FA22C0`, `its head`."""
        if self.time is not None:
            return f"{exact_moment_text(self.time)} ({age(self.time, now)} ago)"
        return self.lsn or "its head"


HEAD: Final = Point()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A branch, by name or id, and a point on it; `branch` None is the one that goes without saying."""

    branch: str | None
    point: Point = HEAD


def parse_point(text: str, now: datetime, zone: tzinfo | None = None) -> Point:
    """An LSN, or a moment as `in_the_past` reads it. Raises ValueError saying what was expected."""
    if LSN.fullmatch(text.strip()):
        return Point(lsn=text.strip().upper())
    try:
        return Point(time=in_the_past(text, now, zone))
    except StillToCome:
        raise
    except ValueError:
        raise ValueError(f"{text!r} is no point; expected {PAST_FORMS}, or an LSN like 0/1FA22C0") from None


def parse_place(text: str, known: Collection[str], now: datetime, zone: tzinfo | None = None) -> Place:
    """`BRANCH`, `BRANCH@POINT`, `@POINT` or `POINT`; `known` are the names and ids of the branches.

    What is neither a known branch nor a point is taken for a branch, whose absence others tell.
    Raises ValueError for `BRANCH@…` with what is no point behind it, and for a moment that is still to come.
    """
    if text in known:
        return Place(branch=text)
    branch, at, point = text.rpartition("@")
    if at:
        return Place(branch=branch or None, point=parse_point(point, now, zone))
    try:
        return Place(branch=None, point=parse_point(text, now, zone))
    except StillToCome:
        raise
    except ValueError:
        return Place(branch=text)
