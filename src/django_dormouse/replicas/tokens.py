"""Tokens as they leave the process: signed, so that nobody can make one up.

A made-up token could at worst show its maker old data, or send them to the primary; but a signature costs little,
and whoever finds a cookie in a log learns nothing to use.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Final

from django.core.signing import BadSignature, Signer, b64_encode
from django.utils.encoding import force_bytes

from django_dormouse.replicas.position import Position, Token

__all__ = ["UNKNOWN", "sign", "unsign"]

UNKNOWN: Final = Token(needs=Position(incarnation="", lsn=None))
"""Something was written or seen, and nobody knows where in the log: the primary answers."""


def sign(token: Token) -> str:
    """The token as text, safe in cookies, headers and JSON; empty if there is nothing to remember."""
    text = token.text()
    return _signer().sign(text) if text else ""


def unsign(signed: str) -> Token:
    """The token that `sign` wrote.

    UNKNOWN for what is none: made up, or signed with a key that has changed since. Its owner may have written.
    """
    if not signed:
        return Token()
    try:
        return Token.parse(_signer().unsign(signed)) or UNKNOWN
    except BadSignature:
        return UNKNOWN


class _Signer(Signer):
    """Django's, which derives its key anew for every signature; the text is the same."""

    def signature(self, value: str | bytes, key: str | bytes | None = None) -> str:
        mac = _keyed(force_bytes(self.salt) + b"signer", key or self.key).copy()
        mac.update(force_bytes(value))
        return b64_encode(mac.digest()).decode()


@lru_cache(maxsize=8)
def _keyed(salt: bytes, secret: str | bytes) -> hmac.HMAC:
    # As `django.utils.crypto.salted_hmac` begins.
    return hmac.new(hashlib.sha256(salt + force_bytes(secret)).digest(), digestmod=hashlib.sha256)


def _signer() -> Signer:
    return _Signer(salt="django_dormouse.replicas.position")
