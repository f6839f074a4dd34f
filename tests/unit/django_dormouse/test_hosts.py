"""What a host name says."""

import pytest

from django_dormouse import hosts


@pytest.mark.parametrize(
    ("host", "pooled", "direct"),
    [
        ("ep-a-b-1-pooler.eu.aws.neon.tech", True, "ep-a-b-1.eu.aws.neon.tech"),
        ("EP-A-POOLER.x", True, "EP-A.x"),
        ("ep-a-b-1.eu.aws.neon.tech", False, "ep-a-b-1.eu.aws.neon.tech"),
        ("a-pooler.x,b-pooler.x", True, "a.x,b.x"),
        ("a.x,b-pooler.x", True, "a.x,b.x"),
        ("pooler.x", False, "pooler.x"),
        ("x.my-pooler.y", False, "x.my-pooler.y"),
        ("/run/my-pooler", False, "/run/my-pooler"),
        ("127.0.0.1", False, "127.0.0.1"),
        ("", False, ""),
    ],
)
def test_pooled_and_direct(host, pooled, direct):
    assert hosts.is_pooled(host) is pooled
    assert hosts.direct_host(host) == direct


@pytest.mark.parametrize(
    ("host", "local", "tls"),
    [
        ("", True, False),
        ("/var/run/postgresql", True, False),
        ("@abstract", True, False),
        ("localhost", True, False),
        ("LOCALHOST.", True, False),
        ("127.3.2.1", True, False),
        ("::1", True, False),
        ("db.localhost", True, False),
        ("ep-a-b-1.dormouse.localhost", True, True),
        ("other.dormouse.localhost", True, True),
        ("ep-a-b-1.localhost", True, True),
        ("db.example.com", False, True),
        ("10.0.0.1", False, True),
        ("fe80::1", False, True),
        ("localhost.example.com", False, True),
        ("localhost,db.example.com", False, True),
        ("notlocalhost", False, True),
        ("/socket,127.0.0.1", True, False),
    ],
)
def test_local_and_tls(host, local, tls):
    assert hosts.is_local(host) is local
    assert hosts.needs_tls(host) is tls


@pytest.mark.parametrize(
    ("host", "resolving", "hostaddr"),
    [
        ("ep-a.dormouse.localhost", (), "127.0.0.1"),
        ("ep-a.dormouse.localhost", ("ep-a.dormouse.localhost",), None),
        ("a.localhost,b.localhost", ("a.localhost",), ",127.0.0.1"),
        ("a.localhost,db.example.com", (), "127.0.0.1,"),
        ("localhost", (), None),
        ("db.example.com", (), None),
        ("", (), None),
        ("/tmp", (), None),
    ],
)
def test_addresses_of_names_below_localhost(host, resolving, hostaddr):
    assert hosts.hostaddr_for(host, lambda name: name in resolving) == hostaddr


@pytest.mark.parametrize(
    ("options", "host", "version", "expected"),
    [
        ("", "ep-a-1.x", 130005, "endpoint=ep-a-1"),
        ("-c a=b", "ep-a-1.x", 130005, "endpoint=ep-a-1 -c a=b"),
        ("endpoint=ep-b", "ep-a-1.x", 130005, "endpoint=ep-b"),
        ("", "ep-a-1-pooler.x", 90000, "endpoint=ep-a-1-pooler"),
        ("", "ep-a-1.x", 140000, ""),
        ("-c a=b", "ep-a-1.x", 180006, "-c a=b"),
        ("", "db.x", 130005, ""),
        ("", "10.0.0.1", 130005, ""),
        ("", "", 130005, ""),
    ],
)
def test_the_endpoint_for_a_libpq_without_server_names(options, host, version, expected):
    assert hosts.with_endpoint(options, host, version) == expected
