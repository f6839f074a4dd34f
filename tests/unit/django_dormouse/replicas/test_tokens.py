"""Signed tokens: Django's own signature, made with less work."""

import pytest
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.test import override_settings

from django_dormouse.replicas import tokens
from django_dormouse.replicas.position import Position, Token

TOKEN = Token(needs=Position(incarnation="0123", lsn=0x1FA22C0))
SALT = "django_dormouse.replicas.position"


def test_the_signature_is_djangos():
    assert tokens.sign(TOKEN) == Signer(salt=SALT).sign(TOKEN.text())


def test_a_key_that_was_changed_holds_for_as_long_as_it_is_a_fallback():
    signed, key = tokens.sign(TOKEN), settings.SECRET_KEY

    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[]):
        assert tokens.unsign(signed) == tokens.UNKNOWN
        with pytest.raises(BadSignature):
            Signer(salt=SALT).unsign(signed)
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[key]):
        assert tokens.unsign(signed) == TOKEN
