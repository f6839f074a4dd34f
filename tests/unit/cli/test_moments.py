from datetime import UTC, datetime, timedelta

import pytest

from dormouse.cli.moments import age, from_now

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
