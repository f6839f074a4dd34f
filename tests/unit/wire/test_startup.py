import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.wire.messages import ProtocolViolation
from dormouse.wire.startup import (
    CancelRequest,
    GSSENCRequest,
    Request,
    SSLRequest,
    StartupMessage,
    UnsupportedProtocol,
    bytes_wanted,
    parse_request,
)

LIMIT = 10_000

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
requests: st.SearchStrategy[Request] = st.one_of(
    st.just(SSLRequest()),
    st.just(GSSENCRequest()),
    st.builds(CancelRequest, st.integers(-(2**31), 2**31 - 1), st.binary(min_size=4, max_size=256)),
    st.builds(StartupMessage, st.dictionaries(names, values, max_size=5), st.integers(0, 0xFFFF)),
)


@pytest.mark.parametrize(
    ("request_", "encoded"),
    [
        (SSLRequest(), "00000008 04d2162f"),
        (GSSENCRequest(), "00000008 04d21630"),
        (CancelRequest(1, b"\2\3\4\5"), "00000010 04d2162e 00000001 02030405"),
        (StartupMessage({}), "00000009 00030000 00"),
        (StartupMessage({"user": "a"}, 2), "00000010 00030002 7573657200 6100 00"),
    ],
)
def test_the_bytes_are_those_of_the_manual(request_: Request, encoded: str) -> None:
    assert request_.encode() == bytes.fromhex(encoded)


@given(requests, st.binary(max_size=10))
def test_what_is_built_is_parsed_back_and_the_rest_is_left(request_: Request, rest: bytes) -> None:
    assert parse_request(request_.encode() + rest, LIMIT) == (request_, rest)


@given(requests, st.data())
def test_any_cut_of_a_packet_says_not_yet(request_: Request, data: st.DataObject) -> None:
    encoded = request_.encode()
    length = data.draw(st.integers(0, len(encoded) - 1))

    assert parse_request(encoded[:length], LIMIT) is None


@given(requests)
def test_reading_what_is_wanted_never_reads_too_far(request_: Request) -> None:
    """So that not one byte of a ClientHello is read with the SSLRequest before it."""
    sent = request_.encode() + b"\x16\x03\x01"
    read = b""

    while wanted := bytes_wanted(read, LIMIT):
        read = sent[: len(read) + wanted]

    assert read == request_.encode()


@given(st.binary(max_size=40))
def test_noise_gives_a_request_or_our_error(noise: bytes) -> None:
    try:
        parse_request(noise, LIMIT)
        bytes_wanted(noise, LIMIT)
    except ProtocolViolation:
        pass


@given(st.binary(max_size=60))
def test_parameters_of_noise_give_a_request_or_our_error(body: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        parse_request((8 + len(body)).to_bytes(4, "big") + b"\0\3\0\0" + body, LIMIT)


@pytest.mark.parametrize(
    "packet",
    [
        b"GET / HTTP/1.1\r\n",
        b"\0\0\0\0",
        b"\0\0\0\7\0\3\0\0",
        (LIMIT + 1).to_bytes(4, "big"),
        bytes.fromhex("00000009 04d2162f 00"),  # an SSLRequest with a byte too many
        bytes.fromhex("0000000c 04d2162e 00000001"),  # a cancel without a secret
        bytes.fromhex("00000008 00030000"),  # no terminator
    ],
)
def test_an_impossible_length_is_refused_at_once(packet: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="invalid length of startup packet"):
        parse_request(packet, LIMIT)


@pytest.mark.parametrize("version", ["00020000", "00040000", "04d21631"])
def test_another_major_version_is_refused(version: str) -> None:
    with pytest.raises(UnsupportedProtocol, match=r"unsupported frontend protocol \d+\.\d+"):
        parse_request(bytes.fromhex("00000008" + version), LIMIT)


@pytest.mark.parametrize("body", [b"user\0a\0", b"user\0a", b"user\0\0", b"\0a\0\0", b"user\0a\0db\0\0", b"x"])
def test_a_list_without_its_end_is_refused(body: bytes) -> None:
    packet = (8 + len(body)).to_bytes(4, "big") + b"\0\3\0\0" + body

    with pytest.raises(ProtocolViolation, match="expected terminator"):
        parse_request(packet, LIMIT)


def test_of_a_parameter_named_twice_the_last_counts() -> None:
    body = b"user\0a\0user\0b\0\0"
    packet = (8 + len(body)).to_bytes(4, "big") + b"\0\3\0\0" + body

    parsed = parse_request(packet, LIMIT)

    assert parsed == (StartupMessage({"user": "b"}), b"")
