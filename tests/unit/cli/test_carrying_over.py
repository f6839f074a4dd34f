import pytest

from dormouse.cli.carrying_over import Wishes, carried_over, is_foreign, wishes_in
from dormouse.uri import ConnectionParameters

NEW = ConnectionParameters.from_url(
    "postgresql://anna:npg_x@ep-new-1.dormouse.localhost:55432/shop?sslmode=require&hostaddr=127.0.0.1"
)
OLD = "postgresql://anna:npg_x@ep-old-1.dormouse.localhost:4444/shop"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (OLD, Wishes(role="anna", database="shop")),
        (OLD.replace("ep-old-1", "ep-old-1-pooler"), Wishes(role="anna", database="shop", pooled=True)),
        ("postgres://a%40b@ep-1.neon.tech/a%2Fb", Wishes(role="a@b", database="a/b")),
        ("postgresql://anna@ep-1.neon.tech", Wishes(role="anna")),
        ("sqlite:///db.sqlite3", Wishes()),
        ("", Wishes()),
        ("postgresql://[", Wishes()),
    ],
)
def test_what_an_old_url_says(url: str, expected: Wishes) -> None:
    assert wishes_in(url) == expected


@pytest.mark.parametrize(
    ("old", "query"),
    [
        ("", "sslmode=require&hostaddr=127.0.0.1"),
        ("sqlite:///db.sqlite3?timeout=5", "sslmode=require&hostaddr=127.0.0.1"),
        (f"{OLD}?conn_max_age=60&hostaddr=::1", "sslmode=require&hostaddr=127.0.0.1&conn_max_age=60"),
        (
            f"{OLD}?sslmode=verify-full&sslrootcert=/tls/ca.pem&options=endpoint%3Dep-old-1",
            "sslmode=verify-full&hostaddr=127.0.0.1&sslrootcert=/tls/ca.pem",
        ),
        (
            "postgresql://anna@ep-1.eu.aws.neon.tech/shop?sslmode=verify-full&sslrootcert=system&conn_max_age=60",
            "sslmode=require&hostaddr=127.0.0.1&conn_max_age=60",
        ),
    ],
)
def test_what_is_carried_over(old: str, query: str) -> None:
    assert carried_over(old, NEW).url().partition("?")[2] == query


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ("", False),
        (" ", False),
        (OLD, False),
        ("postgresql://anna@ep-1.eu.aws.neon.tech/shop", True),
        ("postgresql://anna@db.example.com/shop", True),
        ("sqlite:///db.sqlite3", True),
    ],
)
def test_what_leads_elsewhere_is_foreign(old: str, expected: bool) -> None:
    assert is_foreign(old, NEW) is expected
