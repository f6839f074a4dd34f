"""Positions in the log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dormouse.replicas.position import (
    Position,
    Replayed,
    Token,
    furthest,
    has_replayed,
    parse_lsn,
    write_lsn,
)

lsns = st.integers(0, 2**64 - 1)


positions = st.builds(
    Position, incarnation=st.text("0123456789abcdef-", max_size=32), lsn=st.one_of(st.none(), lsns)
)


@given(st.one_of(st.none(), positions), st.one_of(st.none(), st.text(min_size=1)))
def test_a_token_survives_its_text(needs, replica):
    token = Token(needs=needs, replica=replica)

    assert Token.parse(token.text()) == token


@given(st.text())
def test_noise_is_no_token_or_one_that_says_the_same(text):
    token = Token.parse(text)

    assert token is None or Token.parse(token.text()) == token


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (None, None, None),
        ("a_1", None, "a_1"),
        (None, "a_1", "a_1"),
        ("a_1", "a_2", "a_2"),
        ("a_2", "a_1", "a_2"),
        # Somewhere, nobody knows where: so it stays.
        ("a_", "a_1", "a_"),
        ("a_1", "a_", "a_"),
        # One of them is gone.
        ("a_1", "b_2", "a_"),
    ],
)
def test_furthest(first, second, both):
    first, second, both = (None if text is None else Position.parse(text) for text in (first, second, both))

    assert furthest(first, second) == both


@given(lsns)
def test_an_lsn_survives_its_text(lsn):
    assert parse_lsn(write_lsn(lsn)) == lsn


@pytest.mark.parametrize(
    ("text", "lsn"),
    [
        ("0/0", 0),
        ("16/B374D848", 0x16_B374D848),
        ("FFFFFFFF/FFFFFFFF", 2**64 - 1),
        ("0/10000028", 0x10000028),
        (None, None),
    ],
)
def test_lsns(text, lsn):
    assert parse_lsn(text) == lsn


@pytest.mark.parametrize("text", ["", "1", "1/", "/1", "1/x", "123456789/1", "1/1 "])
def test_what_is_no_lsn(text):
    with pytest.raises(ValueError, match="no LSN"):
        parse_lsn(text)


@pytest.mark.parametrize(
    ("replayed", "needed", "fresh"),
    [
        (0x3000060, 0x3000060, True),
        (0x3000068, 0x3000060, True),
        (0x3000058, 0x3000060, False),
        (None, 0x3000060, False),
        (0x3000060, None, False),
        # The next record would begin behind a page's header, which the standby has not seen.
        (0x10000000, 0x10000028, True),
        (0x0FFFFFF8, 0x10000028, False),
        (0x10002000, 0x10002018, True),
        (0x10001FF8, 0x10002018, False),
        # Elsewhere these offsets mean nothing.
        (0x10002100, 0x10002128, False),
    ],
)
def test_has_replayed(replayed, needed, fresh):
    replica = Replayed(incarnation="a", lsn=replayed)

    assert has_replayed(replica, Position(incarnation="a", lsn=needed)) is fresh


def test_positions_of_another_incarnation_mean_nothing():
    assert not has_replayed(Replayed(incarnation="b", lsn=2**60), Position(incarnation="a", lsn=1))


@given(lsns, lsns)
def test_one_that_is_further_is_never_taken_for_less(replayed, needed):
    replica = Replayed(incarnation="", lsn=replayed)

    if replayed >= needed:
        assert has_replayed(replica, Position(incarnation="", lsn=needed))
    elif needed - replayed > 0x28:
        assert not has_replayed(replica, Position(incarnation="", lsn=needed))
