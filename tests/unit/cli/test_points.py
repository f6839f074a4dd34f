from datetime import UTC, datetime, timedelta

import pytest

from dormouse.cli.points import HEAD, Place, Point, parse_place, parse_point

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TEN_MINUTES_AGO = Point(time=NOW - timedelta(minutes=10))
KNOWN = ("main", "dead/beef", "-10m", "me@home", "br-cold-sea-00000001")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0/1fa22c0", Point(lsn="0/1FA22C0")),
        (" 16/B374D848 ", Point(lsn="16/B374D848")),
        ("-10m", TEN_MINUTES_AGO),
        ("2026-01-01T11:50:00Z", TEN_MINUTES_AGO),
    ],
)
def test_points_as_people_say_them(text: str, expected: Point) -> None:
    assert parse_point(text, NOW, UTC) == expected


@pytest.mark.parametrize("text", ["", "0/", "/0", "0/123456789", "0/XYZ", "soon", "☃"])
def test_what_is_no_point_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no point; expected -10m, .* or an LSN like 0/1FA22C0"):
        parse_point(text, NOW, UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main", Place(branch="main")),
        ("br-cold-sea-00000001", Place(branch="br-cold-sea-00000001")),
        ("main@-10m", Place(branch="main", point=TEN_MINUTES_AGO)),
        ("me@home", Place(branch="me@home")),
        ("me@home@-10m", Place(branch="me@home", point=TEN_MINUTES_AGO)),
        ("main@0/1FA22C0", Place(branch="main", point=Point(lsn="0/1FA22C0"))),
        ("@-10m", Place(branch=None, point=TEN_MINUTES_AGO)),
        ("10 min ago", Place(branch=None, point=TEN_MINUTES_AGO)),
        ("0/1FA22C0", Place(branch=None, point=Point(lsn="0/1FA22C0"))),
        # A branch of that name wins.
        ("dead/beef", Place(branch="dead/beef")),
        ("-10m", Place(branch="-10m")),
        # Others say that there is none.
        ("mian", Place(branch="mian")),
        ("☃", Place(branch="☃")),
    ],
)
def test_places(text: str, expected: Place) -> None:
    assert parse_place(text, KNOWN, NOW, UTC) == expected


@pytest.mark.parametrize("text", ["main@", "main@soon", "@"])
def test_what_stands_behind_the_at_sign_is_a_point(text: str) -> None:
    with pytest.raises(ValueError, match="is no point"):
        parse_place(text, KNOWN, NOW, UTC)


@pytest.mark.parametrize("text", ["2026-01-01T12:00:01Z", "main@23:00"])
def test_what_is_still_to_come_is_no_branch(text: str) -> None:
    with pytest.raises(ValueError, match=r"is still to come: it is 2026-01-01 12:00:00 UTC now"):
        parse_place(text, KNOWN, NOW, UTC)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (HEAD, "its head"),
        (Point(lsn="0/1FA22C0"), "0/1FA22C0"),
        (TEN_MINUTES_AGO, "2026-01-01T11:50:00Z (10 min ago)"),
        (Point(time=NOW - timedelta(microseconds=1)), "2026-01-01T11:59:59.999999Z (0 s ago)"),
    ],
)
def test_points_as_people_read_them(point: Point, expected: str) -> None:
    assert point.told(NOW) == expected
