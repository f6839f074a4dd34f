"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as a Postgres server speaks them, without the server.

RFC 5802 (SCRAM), RFC 7677 (with SHA-256), RFC 5929 (tls-server-end-point), RFC 4013 (SASLprep), and what Postgres
makes of them (manual, 53.3.1): the name in the client's first message is ignored, because the startup packet's
counts and libpq sends none; a password that SASLprep refuses is used as its raw bytes.

The exchange, with the state between the messages in a frozen `Exchange`:

    client-first  ──▶ begin()  ──▶ Exchange.server_first
    client-final  ──▶ finish() ──▶ server-final, or None for a wrong password

A role that does not exist goes through the same exchange with `mock_verifier()`, and fails at its end.
"""

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from dormouse.errors import Invalid
from dormouse.wire.messages import ProtocolViolation

__all__ = [
    "DEFAULT_ITERATIONS",
    "MECHANISM",
    "MECHANISM_PLUS",
    "Exchange",
    "Verifier",
    "begin",
    "build_verifier",
    "check_password",
    "finish",
    "mock_verifier",
    "parse_verifier",
    "saslprep",
]

MECHANISM: Final = "SCRAM-SHA-256"
MECHANISM_PLUS: Final = "SCRAM-SHA-256-PLUS"

DEFAULT_ITERATIONS: Final = 4096
"""RFC 7677, section 4, asks for at least this many; the server's `scram_iterations` has the same default."""

_MAX_ITERATIONS: Final = 2**31 - 1  # an int of the server; hashlib refuses more
_BINDING: Final = "tls-server-end-point"
_DIGEST_BYTES: Final = 32
_MOCK_SALT_BYTES: Final = 16  # as many as Postgres makes for a real role

_VERIFIER: Final = re.compile(
    r"SCRAM-SHA-256\$([0-9]{1,10}):([A-Za-z0-9+/=]*)\$([A-Za-z0-9+/=]*):([A-Za-z0-9+/=]*)"
)
# RFC 5802, section 7. `a=`, an authorization identity, is not supported by Postgres. `m=` announces an extension
# that must be understood, and none is: the bare message has to begin with the name.
_CLIENT_FIRST: Final = re.compile(
    rb"(n|y|p=([A-Za-z0-9.-]+)),(a=[^,]*)?,(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(,.*)?)", re.DOTALL
)
_CLIENT_FINAL: Final = re.compile(
    rb"(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(,[A-Za-z]=[^,]*)*),p=([A-Za-z0-9+/=]+)"
)


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a server keeps instead of a password: enough to check one, not enough to log in with."""

    iterations: int
    salt: bytes = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    def text(self) -> str:
        """As `pg_authid.rolpassword` holds it: `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`."""
        salt, stored_key, server_key = map(_base64, (self.salt, self.stored_key, self.server_key))
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored_key}:{server_key}"


def parse_verifier(text: str) -> Verifier:
    """A verifier from its text. Raises Invalid for anything else, an MD5 hash among it."""
    matched = _VERIFIER.fullmatch(text)
    if matched is None:
        raise Invalid("not a SCRAM-SHA-256 verifier")
    try:
        salt, stored_key, server_key = (base64.b64decode(part, validate=True) for part in matched.group(2, 3, 4))
    except binascii.Error as error:
        raise Invalid("not a SCRAM-SHA-256 verifier: malformed base64") from error
    iterations = int(matched[1])
    if (
        not 1 <= iterations <= _MAX_ITERATIONS
        or len(stored_key) != _DIGEST_BYTES
        or len(server_key) != _DIGEST_BYTES
    ):
        raise Invalid("not a SCRAM-SHA-256 verifier: a part has the wrong size")
    return Verifier(iterations, salt, stored_key, server_key)


def build_verifier(password: str, salt: bytes, iterations: int = DEFAULT_ITERATIONS) -> str:
    """The text to keep for `password`. The edge brings the salt: 16 random bytes."""
    return _verifier_of(password, salt, iterations).text()


def check_password(verifier: Verifier, password: str) -> bool:
    """Whether `password` is the one. Takes milliseconds on purpose (PBKDF2): not for an event loop's thread."""
    found = _verifier_of(password, verifier.salt, verifier.iterations)
    return hmac.compare_digest(found.stored_key, verifier.stored_key)


def mock_verifier(secret: bytes, name: str) -> Verifier:
    """A verifier for a role that has none, the same at every try: a guesser cannot tell it from a real one.

    `name` is the role with all that makes it another role, as is its endpoint. No password fits, because the keys
    are not made from one.
    """
    key = name.encode("utf-8", "surrogateescape")
    salt, stored_key, server_key = (_hmac(secret, what + key) for what in (b"salt:", b"stored:", b"server:"))
    return Verifier(DEFAULT_ITERATIONS, salt[:_MOCK_SALT_BYTES], stored_key, server_key)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A SCRAM exchange between the client's first message and its last."""

    verifier: Verifier
    server_first: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    client_first_bare: bytes = field(repr=False)
    binding_input: bytes = field(repr=False)


