from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.past import ScheduleItem
from dormouse.control.scheduling import due_at, next_run

HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def item(frequency: str, **when: int) -> ScheduleItem:
    return ScheduleItem(frequency=frequency, **when)


@pytest.mark.parametrize(
    ("wanted", "after", "expected"),
    [
        (item("hourly"), "2026-01-01 12:00", "2026-01-01 13:00"),
        (item("hourly"), "2026-01-01 12:59:59.999999", "2026-01-01 13:00"),
        (item("hourly"), "2026-12-31 23:30", "2027-01-01 00:00"),
        # What it says beside that does not matter.
        (item("hourly", hour=5, day=5, month=5), "2026-01-01 12:00", "2026-01-01 13:00"),
        (item("daily"), "2026-01-01 12:00", "2026-01-02 00:00"),
        (item("daily", hour=13), "2026-01-01 12:00", "2026-01-01 13:00"),
        # One that is due now is not due again.
        (item("daily", hour=12), "2026-01-01 12:00", "2026-01-02 12:00"),
        (item("daily", hour=23), "2026-02-28 23:00", "2026-03-01 23:00"),
        # 2026-01-01 is a Thursday.
        (item("weekly"), "2026-01-01 12:00", "2026-01-05 00:00"),
        (item("weekly", day=4, hour=13), "2026-01-01 12:00", "2026-01-01 13:00"),
        (item("weekly", day=4, hour=12), "2026-01-01 12:00", "2026-01-08 12:00"),
        (item("weekly", day=7, hour=3), "2026-01-01 12:00", "2026-01-04 03:00"),
        (item("monthly"), "2026-01-01 12:00", "2026-02-01 00:00"),
        (item("monthly", day=15, hour=6), "2026-12-15 06:00", "2027-01-15 06:00"),
        # A month that has no such day is left out.
        (item("monthly", day=31), "2026-01-31 00:00", "2026-03-31 00:00"),
        (item("monthly", day=29), "2027-01-30 00:00", "2027-03-29 00:00"),
        (item("yearly"), "2026-01-01 00:00", "2027-01-01 00:00"),
        (item("yearly", day=24, month=12, hour=18), "2026-01-01 00:00", "2026-12-24 18:00"),
        (item("yearly", day=29, month=2), "2026-01-01 00:00", "2028-02-29 00:00"),
        (item("yearly", day=29, month=2), "2096-02-29 00:00", "2104-02-29 00:00"),
        (item("yearly", day=30, month=2), "2026-01-01 00:00", None),
    ],
)
def test_when_a_snapshot_is_due(wanted: ScheduleItem, after: str, expected: str | None) -> None:
    assert next_run([wanted], at(after)) == (None if expected is None else at(expected))


def test_of_several_the_first_counts() -> None:
    items = (item("monthly"), item("daily", hour=5), item("yearly", day=30, month=2), item("weekly"))

    assert next_run(iter(items), at("2026-01-01 12:00")) == at("2026-01-02 05:00")


def test_without_items_none_is_due() -> None:
    assert next_run((), at("2026-01-01 12:00")) is None


def test_hours_are_those_of_utc() -> None:
    there = timezone(timedelta(hours=5, minutes=30))

    due = next_run([item("daily", hour=7)], datetime(2026, 1, 1, 12, 0, tzinfo=there))

    assert due == at("2026-01-01 07:00")
    assert due is not None
    assert due.tzinfo is UTC


ITEMS = st.one_of(
    st.builds(item, st.just("hourly")),
    st.builds(lambda hour: item("daily", hour=hour), st.integers(0, 23)),
    st.builds(lambda hour, day: item("weekly", hour=hour, day=day), st.integers(0, 23), st.integers(1, 7)),
    st.builds(lambda hour, day: item("monthly", hour=hour, day=day), st.integers(0, 23), st.integers(1, 31)),
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(ITEMS, min_size=1, max_size=3), MOMENTS)
def test_it_is_the_first_whole_hour_at_which_one_is_due(items: list[ScheduleItem], after: datetime) -> None:
    due = next_run(items, after)

    hour = after.replace(minute=0, second=0, microsecond=0) + HOUR
    while not any(due_at(each, hour) for each in items):
        hour += HOUR
    assert due == hour


@pytest.mark.parametrize(
    ("wanted", "moment", "expected"),
    [
        (item("hourly"), "2026-01-01 13:00", True),
        (item("daily", hour=0), "2026-01-01 00:00", True),
        (item("daily", hour=0), "2026-01-01 01:00", False),
        (item("weekly", day=4), "2026-01-01 00:00", True),
        (item("weekly", day=4, hour=1), "2026-01-01 00:00", False),
        (item("weekly", day=5), "2026-01-01 00:00", False),
        (item("monthly", day=1), "2026-05-01 00:00", True),
        (item("monthly", day=2), "2026-05-01 00:00", False),
        (item("yearly", day=1, month=5), "2026-05-01 00:00", True),
        (item("yearly", day=1), "2026-05-01 00:00", False),
        (item("yearly", month=5), "2026-05-02 00:00", False),
    ],
)
def test_what_is_due_in_an_hour(wanted: ScheduleItem, moment: str, expected: bool) -> None:
    assert due_at(wanted, at(moment)) is expected
