from datetime import UTC, datetime, timedelta, timezone

import pytest

from dormouse.web.console import wording

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4_200_000, "4.2 MB"), (999_600, "1.0 MB"), (31e9, "31 GB")],
)
def test_size(amount: float, text: str) -> None:
    assert wording.size(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172799, "47 h"), (172800, "2 days")],
)
def test_span(seconds: float, text: str) -> None:
    assert wording.span(seconds) == text


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (None, "–"),
        (NOW, "just now"),
        (NOW - timedelta(minutes=5), "5 min ago"),
        (NOW + timedelta(days=3), "in 3 days"),
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
