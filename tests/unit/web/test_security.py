import pytest

from dormouse.web.security import Names, host_name, is_same_origin, key_in


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:55433", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:55433", "::1"),
        ("[::1]", "::1"),
        ("ep-x.dormouse.localhost:80", "ep-x.dormouse.localhost"),
        ("", None),
        (":80", None),
        ("localhost:", "localhost"),
        ("localhost:http", None),
        ("localhost:99999", None),
        ("localhost:0", None),
        ("user@localhost", None),
        ("localhost/path", None),
        ("localhost?x", None),
        ("localhost#x", None),
        ("[::1", None),
        ("a b", "a b"),
    ],
)
def test_host_name(header: str, name: str | None) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize(
    ("bind", "name", "is_ours"),
    [
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::1", True),
        ("127.0.0.1", "db.test", True),
        ("127.0.0.1", "ep-x.db.test", True),
        ("127.0.0.1", "console", True),
        ("127.0.0.1", "evildb.test", False),
        ("127.0.0.1", "db.test.evil", False),
        ("127.0.0.1", "localhost.evil", False),
        ("127.0.0.1", "192.168.1.7", False),
        ("192.168.1.7", "192.168.1.7", True),
        ("192.168.1.7", "192.168.1.8", False),
        ("0.0.0.0", "192.168.1.8", True),
        ("::", "fd00::1", True),
        ("0.0.0.0", "evil.example", False),
        ("0.0.0.0", "1.2.3.4.evil.example", False),
    ],
)
def test_names_that_are_ours(bind: str, name: str, is_ours: bool) -> None:
    assert Names(bind=bind, suffix="db.test", more=frozenset({"console"})).holds(name) is is_ours


@pytest.mark.parametrize(
    ("origin", "host", "is_same"),
    [
        ("http://localhost:1", "localhost:1", True),
        ("https://localhost", "localhost", True),
        ("http://LOCALHOST:1", "localhost:1", True),
        ("http://localhost:2", "localhost:1", False),
        ("http://evil", "localhost", False),
        ("http://localhost.evil", "localhost", False),
        ("null", "null", False),
        ("localhost", "localhost", False),
        ("file://", "", False),
        ("ftp://localhost", "localhost", False),
        ("", "", False),
    ],
)
def test_same_origin(origin: str, host: str, is_same: bool) -> None:
    assert is_same_origin(origin, host) is is_same


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer key", "key"),
        ("bearer key", "key"),
        ("Bearer  key ", "key"),
        ("Bearer \xff", "\xff"),
        ("Bearer ", None),
        ("Bearer", None),
        ("key", None),
        ("Basic key", None),
        ("", None),
        (None, None),
    ],
)
def test_key_in_a_header(header: str | None, key: str | None) -> None:
    assert key_in(header) == key
