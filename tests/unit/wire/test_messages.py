import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.wire.messages import (
    AuthenticationCleartextPassword,
    AuthenticationOk,
    AuthenticationSASL,
    AuthenticationSASLContinue,
    AuthenticationSASLFinal,
    BackendKeyData,
    BackendMessage,
    ErrorResponse,
    Message,
    NegotiateProtocolVersion,
    NoticeResponse,
    ParameterStatus,
    PasswordMessage,
    ProtocolViolation,
    ReadyForQuery,
    SASLInitialResponse,
    SASLResponse,
    parse_backend,
    parse_password,
    parse_sasl_initial,
    split,
)

LIMIT = 10_000

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
fields = st.dictionaries(st.sampled_from("SVCMDHPqWstcdnFLR"), texts, max_size=6)
backend_messages: st.SearchStrategy[BackendMessage] = st.one_of(
    st.just(AuthenticationOk()),
    st.just(AuthenticationCleartextPassword()),
    st.builds(AuthenticationSASL, st.lists(names, max_size=3).map(tuple)),
    st.builds(AuthenticationSASLContinue, st.binary(max_size=50)),
    st.builds(AuthenticationSASLFinal, st.binary(max_size=50)),
    st.builds(ParameterStatus, texts, texts),
    st.builds(BackendKeyData, st.integers(-(2**31), 2**31 - 1), st.binary(min_size=4, max_size=256)),
    st.builds(ReadyForQuery, st.sampled_from([b"I", b"T", b"E"])),
    st.builds(NegotiateProtocolVersion, st.integers(0, 2**31 - 1), st.lists(texts, max_size=3).map(tuple)),
    st.builds(ErrorResponse, fields),
    st.builds(NoticeResponse, fields),
)


def only(data: bytes) -> Message:
    """The one message that `data` is."""
    cut = split(data, LIMIT)
    assert cut is not None
    message, rest = cut
    assert rest == b""
    return message


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (AuthenticationOk(), b"R\0\0\0\x08\0\0\0\0"),
        (AuthenticationCleartextPassword(), b"R\0\0\0\x08\0\0\0\x03"),
        (AuthenticationSASL(("A", "B")), b"R\0\0\0\x0d\0\0\0\x0aA\0B\0\0"),
        (AuthenticationSASLContinue(b"r=1"), b"R\0\0\0\x0b\0\0\0\x0br=1"),
        (AuthenticationSASLFinal(b"v=1"), b"R\0\0\0\x0b\0\0\0\x0cv=1"),
        (ParameterStatus("a", "b"), b"S\0\0\0\x08a\0b\0"),
        (BackendKeyData(258, b"\1\2\3\4"), b"K\0\0\0\x0c\0\0\1\2\1\2\3\4"),
        (ReadyForQuery(), b"Z\0\0\0\5I"),
        (NegotiateProtocolVersion(196608, ("_pq_.x",)), b"v\0\0\0\x13\0\3\0\0\0\0\0\1_pq_.x\0"),
        (ErrorResponse({"S": "FATAL", "M": "no"}), b"E\0\0\0\x10SFATAL\0Mno\0\0"),
        (NoticeResponse({"M": "\N{SNOWMAN}"}), b"N\0\0\0\x0aM\xe2\x98\x83\0\0"),
        (PasswordMessage("geheim"), b"p\0\0\0\x0bgeheim\0"),
        (SASLInitialResponse("M", b"n,,"), b"p\0\0\0\x0dM\0\0\0\0\3n,,"),
        (SASLResponse(b"c=biws"), b"p\0\0\0\x0ac=biws"),
    ],
)
def test_the_bytes_are_those_of_the_manual(
    message: BackendMessage | PasswordMessage | SASLInitialResponse | SASLResponse, encoded: bytes
) -> None:
    assert message.encode() == encoded


@given(backend_messages)
def test_what_is_built_is_parsed_back(message: BackendMessage) -> None:
    assert parse_backend(only(message.encode())) == message


@given(texts)
def test_a_password_is_parsed_back(password: str) -> None:
    message = PasswordMessage(password)

    assert parse_password(only(message.encode()).body) == message


@given(texts, st.binary(max_size=50))
def test_an_initial_response_is_parsed_back(mechanism: str, data: bytes) -> None:
    message = SASLInitialResponse(mechanism, data)

    assert parse_sasl_initial(only(message.encode()).body) == message


@given(backend_messages, st.data())
def test_any_cut_of_a_message_says_not_yet(message: BackendMessage, data: st.DataObject) -> None:
    encoded = message.encode()
    length = data.draw(st.integers(0, len(encoded) - 1))

    assert split(encoded[:length], LIMIT) is None


def test_what_follows_a_message_is_given_back() -> None:
    assert split(b"Z\0\0\0\5IN\0", LIMIT) == (Message(b"Z", b"I"), b"N\0")


@pytest.mark.parametrize("length", [b"\0\0\0\3", b"\xff\xff\xff\xff", b"\0\0\0\x69", b"\x7f\xff\xff\xff"])
def test_a_wrong_length_is_refused_before_the_body_is_there(length: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="invalid message length"):
        split(b"p" + length, 100)


@given(st.binary(max_size=200))
def test_noise_is_cut_or_refused(noise: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        split(noise, LIMIT)


@given(st.sampled_from([b"R", b"S", b"K", b"Z", b"v", b"E", b"N", b"D"]), st.binary(max_size=60))
def test_a_body_of_noise_gives_a_message_or_our_error(kind: bytes, body: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        parse_backend(Message(kind, body))


@given(st.binary(max_size=60))
def test_a_response_of_noise_gives_a_message_or_our_error(body: bytes) -> None:
    for parse in (parse_password, parse_sasl_initial):
        with contextlib.suppress(ProtocolViolation):
            parse(body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"R", b"\0\0"),
        (b"S", b"name\0value"),
        (b"S", b"name\0value\0more"),
        (b"K", b"\0\0\0\1\0\0\0"),
        (b"Z", b"X"),
        (b"v", b"\0\3\0\0\0\0\0\2a\0"),
        (b"E", b"SFATAL\0"),
        (b"N", b"\xe2x\0\0"),
    ],
)
def test_a_malformed_body_is_refused(kind: bytes, body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parse_backend(Message(kind, body))


def test_an_unknown_authentication_request_stays_a_message() -> None:
    md5 = Message(b"R", b"\0\0\0\5salt")

    assert parse_backend(md5) is md5


def test_bytes_of_another_encoding_come_out_as_they_went_in() -> None:
    body = b"application_name\0caf\xe9\0"

    parsed = parse_backend(Message(b"S", body))

    assert isinstance(parsed, ParameterStatus)
    assert only(parsed.encode()).body == body


def test_a_zero_byte_cannot_be_sent_inside_a_string() -> None:
    with pytest.raises(ProtocolViolation):
        ParameterStatus("a\0b", "c").encode()


@pytest.mark.parametrize(
    "message",
    [PasswordMessage("geheim"), SASLResponse(b"geheim"), Message(b"p", b"geheim"), BackendKeyData(1, b"geheim")],
)
def test_a_secret_is_not_in_the_repr(message: object) -> None:
    assert "geheim" not in repr(message)
