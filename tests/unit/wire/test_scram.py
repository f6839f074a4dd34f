"""On the vector of RFC 7677, section 3. (RFC 5802's own is for SHA-1, which Postgres does not speak.)"""

import base64
import contextlib
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.errors import Invalid
from dormouse.wire.messages import ProtocolViolation
from dormouse.wire.scram import (
    MECHANISM,
    MECHANISM_PLUS,
    Exchange,
    Verifier,
    begin,
    build_verifier,
    check_password,
    finish,
    mock_verifier,
    parse_verifier,
    saslprep,
)

PASSWORD = "pencil"
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
NONCE = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SERVER_FIRST = b"r=" + NONCE + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = b"c=biws,r=" + NONCE + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

VERIFIER = parse_verifier(build_verifier(PASSWORD, SALT))
CERTIFICATE_HASH = hashlib.sha256(b"a certificate").digest()


def begin_with(client_first: bytes, mechanism: str = MECHANISM, verifier: Verifier = VERIFIER) -> Exchange:
    return begin(
        client_first,
        mechanism=mechanism,
        verifier=verifier,
        nonce=SERVER_NONCE,
        certificate_hash=CERTIFICATE_HASH,
    )


def client_final(exchange: Exchange, password: str = PASSWORD, binding: bytes = b"n,,") -> bytes:
    """What an honest client sends, written from the RFC and not from our code."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 4096)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    bare = b"c=" + base64.b64encode(binding) + b",r=" + exchange.nonce
    auth_message = exchange.client_first_bare + b"," + exchange.server_first + b"," + bare
    signature = hmac.digest(hashlib.sha256(client_key).digest(), auth_message, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return bare + b",p=" + base64.b64encode(proof)


def test_the_exchange_of_rfc_7677() -> None:
    exchange = begin_with(CLIENT_FIRST)

    assert exchange.server_first == SERVER_FIRST
    assert finish(exchange, CLIENT_FINAL) == SERVER_FINAL


def test_a_wrong_password_gives_nothing() -> None:
    exchange = begin_with(CLIENT_FIRST)

    assert finish(exchange, client_final(exchange, "pen")) is None


def test_an_empty_name_is_what_libpq_sends() -> None:
    exchange = begin_with(b"n,,n=,r=abc")

    assert finish(exchange, client_final(exchange)) is not None


def test_channel_binding() -> None:
    exchange = begin_with(b"p=tls-server-end-point,,n=,r=abc", MECHANISM_PLUS)

    final = client_final(exchange, binding=b"p=tls-server-end-point,," + CERTIFICATE_HASH)

    assert finish(exchange, final) is not None


def test_channel_binding_to_another_certificate_is_refused() -> None:
    exchange = begin_with(b"p=tls-server-end-point,,n=,r=abc", MECHANISM_PLUS)
    final = client_final(exchange, binding=b"p=tls-server-end-point,," + bytes(32))

    with pytest.raises(ProtocolViolation, match="channel binding check failed"):
        finish(exchange, final)


@pytest.mark.parametrize(
    ("client_first", "mechanism", "what"),
    [
        (b"", MECHANISM, "malformed"),
        (b"x,,n=,r=abc", MECHANISM, "malformed"),
        (b"n,,n=,r=", MECHANISM, "malformed"),
        (b"n,,m=ext,n=,r=abc", MECHANISM, "malformed"),
        (b"n,a=other,n=,r=abc", MECHANISM, "authorization identity"),
        (b"n,,n=,r=abc", MECHANISM_PLUS, "without channel binding data"),
        (b"p=tls-unique,,n=,r=abc", MECHANISM_PLUS, "unsupported SCRAM channel-binding type"),
        (b"p=tls-server-end-point,,n=,r=abc", MECHANISM, "with channel binding data"),
        (b"y,,n=,r=abc", MECHANISM, "thinks the server does not"),
    ],
)
def test_a_first_message_that_is_refused(client_first: bytes, mechanism: str, what: str) -> None:
    with pytest.raises(ProtocolViolation, match=what):
        begin_with(client_first, mechanism)


@pytest.mark.parametrize(
    ("final", "what"),
    [
        (b"", "malformed"),
        (CLIENT_FINAL.replace(NONCE, SERVER_NONCE), "nonce does not match"),
        (CLIENT_FINAL.replace(b"biws", b"eSws"), "channel binding check failed"),
        (CLIENT_FINAL.replace(b"biws", b"b"), "malformed base64"),
        (CLIENT_FINAL[: CLIENT_FINAL.index(b",p=")] + b",p=AAAA", "wrong size"),
    ],
)
def test_a_final_message_that_is_refused(final: bytes, what: str) -> None:
    exchange = begin_with(CLIENT_FIRST)

    with pytest.raises(ProtocolViolation, match=what):
        finish(exchange, final)


@given(st.binary(max_size=80), st.sampled_from([MECHANISM, MECHANISM_PLUS]))
def test_noise_gives_an_exchange_or_our_error(noise: bytes, mechanism: str) -> None:
    for data in (noise, b"n,," + noise, b"n,,n=,r=" + noise):
        with contextlib.suppress(ProtocolViolation):
            begin_with(data, mechanism)


@given(st.binary(max_size=80))
def test_noise_at_the_end_gives_nothing_or_our_error(noise: bytes) -> None:
    exchange = begin_with(CLIENT_FIRST)
    for data in (noise, b"c=biws,r=" + NONCE + b",p=" + noise):
        with contextlib.suppress(ProtocolViolation):
            assert finish(exchange, data) is None


@given(st.binary(max_size=40), st.integers(1, 2**31 - 1), st.binary(min_size=32, max_size=32))
def test_a_verifier_is_parsed_back(salt: bytes, iterations: int, key: bytes) -> None:
    verifier = Verifier(iterations, salt, key, key[::-1])

    assert parse_verifier(verifier.text()) == verifier


def test_the_text_of_a_verifier_is_written_as_it_was_read() -> None:
    text = (
        "SCRAM-SHA-256$4096:4vf+Xti0tqy6gH4u0Qa0uw==$0IZTDnYQeULXDjKRhLrAh6zhTEJ/UKCvDIkXmO9RnQg="
        ":Yy6R3dqAjDVG6iFZ8kDfxOPS53GIJlyJHN6XAqBlWXE="
    )

    assert parse_verifier(text).text() == text


@given(st.text(max_size=100))
def test_a_text_of_noise_is_a_verifier_or_invalid(noise: str) -> None:
    for text in (noise, "SCRAM-SHA-256$" + noise, "SCRAM-SHA-256$4096:" + noise):
        with contextlib.suppress(Invalid):
            parse_verifier(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "md5c3fcd3d76192e4007dfb496cca67e13b",
        "SCRAM-SHA-256$0:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$9999999999:AAAA$" + "A" * 43 + "=:" + "A" * 43 + "=",
        "SCRAM-SHA-256$4096:A$" + "A" * 43 + "=:" + "A" * 43 + "=",
    ],
)
def test_no_verifier(text: str) -> None:
    with pytest.raises(Invalid):
        parse_verifier(text)


@pytest.mark.parametrize("password", ["pencil", "", " ", "\N{SNOWMAN}", "a b", "\u00adx", "\udcff"])
def test_a_password_fits_its_own_verifier_only(password: str) -> None:
    verifier = parse_verifier(build_verifier(password, SALT, iterations=2))

    assert check_password(verifier, password)
    assert not check_password(verifier, password + "x")


def test_a_mock_verifier_is_the_same_at_every_try_and_fits_nothing() -> None:
    mock = mock_verifier(b"secret", "ep-a/role")

    assert mock == mock_verifier(b"secret", "ep-a/role")
    assert (len(mock.salt), mock.iterations) == (16, 4096)
    assert mock.salt != mock_verifier(b"secret", "ep-b/role").salt
    assert mock.salt != mock_verifier(b"other secret", "ep-a/role").salt
    assert not check_password(mock, "")


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        # RFC 4013, section 3
        ("I\u00adX", b"IX"),
        ("user", b"user"),
        ("USER", b"USER"),
        ("\u00aa", b"a"),
        ("\u2168", b"IX"),
        ("\u0007", b"\x07"),  # prohibited there; Postgres leaves pure ASCII alone
        ("\u06271", "\u06271".encode()),  # fails the check for both directions: the raw bytes
        # and others
        ("a\u00a0b", b"a b"),
        ("\u00ad", "\u00ad".encode()),  # nothing would be left
        ("\u2168\u0007", "\u2168\u0007".encode()),
        ("\u2168\u0221", "\u2168\u0221".encode()),  # not assigned in Unicode 3.2
        ("\u0627\u0628", "\u0627\u0628".encode()),
        ("\u2168\udcff", "\u2168".encode() + b"\xff"),  # not UTF-8
        ("\N{SNOWMAN}", "\N{SNOWMAN}".encode()),
    ],
)
def test_saslprep(password: str, prepared: bytes) -> None:
    assert saslprep(password) == prepared


@given(st.text(st.characters(), max_size=10))
def test_saslprep_takes_any_text(password: str) -> None:
    try:
        saslprep(password)
    except Invalid:
        assert any("\ud800" <= character <= "\udfff" for character in password)


def test_a_verifier_does_not_show_itself() -> None:
    assert base64.b64encode(VERIFIER.stored_key).decode() not in repr(VERIFIER)
    assert repr(VERIFIER.stored_key) not in repr(VERIFIER)
