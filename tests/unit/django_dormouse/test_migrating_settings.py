"""What dj-database-url and django-environ read of Postgres: the same, or a sentence that says why not."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dormouse import databases

CASES = {
    "plain": ("postgres://role:word@db.example.com:5431/shop", ("db.example.com", "5431", "shop", "role", "word")),
    "the long scheme": ("postgresql://role:word@h:5431/shop", ("h", "5431", "shop", "role", "word")),
    "pgsql": ("pgsql://role:word@h:5431/shop", ("h", "5431", "shop", "role", "word")),
    "psql": ("psql://role:word@h:5431/shop", ("h", "5431", "shop", "role", "word")),
    "no port": ("postgres://role:word@h/shop", ("h", "", "shop", "role", "word")),
    "no role": ("postgres://h/shop", ("h", "", "shop", "", "")),
    "no host": ("postgres:///shop", ("", "", "shop", "", "")),
    "role alone": ("postgres://role@/shop", ("", "", "shop", "role", "")),
    "a socket": ("postgres://%2Fvar%2Frun%2Fpostgresql/shop", ("/var/run/postgresql", "", "shop", "", "")),
    "a socket with capitals": ("postgres://%2FUsers%2FAnna%2FRun/shop", ("/Users/Anna/Run", "", "shop", "", "")),
    "a socket with a role": ("postgres://role:word@%2Ftmp:5433/shop", ("/tmp", "5433", "shop", "role", "word")),
    "IPv6": (
        "postgres://role:word@[2001:db8:1234::1234:5678:90af]:5431/shop",
        ("2001:db8:1234::1234:5678:90af", "5431", "shop", "role", "word"),
    ),
    "escapes": ("postgres://%23role:%23w%40rd@h:5431/%23shop", ("h", "5431", "#shop", "#role", "#w@rd")),
    "an empty password": ("postgres://role:@h/shop", ("h", "", "shop", "role", "")),
    "a bare # in the password": ("postgres://role:wo#rd@h/shop", ("h", "", "shop", "role", "wo#rd")),
    "a bare ? in the password": ("postgres://role:wo?rd@h/shop", ("h", "", "shop", "role", "wo?rd")),
    "a plus in the name": ("postgres://h/shop+1", ("h", "", "shop+1", "", "")),
    "a blank in the name": ("postgres://h/shop%20one", ("h", "", "shop one", "", "")),
    "role and password in the query": (
        "postgres://h/shop?user=role&password=word",
        ("h", "", "shop", "role", "word"),
    ),
    "two hosts": ("postgres://role@a:1,b:2/shop", ("a,b", "1,2", "shop", "role", "")),
}


@pytest.mark.parametrize(("url", "expected"), CASES.values(), ids=CASES)
def test_where_and_as_whom(url, expected):
    found = databases({"DATABASE_URL": url})["default"]

    assert tuple(found[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")) == expected


OPTIONS = {
    "a schema": ("currentSchema=other", {"options": "-c search_path=other"}),
    "a schema and options": (
        "options=-c%20a%3Db&currentSchema=other",
        {"options": "-c a=b -c search_path=other"},
    ),
    "TLS": (
        "sslrootcert=bundle.pem&sslmode=verify-full",
        {"sslrootcert": "bundle.pem", "sslmode": "verify-full"},
    ),
    "digits stay text": ("application_name=007", {"application_name": "007"}),
    "words stay text": ("application_name=true", {"application_name": "true"}),
    "a pool": ("pool=true", {"pool": True}),
    "no pool": ("pool=false", {"pool": False}),
    "ssl_require": ("ssl_require=true", {"sslmode": "require"}),
    "ssl_require over a weaker mode": ("ssl_require=true&sslmode=prefer", {"sslmode": "require"}),
    "ssl_require beside a stronger mode": ("ssl_require=true&sslmode=verify-ca", {"sslmode": "verify-ca"}),
    "the time": ("connect_timeout=5", {"connect_timeout": "5"}),
}


@pytest.mark.parametrize(("query", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_options(query, expected):
    assert databases({"DATABASE_URL": f"postgres:///shop?{query}"})["default"]["OPTIONS"] == expected


TOP = {
    "conn_max_age": ({"conn_max_age": 600}, {"CONN_MAX_AGE": 600}),
    "conn_max_age none": ({"conn_max_age": None}, {"CONN_MAX_AGE": None}),
    "conn_health_checks": ({"conn_health_checks": True}, {"CONN_HEALTH_CHECKS": True}),
    "cursors": ({"disable_server_side_cursors": True}, {"DISABLE_SERVER_SIDE_CURSORS": True}),
    "test_options": ({"test_options": {"NAME": "mytest"}}, {"TEST": {"NAME": "mytest"}}),
    "ssl_require": ({"ssl_require": True}, {"OPTIONS": {"sslmode": "require"}}),
}


@pytest.mark.parametrize(("arguments", "expected"), TOP.values(), ids=TOP)
def test_arguments_of_dj_database_url(arguments, expected):
    found = databases({"DATABASE_URL": "postgres:///shop"}, **arguments)["default"]

    assert {key: found[key] for key in expected} == expected


def test_a_default_is_for_an_environment_that_names_nothing():
    assert databases({}, default="postgres:///here")["default"]["NAME"] == "here"
    assert (
        databases({"DATABASE_URL": "postgres:///there"}, default="postgres:///here")["default"]["NAME"] == "there"
    )
    assert databases({"PGDATABASE": "there"}, default="postgres:///here")["default"]["NAME"] == "there"


REFUSED = {
    "another database": ("sqlite:///db.sqlite3", {}, "the scheme is 'sqlite', expected postgresql://"),
    "GIS": ("postgis://h/shop", {}, "the scheme is 'postgis'"),
    "a driver in the scheme": ("postgresql+psycopg://h/shop", {}, "the scheme is 'postgresql+psycopg'"),
    "port 0": ("postgres://h:0/shop", {}, "the port is not a number from 1 to 65535"),
    "a port that is too large": ("postgres://h:70000/shop", {}, "the port is not a number from 1 to 65535"),
    "a port that is a word": ("postgres://h:port/shop", {}, "the port is not a number from 1 to 65535"),
    "a negative port": ("postgres://h:-1/shop", {}, "the port is not a number from 1 to 65535"),
    "a bracket left open": ("postgres://[::1/shop", {}, "not a connection string that libpq can read"),
    "Prisma's": ("postgres://h/shop?pgbouncer=true", {}, "unknown key 'pgbouncer'"),
    "Prisma's limit": ("postgres://h/shop?connection_limit=1", {}, "unknown key 'connection_limit'"),
    "Prisma's schema": ("postgres://h/shop?schema=public", {}, "unknown key 'schema'"),
    "TEST in a URL": ("postgres://h/shop?test_options=x", {}, "unknown key 'test_options'"),
    "a key twice": ("postgres://h/shop?pool=true&pool=true", {}, "pool is given twice"),
    "engine": ("postgres://h/shop", {"engine": "x"}, "engine is dj-database-url's; ENGINE is always"),
    "env": ("postgres://h/shop", {"env": "X"}, "env is dj-database-url's; give the environment"),
    "an empty URL": ("", {}, "No database is configured"),
}


@pytest.mark.parametrize(("url", "arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named(url, arguments, says):
    with pytest.raises(ImproperlyConfigured) as caught:
        databases({"DATABASE_URL": url}, **arguments)

    assert says in str(caught.value)
