from datetime import UTC, datetime, timedelta, timezone

import pytest

from dormouse.old_names import is_old_name, old_name

NOW = datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("main", "main_old_20260102T030405Z"),
        ("main_old_20251231T000000Z", "main_old_20260102T030405Z"),
        ("main_old", "main_old_old_20260102T030405Z"),
        ("☃" * 300, "☃" * 200 + "_old_20260102T030405Z"),
    ],
)
def test_what_the_present_state_is_called_afterwards(name: str, expected: str) -> None:
    assert old_name(name, NOW) == expected
    assert is_old_name(expected, name) is (expected != name)


def test_its_time_is_in_utc() -> None:
    assert old_name("main", NOW.astimezone(timezone(timedelta(hours=9)))) == "main_old_20260102T030405Z"


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("main", "main"),
        ("main_old_1", "main"),
        ("maintenance_old_20260102T030405Z", "main"),
        ("main_old_20260102T030405Z", "main_old_20260102T030405Z"),
    ],
)
def test_what_is_no_old_name(name: str, of: str) -> None:
    assert not is_old_name(name, of)
