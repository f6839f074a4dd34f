from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.control.points import HEAD, AtLsn, AtTime, Point
from dormouse.web.points import lsn_text, parse_lsn, point_of

NOON = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "lsn"),
    [("0/0", 0), ("0/1FA22C0", 0x1FA22C0), ("16/b374d848", 0x16B374D848), ("F/00000001", 0xF00000001)],
)
def test_lsn(text: str, lsn: int) -> None:
    assert parse_lsn(text) == lsn


@pytest.mark.parametrize(
    "text", ["", "0", "/", "0/", "/0", "0/x", "0/0x1", "-1/0", "0/ 1", "0/1\n", "0/123456789", "0/1/2", "0/١"]
)
def test_what_is_no_lsn(text: str) -> None:
    with pytest.raises(ValueError, match="is not an LSN like 0/1FA22C0"):
        parse_lsn(text)


@given(st.integers(0, 2**64 - 1))
def test_lsn_there_and_back(lsn: int) -> None:
    assert parse_lsn(lsn_text(lsn)) == lsn


@pytest.mark.parametrize(
    ("lsn", "moment", "point"), [(None, None, HEAD), (0, None, AtLsn(0)), (None, NOON, AtTime(NOON))]
)
def test_point(lsn: int | None, moment: datetime | None, point: Point) -> None:
    assert point_of(lsn, moment) == point


def test_two_points_at_once() -> None:
    with pytest.raises(ValueError, match="an LSN and a moment cannot be given at once"):
        point_of(0, NOON)
