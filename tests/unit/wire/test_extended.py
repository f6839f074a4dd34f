"""A statement's messages, and answers of any size cut into events."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.wire.extended import (
    AnswerReader,
    Column,
    Columns,
    CommandComplete,
    CopyBegins,
    Row,
    Suspended,
    Value,
    copy_fail,
    statement,
    terminate,
)
from dormouse.wire.messages import ErrorResponse, Message, ProtocolViolation, ReadyForQuery, split

LIMIT = 10_000
KEEP = 4

rows = st.lists(st.none() | st.binary(max_size=40), max_size=6)


def kinds(data: bytes) -> list[bytes]:
    found = []
    while data:
        cut = split(data, LIMIT)
        assert cut is not None
        found.append(cut[0].kind)
        data = cut[1]
    return found


def data_row(values: list[bytes | None]) -> bytes:
    fields = [
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in values
    ]
    return Message(b"D", struct.pack("!h", len(values)) + b"".join(fields)).encode()


def test_statement_is_parsed_bound_described_executed_and_synced() -> None:
    assert kinds(statement("SELECT $1", ["a"], max_rows=3)) == [b"P", b"B", b"D", b"E", b"S"]


def test_statement_carries_its_parameters_and_nulls() -> None:
    sent = statement("SELECT $1, $2", ["é", None])

    assert b"\0\2" + struct.pack("!i", 2) + "é".encode() + struct.pack("!i", -1) in sent


def test_statement_carries_the_most_rows() -> None:
    assert Message(b"E", b"\0" + struct.pack("!i", 501)).encode() in statement("SELECT 1", max_rows=501)


@pytest.mark.parametrize(("text", "parameters"), [("SELECT '\0'", []), ("SELECT $1", ["a\0b"])])
def test_statement_refuses_a_zero_byte(text: str, parameters: list[str]) -> None:
    with pytest.raises(ProtocolViolation, match="zero byte"):
        statement(text, parameters)


def test_failing_a_copy_syncs_too() -> None:
    assert kinds(copy_fail("no")) == [b"f", b"S"]


def test_terminate_has_no_body() -> None:
    assert terminate() == b"X\0\0\0\4"


def test_reads_columns() -> None:
    body = struct.pack("!h", 1) + b"id\0" + struct.pack("!ihihih", 16400, 1, 20, 8, -1, 0)

    assert AnswerReader(KEEP).feed(Message(b"T", body).encode()) == [Columns((Column("id", 20, -1),))]


def test_refuses_columns_that_are_not_whole() -> None:
    with pytest.raises(ProtocolViolation, match="not whole"):
        AnswerReader(KEEP).feed(Message(b"T", struct.pack("!h", 2) + b"id\0").encode())


def test_keeps_the_beginning_of_a_value_and_its_length() -> None:
    assert AnswerReader(KEEP).feed(data_row([b"abcdefgh", None, b""])) == [
        Row((Value(b"abcd", 8), None, Value(b"", 0)))
    ]


@given(st.lists(rows, max_size=4), st.integers(1, 9))
def test_any_cut_of_an_answer_gives_the_same_events(answer: list[list[bytes | None]], size: int) -> None:
    data = b"".join(map(data_row, answer)) + Message(b"C", b"SELECT 4\0").encode() + ReadyForQuery(b"T").encode()
    reader = AnswerReader(KEEP)

    events = [event for at in range(0, len(data), size) for event in reader.feed(data[at : at + size])]

    expected = [
        Row(tuple(None if value is None else Value(value[:KEEP], len(value)) for value in values))
        for values in answer
    ]
    assert events == [*expected, CommandComplete("SELECT 4"), ReadyForQuery(b"T")]


def test_holds_no_more_of_a_wide_value_than_it_is_to_keep() -> None:
    reader = AnswerReader(KEEP)
    reader.feed(b"D" + struct.pack("!ihi", 4 + 2 + 4 + (1 << 30), 1, 1 << 30))

    held = [len(reader._buffer) for _ in range(100) if not reader.feed(bytes(1 << 16))]

    assert max(held) == 0


@pytest.mark.parametrize(
    ("kind", "body", "event"),
    [
        (b"s", b"", Suspended()),
        (b"I", b"", CommandComplete("")),
        (b"G", b"\0\0\0", CopyBegins(waits=True)),
        (b"H", b"\0\0\0", CopyBegins(waits=False)),
        (b"E", b"SERROR\0C42601\0\0", ErrorResponse({"S": "ERROR", "C": "42601"})),
    ],
)
def test_tells_what_happens(kind: bytes, body: bytes, event: object) -> None:
    assert AnswerReader(KEEP).feed(Message(kind, body).encode()) == [event]


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"n", b"d", b"A", b"S", b"c"])
def test_is_silent_about_steps_and_what_is_only_counted(kind: bytes) -> None:
    reader = AnswerReader(KEEP)

    assert reader.feed(Message(kind, b"anything").encode() + ReadyForQuery().encode()) == [ReadyForQuery()]


@pytest.mark.parametrize("kind", [b"D", b"d", b"E"])
def test_refuses_a_length_that_cannot_be(kind: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="invalid message length"):
        AnswerReader(KEEP).feed(kind + struct.pack("!i", 3))


@given(st.binary(max_size=60))
def test_noise_gives_events_or_our_error(data: bytes) -> None:
    try:
        AnswerReader(KEEP).feed(data)
    except ProtocolViolation:
        return
