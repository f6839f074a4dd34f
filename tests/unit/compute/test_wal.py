import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.compute.wal import (
    format_lsn,
    has_replayed,
    page_header_bytes,
    parse_lsn,
    record_end,
    segment_name,
    segment_names,
    segment_number,
)

LSNS = st.integers(0, (1 << 64) - 1)
SEGMENT = 1 << 20
PAGE = 8192
SEGMENTS = st.sampled_from([SEGMENT, 4 * SEGMENT, 16 * SEGMENT])


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


# Segments.


@pytest.mark.parametrize(
    ("lsn", "segment_bytes", "timeline", "name"),
    [
        (0, SEGMENT, 1, "000000010000000000000000"),
        (SEGMENT - 1, SEGMENT, 1, "000000010000000000000000"),
        (SEGMENT, SEGMENT, 1, "000000010000000000000001"),
        (0x7ED480, SEGMENT, 1, "000000010000000000000007"),
        (0x7ED480, 16 * SEGMENT, 1, "000000010000000000000000"),
        # The second number is the LSN's upper half, and the third begins anew there.
        ((1 << 32) - 1, SEGMENT, 1, "000000010000000000000FFF"),
        (1 << 32, SEGMENT, 1, "000000010000000100000000"),
        (0x16_B374D848, 16 * SEGMENT, 1, "0000000100000016000000B3"),
        (0x16_B374D848, 16 * SEGMENT, 0xA, "0000000A00000016000000B3"),
        ((1 << 64) - 1, SEGMENT, 0xFFFFFFFF, "FFFFFFFFFFFFFFFF00000FFF"),
    ],
)
def test_segments_as_postgres_calls_them(lsn: int, segment_bytes: int, timeline: int, name: str) -> None:
    assert segment_name(segment_number(lsn, segment_bytes), segment_bytes, timeline) == name


@given(LSNS, LSNS, SEGMENTS)
def test_the_order_of_the_names_is_the_order_of_the_wal(one: int, other: int, segment_bytes: int) -> None:
    numbers = [segment_number(lsn, segment_bytes) for lsn in sorted((one, other))]
    names = [segment_name(number, segment_bytes) for number in numbers]

    assert names == sorted(names)
    assert (names[0] == names[1]) is (numbers[0] == numbers[1])


@pytest.mark.parametrize(
    ("begin", "end", "numbers"),
    [
        (0, 1, [0]),
        (SEGMENT - 1, SEGMENT, [0]),
        (SEGMENT - 1, SEGMENT + 1, [0, 1]),
        (SEGMENT, SEGMENT, [1]),
        (SEGMENT + 40, 4 * SEGMENT, [1, 2, 3]),
        (SEGMENT + 40, 4 * SEGMENT + 1, [1, 2, 3, 4]),
        # A stretch of nothing lies somewhere.
        (2 * SEGMENT + 9, 2 * SEGMENT + 9, [2]),
    ],
)
def test_the_segments_of_a_stretch_hold_every_byte_of_it(begin: int, end: int, numbers: list[int]) -> None:
    assert segment_names(begin, end, SEGMENT) == [segment_name(number, SEGMENT) for number in numbers]


# Where a record ends.


def end_of_record(start: int, length: int, segment_bytes: int) -> int:
    """Byte by byte, as the server would write it."""
    position = start
    for _ in range(length):
        if position % segment_bytes == 0:
            position += 40
        elif position % PAGE == 0:
            position += 24
        position += 1
    while position % 8:
        position += 1
    return position


def starts(segment_bytes: int) -> st.SearchStrategy[int]:
    """Where a record can begin: at a multiple of 8, behind its page's header; often close to a page's end."""
    first_bytes = st.integers(0, 1 << 40).map(lambda page: page * PAGE)
    pages = st.one_of(
        first_bytes, st.integers(1, 1 << 20).map(lambda number: number * segment_bytes - PAGE), st.just(0)
    )
    into = st.one_of(st.integers(5, PAGE // 8 - 1), st.integers(PAGE // 8 - 8, PAGE // 8 - 1))
    return st.builds(lambda page, slot: page + slot * 8, pages, into)


@given(st.data(), SEGMENTS, st.one_of(st.integers(24, 100), st.integers(8100, 8300), st.integers(16_200, 40_000)))
def test_a_record_goes_around_the_headers_of_the_pages_that_it_crosses(
    data: st.DataObject, segment_bytes: int, length: int
) -> None:
    start = data.draw(starts(segment_bytes))

    assert record_end(start, length, segment_bytes) == end_of_record(start, length, segment_bytes)


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        # As pg_waldump of Postgres 18 shows them: the record and where the next one begins.
        (0x806018, 50, 0x806050),
        (0x8062F0, 42, 0x806320),
        # Its 34 bytes are kept as 40.
        (0x806360, 34, 0x806388),
        # It ends where its page does, and the next begins behind the header of the following one.
        (0x805FC0, 59, 0x806000),
        # Most of it is an image of a page, and lies on the second page and the third.
        (0x7F81F0, 8241, 0x7FA240),
        # It goes on behind the 40 bytes that begin a segment.
        (0x7FF128, 6681, 0x800B70),
        (0xAFFB18, 1339, 0xB00080),
        # One byte too long for the page costs 8 and a header.
        (0x805FC0, 64, 0x806000),
        (0x805FC0, 65, 0x806020),
        (0x8FFFC0, 65, 0x900030),
    ],
)
def test_where_records_end(start: int, length: int, end: int) -> None:
    assert record_end(start, length, SEGMENT) == end


@pytest.mark.parametrize(("page", "length"), [(0, 40), (SEGMENT, 40), (PAGE, 24), (SEGMENT - PAGE, 24)])
def test_the_first_page_of_a_segment_says_more_of_itself(page: int, length: int) -> None:
    assert page_header_bytes(page, SEGMENT) == length