def begin(
    client_first: bytes, *, mechanism: str, verifier: Verifier, nonce: bytes, certificate_hash: bytes
) -> Exchange:
    """Read the client's first message; `server_first` of the result is the answer.

    `nonce` is our half, printable and without commas. `certificate_hash` is what tls-server-end-point binds to.
    Raises ProtocolViolation.
    """
    matched = _CLIENT_FIRST.fullmatch(client_first)
    if matched is None:
        raise ProtocolViolation("malformed SCRAM message: expected the client's first message")
    if matched[3] is not None:
        raise ProtocolViolation("client uses authorization identity, but it is not supported")
    flag = matched[1]
    _check_binding(flag, matched[2], mechanism)
    gs2_header = flag + b",,"
    whole_nonce = matched[5] + nonce
    server_first = b"r=%b,s=%b,i=%d" % (whole_nonce, base64.b64encode(verifier.salt), verifier.iterations)
    return Exchange(
        verifier=verifier,
        server_first=server_first,
        nonce=whole_nonce,
        client_first_bare=matched[4],
        binding_input=gs2_header + (certificate_hash if mechanism == MECHANISM_PLUS else b""),
    )


def finish(exchange: Exchange, client_final: bytes) -> bytes | None:
    """The server's final message, which proves that we knew the verifier; None if the password is wrong.

    Raises ProtocolViolation, also for a channel binding to another certificate: someone sits in between.
    """
    matched = _CLIENT_FINAL.fullmatch(client_final)
    if matched is None:
        raise ProtocolViolation("malformed SCRAM message: expected the client's final message")
    try:
        binding, proof = (base64.b64decode(part, validate=True) for part in matched.group(2, 5))
    except binascii.Error as error:
        raise ProtocolViolation("malformed SCRAM message: malformed base64") from error
    if not hmac.compare_digest(matched[3], exchange.nonce):
        raise ProtocolViolation("invalid SCRAM response: nonce does not match")
    if not hmac.compare_digest(binding, exchange.binding_input):
        raise ProtocolViolation("SCRAM channel binding check failed")
    if len(proof) != _DIGEST_BYTES:
        raise ProtocolViolation("malformed SCRAM message: the proof has the wrong size")

    verifier = exchange.verifier
    auth_message = b",".join((exchange.client_first_bare, exchange.server_first, matched[1]))
    client_key = _xor(proof, _hmac(verifier.stored_key, auth_message))
    if not hmac.compare_digest(hashlib.sha256(client_key).digest(), verifier.stored_key):
        return None
    return b"v=" + base64.b64encode(_hmac(verifier.server_key, auth_message))


def saslprep(password: str) -> bytes:
    """The bytes of `password` that are hashed: RFC 4013, or the raw ones where it does not apply.

    Two ways of the server's (`saslprep.c`) are followed: pure ASCII is left alone, control characters too; and
    what is prohibited is looked for before the normalization, not after it. Raises Invalid for lone surrogates,
    which no client can send.
    """
    try:
        raw = password.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Invalid("the password holds half a character (a lone surrogate)") from error
    if password.isascii():
        return raw
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    if not mapped or any(map(_is_prohibited, mapped)) or not _is_bidi_valid(mapped):
        return raw
    return unicodedata.normalize("NFKC", mapped).encode()


def _check_binding(flag: bytes, binding_type: bytes | None, mechanism: str) -> None:
    """RFC 5802, section 6: which flag may go with which mechanism, when we offered both."""
    if mechanism == MECHANISM_PLUS:
        if binding_type is None:
            raise ProtocolViolation("malformed SCRAM message: SCRAM-SHA-256-PLUS without channel binding data")
        if binding_type != _BINDING.encode():
            raise ProtocolViolation("unsupported SCRAM channel-binding type")
    elif binding_type is not None:
        raise ProtocolViolation("malformed SCRAM message: SCRAM-SHA-256 with channel binding data")
    elif flag == b"y":
        # The client can bind and thinks that we cannot: someone took PLUS out of our offer.
        raise ProtocolViolation(
            "SCRAM channel binding negotiation error: the client supports SCRAM channel binding "
            "but thinks the server does not"
        )


def _verifier_of(password: str, salt: bytes, iterations: int) -> Verifier:
    salted = hashlib.pbkdf2_hmac("sha256", saslprep(password), salt, iterations)
    stored_key = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    return Verifier(iterations, salt, stored_key, _hmac(salted, b"Server Key"))


def _is_prohibited(character: str) -> bool:
    """RFC 4013, sections 2.3 and 2.5."""
    return (
        stringprep.in_table_c12(character)
        or stringprep.in_table_c21_c22(character)
        or stringprep.in_table_c3(character)
        or stringprep.in_table_c4(character)
        or stringprep.in_table_c5(character)
        or stringprep.in_table_c6(character)
        or stringprep.in_table_c7(character)
        or stringprep.in_table_c8(character)
        or stringprep.in_table_c9(character)
        or stringprep.in_table_a1(character)
    )


def _is_bidi_valid(text: str) -> bool:
    """RFC 3454, section 6."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    return (
        not any(map(stringprep.in_table_d2, text))
        and stringprep.in_table_d1(text[0])
        and stringprep.in_table_d1(text[-1])
    )


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
