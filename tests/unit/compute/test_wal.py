import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.compute.wal import format_lsn, has_replayed, parse_lsn

LSNS = st.integers(0, (1 << 64) - 1)
SEGMENT = 1 << 20


@pytest.mark.parametrize(
    ("text", "lsn"),
    [
        ("0/0", 0),
        ("0/CC2728", 0xCC2728),
        ("16/B374D848", 0x16_B374D848),
        ("1/0", 1 << 32),
        ("FFFFFFFF/FFFFFFFF", (1 << 64) - 1),
    ],
)
def test_lsns_as_postgres_prints_them(text: str, lsn: int) -> None:
    assert parse_lsn(text) == lsn
    assert format_lsn(lsn) == text


@given(LSNS)
def test_an_lsn_is_read_back(lsn: int) -> None:
    assert parse_lsn(format_lsn(lsn)) == lsn


@given(LSNS)
def test_letter_case_does_not_matter(lsn: int) -> None:
    assert parse_lsn(format_lsn(lsn).lower()) == lsn


@pytest.mark.parametrize("text", ["", "/", "0", "0/", "/0", "x/0", "0/G", "0/0/0", "☃", "0:0"])
def test_what_is_no_lsn(text: str) -> None:
    with pytest.raises(ValueError, match=r"LSN|base 16"):
        parse_lsn(text)


@pytest.mark.parametrize(
    ("replayed", "target", "expected"),
    [
        (0, 0, True),
        (SEGMENT + 100, SEGMENT + 100, True),
        (SEGMENT + 101, SEGMENT + 100, True),
        (SEGMENT + 99, SEGMENT + 100, False),
        # The target stands behind the header of a segment that has no record yet.
        (SEGMENT, SEGMENT + 40, True),
        (SEGMENT - 1, SEGMENT + 40, False),
        (SEGMENT, SEGMENT, True),
        (SEGMENT - 1, SEGMENT, False),
        # Behind the header and one byte on, there is something to replay.
        (SEGMENT, SEGMENT + 41, False),
        # The header of a later page of the segment is no such place.
        (SEGMENT + 8192, SEGMENT + 8192 + 24, False),
    ],
)
def test_how_far_is_far_enough(replayed: int, target: int, expected: bool) -> None:
    assert has_replayed(replayed, target, SEGMENT) is expected


@given(st.integers(0, 4 * SEGMENT), st.integers(0, 4 * SEGMENT))
def test_what_may_be_lacking_is_a_header_at_most(replayed: int, target: int) -> None:
    if has_replayed(replayed, target, SEGMENT):
        assert target - replayed <= 40
