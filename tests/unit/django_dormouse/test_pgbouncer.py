"""pgbouncer.ini and userlist.txt, and how the sizes come about."""

from configparser import ConfigParser
from dataclasses import replace

import pytest

from django_dormouse.pgbouncer import Entry, Options, Refused, Server, render_ini, render_userlist, sizes

SERVER = Server(host="db.x", port="5432", max_connections=100, reserved=3)
ENTRY = Entry(name="shop", alias="default", server=SERVER, database="shop", role="app", secret="SCRAM-SHA-256$x")


def read(text: str) -> ConfigParser:
    parser = ConfigParser(comment_prefixes=(";",), interpolation=None, delimiters=("=",))
    parser.read_string(text)
    return parser


@pytest.mark.parametrize(
    ("limit", "reserved", "entries", "instances", "expected"),
    [
        (100, 3, 1, 1, (97, 10, 87)),
        (100, 3, 2, 1, (97, 10, 43)),
        (100, 3, 1, 4, (97, 10, 21)),
        (20, 3, 1, 1, (17, 3, 14)),
        (112, 7, 1, 1, (105, 10, 95)),
        (7, 3, 1, 1, (4, 3, 1)),
    ],
)
def test_sizes_never_take_more_than_there_is(limit, reserved, entries, instances, expected):
    found = sizes(replace(SERVER, max_connections=limit, reserved=reserved), entries, instances)

    assert (found.usable, found.for_others, found.pool_size) == expected
    assert found.pool_size * entries * instances + found.for_others + reserved <= limit


def test_a_server_that_is_too_small_is_refused():
    with pytest.raises(Refused, match="Raise max_connections"):
        sizes(replace(SERVER, max_connections=6), 1, 1)


def test_transaction_mode():
    found = read(render_ini([ENTRY], Options(userlist="/etc/userlist.txt")))

    assert found["databases"]["shop"] == (
        "host='db.x' port='5432' dbname='shop' pool_size=87 max_db_connections=87"
    )
    assert found["pgbouncer"]["pool_mode"] == "transaction"
    assert found["pgbouncer"]["auth_file"] == "/etc/userlist.txt"
    assert "server_reset_query" not in found["pgbouncer"]
    assert "max_prepared_statements" not in found["pgbouncer"], "1.18 does not know it"


def test_session_mode_and_a_newer_pgbouncer():
    session = read(render_ini([ENTRY], Options(pool_mode="session")))["pgbouncer"]
    newer = read(render_ini([ENTRY], Options(version=(1, 22))))["pgbouncer"]

    assert session["server_reset_query"] == "DISCARD ALL"
    assert newer["max_prepared_statements"] == "200"


def test_each_server_has_its_own_sum():
    other = replace(ENTRY, name="shop_replica", server=replace(SERVER, host="r.x", max_connections=20))
    second = replace(ENTRY, name="stock", database="stock")

    found = read(render_ini([ENTRY, second, other], Options()))["databases"]

    assert "pool_size=43" in found["shop"]
    assert "pool_size=43" in found["stock"]
    assert "pool_size=14" in found["shop_replica"]


def test_tls_to_the_server_is_the_strictest():
    strict = replace(ENTRY, name="b", sslmode="verify-full", sslrootcert="/ca.pem")
    found = read(render_ini([ENTRY, strict], Options()))["pgbouncer"]

    assert (found["server_tls_sslmode"], found["server_tls_ca_file"]) == ("verify-full", "/ca.pem")
    with pytest.raises(Refused, match="different sslrootcert"):
        render_ini([strict, replace(strict, sslrootcert="/other.pem")], Options())
    with pytest.raises(Refused, match="sslrootcert=system"):
        render_ini([replace(strict, sslrootcert="system")], Options())


def test_secrets_stand_in_the_userlist_alone():
    odd = replace(ENTRY, role='a"b', secret='pass"word')

    assert render_userlist([ENTRY, ENTRY, odd]) == '"a""b" "pass""word"\n"app" "SCRAM-SHA-256$x"\n'
    assert ENTRY.secret not in render_ini([ENTRY], Options())
    assert ENTRY.secret not in repr(ENTRY)


def test_auth_query_needs_no_list():
    found = read(render_ini([replace(ENTRY, secret="")], Options(auth_user="pooler")))

    assert "auth_user='pooler'" in found["databases"]["shop"]
    assert "get_auth" in found["pgbouncer"]["auth_query"]
    assert render_userlist([replace(ENTRY, secret="")]) == ""


def test_what_the_files_cannot_hold_is_refused():
    with pytest.raises(Refused, match="line break"):
        render_ini([replace(ENTRY, name="a\nb")], Options())
    with pytest.raises(Refused, match="line break"):
        render_userlist([replace(ENTRY, secret="a\nb")])
    with pytest.raises(Refused, match="another secret"):
        render_userlist([ENTRY, replace(ENTRY, alias="replica", secret="other")])
