import pytest
from hypothesis import given
from hypothesis import strategies as st

from dormouse.compute.dumping import without_secrets


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("host=x password=tops3cret port=1", "host=x password=*** port=1"),
        ("host=x password = 'top ''s3cret\\' !' port=1", "host=x password = *** port=1"),
        ("OPTIONS (\"user\" 'u', password 's3cret')", "OPTIONS (\"user\" 'u', password ***)"),
        ("ALTER ROLE x PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a:b'", "ALTER ROLE x PASSWORD ***"),
        ("got SCRAM-SHA-256$4096:c2FsdA==$a:b there", "got *** there"),
        ("was md50123456789abcdef0123456789abcdef", "was ***"),
        ("postgresql://ana:s3cret@host/db", "postgresql://ana:***@host/db"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(said: str, shown: str) -> None:
    assert without_secrets(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        'FATAL:  password authentication failed for user "ana"',
        'FATAL:  database "password" does not exist',
        "postgresql://ana@host/db",
        "",
    ],
)
def test_all_else_is_shown(said: str) -> None:
    assert without_secrets(said) == said


@given(st.text())
def test_what_is_hidden_stays_hidden(said: str) -> None:
    assert without_secrets(without_secrets(said)) == without_secrets(said)
