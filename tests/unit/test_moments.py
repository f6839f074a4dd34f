import time
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from dormouse.moments import age, from_now, in_the_past

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", NOW + timedelta(days=7)),
        (" 2w ", NOW + timedelta(days=14)),
        ("12h", NOW + timedelta(hours=12)),
        ("30m", NOW + timedelta(minutes=30)),
        ("90 s", NOW + timedelta(seconds=90)),
        ("2026-12-01T00:00:00Z", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-01T02:00:00+02:00", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_moments_as_people_say_them(text: str, expected: datetime) -> None:
    assert from_now(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7y", "soon", "1e3d", "9999999d", "999999w", "☃"])
def test_what_is_no_moment_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="expected 7d"):
        from_now(text, NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("-10m", NOW - timedelta(minutes=10)),
        ("10m", NOW - timedelta(minutes=10)),
        ("10 min ago", NOW - timedelta(minutes=10)),
        ("1 hour ago", NOW - timedelta(hours=1)),
        ("-1h30m", NOW - timedelta(minutes=90)),
        ("2 days 3 hours ago", NOW - timedelta(days=2, hours=3)),
        ("90 s", NOW - timedelta(seconds=90)),
        ("1w", NOW - timedelta(days=7)),
        ("09:30", NOW.replace(hour=9, minute=30)),
        ("9:30", NOW.replace(hour=9, minute=30)),
        ("today 11:59:59", NOW - timedelta(seconds=1)),
        ("yesterday  14:00", datetime(2025, 12, 31, 14, tzinfo=UTC)),
        ("2026-01-01T11:00:00Z", NOW - timedelta(hours=1)),
        ("2026-01-01 13:00:00+02:00", NOW - timedelta(hours=1)),
        ("2026-01-01T11:59:59.250Z", NOW - timedelta(milliseconds=750)),
        ("2026-01-01 11:00", NOW - timedelta(hours=1)),
    ],
)
def test_moments_of_the_past_as_people_say_them(text: str, expected: datetime) -> None:
    assert in_the_past(text, NOW, UTC) == expected


@pytest.mark.parametrize(
    "text", ["", "-", "ago", "soon", "yesterday", "25:00", "9:3", "10x", "--10m", "99999w 99999w", "☃"]
)
def test_what_is_no_moment_of_the_past_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment; expected -10m, -1h30m, yesterday 14:00"):
        in_the_past(text, NOW, UTC)


@pytest.mark.parametrize("text", ["2026-01-01T12:00:01Z", "12:01", "today 23:00"])
def test_the_past_does_not_reach_into_the_future(text: str) -> None:
    with pytest.raises(ValueError, match=r"is still to come: it is 2026-01-01 12:00:00 UTC now"):
        in_the_past(text, NOW, UTC)


def test_a_time_of_day_is_that_of_the_clock_on_the_wall() -> None:
    two_hours_east = timezone(timedelta(hours=2))

    assert in_the_past("13:00", NOW, two_hours_east) == NOW - timedelta(hours=1)
    assert in_the_past("yesterday 00:30", NOW, two_hours_east) == datetime(2025, 12, 30, 22, 30, tzinfo=UTC)


def test_yesterday_may_have_had_another_offset() -> None:
    # Clocks in Berlin went forward in the night before this noon.
    noon = datetime(2026, 3, 29, 10, tzinfo=UTC)

    assert in_the_past("yesterday 12:00", noon, ZoneInfo("Europe/Berlin")) == noon - timedelta(hours=23)


def test_without_a_zone_it_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XYZ-3")
    time.tzset()
    try:
        assert in_the_past("14:30", NOW) == NOW - timedelta(minutes=30)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (NOW + timedelta(seconds=5), "0 s"),
        (NOW, "0 s"),
        (NOW - timedelta(seconds=119), "119 s"),
        (NOW - timedelta(seconds=120), "2 min"),
        (NOW - timedelta(minutes=119), "119 min"),
        (NOW - timedelta(hours=2), "2 h"),
        (NOW - timedelta(hours=47), "47 h"),
        (NOW - timedelta(hours=48), "2 d"),
    ],
)
def test_ages_as_people_read_them(then: datetime, expected: str) -> None:
    assert age(then, NOW) == expected
