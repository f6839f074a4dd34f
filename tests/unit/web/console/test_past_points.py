from datetime import timedelta

import pytest

from dormouse.control.points import HEAD, AtLsn, AtTime, Point
from dormouse.errors import Invalid
from dormouse.web.console.past_points import expiry_of, point_of
from fix_values import NOW


@pytest.mark.parametrize(
    ("typed", "picked", "point"),
    [
        ("", "", HEAD),
        ("0/1FA22C0", "", AtLsn(0x1FA22C0)),
        ("-10m", "", AtTime(NOW - timedelta(minutes=10))),
        ("2026-12-01T11:00:00Z", "", AtTime(NOW - timedelta(hours=1))),
        ("", "2026-12-01T11:00:00", AtTime(NOW - timedelta(hours=1))),
        ("", "2026-12-01T11:00", AtTime(NOW - timedelta(hours=1))),
    ],
)
def test_point_of(typed: str, picked: str, point: Point) -> None:
    assert point_of(typed, picked, NOW) == point


@pytest.mark.parametrize(
    ("typed", "picked", "complaint"),
    [
        ("-10m", "2026-12-01T11:00:00", "leave one of the two empty"),
        ("soon", "", "expected -10m"),
        ("2027-01-01T00:00:00Z", "", "still to come"),
        ("", "2027-01-01T00:00:00", "still to come"),
        ("", "then", "is no moment"),
        ("0/", "", "is no point"),
    ],
)
def test_what_is_no_point_of_the_past(typed: str, picked: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        point_of(typed, picked, NOW)


def test_expiry_of() -> None:
    assert expiry_of("", NOW) is None
    assert expiry_of("7d", NOW) == NOW + timedelta(days=7)
    with pytest.raises(Invalid, match="expected 7d"):
        expiry_of("soon", NOW)
