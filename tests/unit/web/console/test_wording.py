from datetime import UTC, datetime, timedelta, timezone

import pytest

from dormouse.web.console import wording

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (None, "–"),
        (NOW, "just now"),
        (NOW - timedelta(minutes=5), "5 min ago"),
        (NOW + timedelta(days=3), "in 3 d"),
    ],
)
def test_ago(then: datetime | None, text: str) -> None:
    assert wording.ago(then, NOW) == text


def test_clock_is_in_utc() -> None:
    assert wording.clock(NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-12-01 12:00:00 UTC"
    assert wording.clock(None) == "–"


@pytest.mark.parametrize(("ms", "text"), [(0, "0 ms"), (48.4, "48 ms"), (1300, "1.3 s"), (240_000, "4 min")])
def test_duration(ms: float, text: str) -> None:
    assert wording.duration(ms) == text
