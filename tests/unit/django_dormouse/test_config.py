"""DATABASES from the environment."""

import subprocess
import sys
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

import django_dormouse
from django_dormouse import databases
from dormouse.uri import ConnectionParameters

SECRET = "s3cret-2718"


def test_importing_it_needs_no_settings_and_no_driver():
    code = (
        "import sys, django_dormouse; print([m for m in ('django.db', 'psycopg', 'psycopg2') if m in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_unknown_names_of_the_package_are_attribute_errors():
    with pytest.raises(AttributeError, match="database"):
        django_dormouse.database  # noqa: B018


def test_a_url():
    url = f"postgresql://role:{SECRET}@db.example.com:5433/neondb?sslmode=verify-full&application_name=007"

    assert databases({"DATABASE_URL": url}) == {
        "default": {
            "ENGINE": "django_dormouse.backend",
            "NAME": "neondb",
            "USER": "role",
            "PASSWORD": SECRET,
            "HOST": "db.example.com",
            "PORT": "5433",
            "OPTIONS": {"sslmode": "verify-full", "application_name": "007"},
        }
    }


@pytest.mark.parametrize(
    ("url", "host", "port", "name"),
    [
        ("postgresql://u@a,b:2/db", "a,b", ",2", "db"),
        ("postgresql://u@[2001:db8::1]:2/db", "2001:db8::1", "2", "db"),
        ("postgres://%2Fvar%2Frun%2Fpostgresql/db", "/var/run/postgresql", "", "db"),
        ("postgresql:///db?host=/tmp/s", "/tmp/s", "", "db"),
        ("postgresql:///a%20b+c", "", "", "a b+c"),
        ("host=h port=2 dbname='a b'", "h", "2", "a b"),
    ],
)
def test_what_libpq_reads(url, host, port, name):
    default = databases({"DATABASE_URL": url})["default"]

    assert (default["HOST"], default["PORT"], default["NAME"]) == (host, port, name)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(role=texts, password=texts, database=texts)
def test_any_role_password_and_database_survive_the_url(role, password, database):
    url = ConnectionParameters(role=role, password=password, host="h.example", database=database, port=1).url()

    default = databases({"DATABASE_URL": f"{url}?conn_max_age=5"})["default"]

    assert (default["USER"], default["PASSWORD"], default["NAME"]) == (role, password, database)
    assert default["CONN_MAX_AGE"] == 5


@given(password=texts)
def test_no_error_shows_a_password_however_it_was_written(password):
    password = f"{SECRET}{password}{SECRET}"
    for url in (
        f"postgresql://u:{password}@h/db",
        f"postgresql://u:{quote(password)}@h/db?nonsense=1",
        f"mysql://u:{password}@h/db",
        f"u:{password}@h/db",
        f"host=h password={password} dbname=db nonsense=1",
    ):
        try:
            databases({"DATABASE_URL": url})
        except ImproperlyConfigured as error:
            assert SECRET not in str(error)
            assert error.__suppress_context__ or error.__context__ is None, "a traceback would show libpq's words"


@pytest.mark.parametrize(
    "environ",
    [
        {"PGHOST": "db.x", "PGPORT": "2", "PGDATABASE": "d", "PGUSER": "u", "PGPASSWORD": "p"},
        {"DB_HOST": "db.x", "DB_PORT": "2", "DB_NAME": "d", "DB_USER": "u", "DB_PASSWORD": "p"},
        {
            "DATABASE_URL": "postgresql://u:p@db.x:2/d",
            "PGHOST": "other",
            "PGDATABASE": "other",
            "DB_NAME": "other",
        },
        {"DATABASE_URL": "", "PGHOST": "db.x", "PGPORT": "2", "PGDATABASE": "d", "PGUSER": "u", "PGPASSWORD": "p"},
    ],
)
def test_three_ways_to_say_the_same(environ):
    default = databases(environ)["default"]

    assert {key: default[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")} == {
        "HOST": "db.x",
        "PORT": "2",
        "NAME": "d",
        "USER": "u",
        "PASSWORD": "p",
    }
    assert default["OPTIONS"] == {"sslmode": "require"}


def test_pg_variables_beyond_the_first_five():
    environ = {"PGHOST": "ep-a.dormouse.localhost", "PGDATABASE": "d", "PGSSLMODE": "require"}
    environ |= {"PGCHANNELBINDING": "require", "PGHOSTADDR": "127.0.0.1", "PGOPTIONS": "-c a=b"}

    assert databases(environ)["default"]["OPTIONS"] == {
        "sslmode": "require",
        "channel_binding": "require",
        "hostaddr": "127.0.0.1",
        "options": "-c a=b",
    }


def test_a_url_is_not_mixed_with_the_variables_of_libpq(monkeypatch):
    for variable in ("PGHOST", "PGUSER", "PGPASSWORD", "PGPORT"):
        monkeypatch.setenv(variable, "1")

    default = databases({"DATABASE_URL": "postgresql:///d"})["default"]

    assert (default["HOST"], default["USER"], default["PASSWORD"], default["PORT"]) == ("", "", "", "")


def test_an_address_in_the_environment_does_not_lead_a_url_elsewhere():
    environ = {"DATABASE_URL": "postgresql://u@/d?host=/tmp", "PGHOSTADDR": "192.0.2.1"}

    assert databases(environ)["default"]["OPTIONS"] == {"hostaddr": ""}


def test_a_name_below_localhost_that_does_not_resolve_gets_its_address():
    environ = {"DATABASE_URL": "postgresql://u@ep-no-such-name.dormouse.localhost:55432/d"}

    options = databases(environ)["default"]["OPTIONS"]

    assert options == {"sslmode": "require", "hostaddr": "127.0.0.1"}


@pytest.mark.parametrize(
    ("query", "environ", "sslmode"),
    [
        ("", {}, "require"),
        ("?sslmode=disable", {}, "disable"),
        ("", {"PGSSLMODE": "verify-full"}, "verify-full"),
        ("?sslmode=prefer", {"PGSSLMODE": "verify-full"}, "prefer"),
        ("?sslrootcert=system", {}, None),
        ("?sslrootcert=ca.pem", {}, "require"),
    ],
)
def test_tls_to_another_machine(query, environ, sslmode):
    found = databases({"DATABASE_URL": f"postgresql://u@db.x/d{query}", **environ})

    assert found["default"]["OPTIONS"].get("sslmode") == sslmode


POOLED = "postgresql://u:p@ep-a-1-pooler.eu.neon.tech/d?options=-c%20a%3Db&conn_max_age=60"


def test_a_pooled_host_gets_what_it_needs_and_a_way_past_it():
    found = databases({"DATABASE_URL": POOLED}, atomic_requests=True)

    assert list(found) == ["default", "direct"]
    assert found["default"]["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert found["default"]["OPTIONS"] == {"sslmode": "require"}
    assert found["default"]["DORMOUSE"] == {"DROPPED_OPTIONS": "-c a=b"}
    assert found["default"]["CONN_MAX_AGE"] == 60
    assert found["direct"] == {
        "ENGINE": "django_dormouse.backend",
        "NAME": "d",
        "USER": "u",
        "PASSWORD": "p",
        "HOST": "ep-a-1.eu.neon.tech",
        "PORT": "",
        "OPTIONS": {"sslmode": "require", "options": "-c a=b"},
        "DORMOUSE": {"DIRECT_OF": "default"},
        "TEST": {"MIRROR": "default"},
    }


def test_the_way_past_a_pooler_may_be_given():
    found = databases({"DATABASE_URL": POOLED, "DATABASE_URL_UNPOOLED": "postgresql://a:b@other.x/d"})

    assert (found["direct"]["HOST"], found["direct"]["USER"]) == ("other.x", "a")


def test_a_direct_host_needs_no_way_past():
    url = "postgresql://u@ep-a-1.eu.neon.tech/d"

    assert list(databases({"DATABASE_URL": url, "DATABASE_URL_UNPOOLED": url})) == ["default"]


def test_replicas_are_aliases():
    replicas = "postgresql://u@r1.x/d?connect_deadline=1  postgresql://u@r2.x/d"
    environ = {"DATABASE_URL": "postgresql://u@p.x/d", "DATABASE_REPLICA_URL": replicas}

    found = databases(environ, atomic_requests=True, conn_max_age=60, application_name="site")

    assert list(found) == ["default", "replica", "replica2"]
    assert found["replica"]["HOST"] == "r1.x"
    assert found["replica"]["DORMOUSE"] == {"REPLICA_OF": "default", "CONNECT_DEADLINE": 1.0}
    assert found["replica2"]["TEST"] == {"MIRROR": "default"}
    assert found["replica2"]["CONN_MAX_AGE"] == 60
    assert found["replica2"]["OPTIONS"]["application_name"] == "site"
    assert "ATOMIC_REQUESTS" not in found["replica"]


@pytest.mark.parametrize(
    ("query", "overrides", "expected"),
    [
        ("conn_max_age=none", {}, {"CONN_MAX_AGE": None}),
        ("conn_health_checks=false", {}, {"CONN_HEALTH_CHECKS": False}),
        ("conn_health_checks=on", {}, {"CONN_HEALTH_CHECKS": True}),
        ("", {"conn_max_age": None}, {"CONN_MAX_AGE": None}),
        ("conn_max_age=60", {"conn_max_age": 5}, {"CONN_MAX_AGE": 5}),
        ("pool=true", {}, {"OPTIONS": {"pool": True}}),
        ("", {"pool": {"max_size": 4}}, {"OPTIONS": {"pool": {"max_size": 4}}}),
        ("", {"isolation_level": "serializable"}, {"OPTIONS": {"isolation_level": 4}}),
        ("isolation_level=repeatable%20read", {}, {"OPTIONS": {"isolation_level": 3}}),
        ("assume_role=app", {}, {"OPTIONS": {"assume_role": "app"}}),
        ("connect_deadline=2.5", {}, {"DORMOUSE": {"CONNECT_DEADLINE": 2.5}}),
        ("", {"connect_timeout": 3}, {"OPTIONS": {"connect_timeout": "3"}}),
        ("time_zone=Europe%2FMadrid", {}, {"TIME_ZONE": "Europe/Madrid"}),
    ],
)
def test_keys_of_django_in_the_query_or_as_arguments(query, overrides, expected):
    default = databases({"DATABASE_URL": f"postgresql:///d?{query}"}, **overrides)["default"]

    assert {key: default[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("conn_max_age=soon", "DATABASE_URL: conn_max_age is 'soon', expected a whole number, 0 or more, or none"),
        ("conn_max_age=-1", "conn_max_age is '-1'"),
        ("conn_max_age=٣", "conn_max_age is"),
        ("conn_max_age", "conn_max_age has no value"),
        ("conn_max_age=1&conn_max_age=2", "conn_max_age is given twice"),
        ("conn_health_checks=perhaps", "expected true or false"),
        ("pool=5", "expected true, false, or"),
        ("isolation_level=high", "expected one of read uncommitted, "),
        ("connect_deadline=inf", "expected a number of seconds above 0"),
        ("connect_deadline=nan", "expected a number of seconds above 0"),
        ("pgbouncer=true", "DATABASE_URL: unknown key 'pgbouncer'"),
        ("conn_max_ages=1", "did you mean 'conn_max_age'?"),
        ("%73chema=public", "unknown key 'schema'"),
    ],
)
def test_what_is_malformed_or_unknown_is_named(query, says):
    with pytest.raises(ImproperlyConfigured) as caught:
        databases({"DATABASE_URL": f"postgresql://u:{SECRET}@h/d?{query}"})

    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"conn_max_age": True}, "conn_max_age is True"),
        ({"conn_max_age": 1.5}, "conn_max_age is 1.5"),
        ({"conn_health_checks": 1}, "expected true or false"),
        ({"nonsense": 1}, "databases(): unknown key 'nonsense'"),
        ({"host": "h"}, "host belongs in the environment"),
        ({"sslmode": True}, "sslmode is bool, expected a text or a whole number"),
        ({"time_zone": ""}, "time_zone is '', expected a text"),
    ],
)
def test_arguments_are_checked_too(overrides, says):
    with pytest.raises(ImproperlyConfigured) as caught:
        databases({"DATABASE_URL": "postgresql:///d"}, **overrides)

    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "No database is configured: set DATABASE_URL, or"),
        ({"DATABASE_URL": "mysql://u@h/d"}, "the scheme is 'mysql', expected postgresql://"),
        ({"DATABASE_URL": "postgresql://u@h"}, "DATABASE_URL names no database"),
        ({"PGHOST": "h"}, "PG* names no database"),
        ({"DATABASE_URL": "postgresql:///d\0x"}, "NUL"),
        (
            {"DATABASE_URL": "postgresql:///d", "DATABASE_REPLICA_URL": "postgresql:///d?x=1"},
            "DATABASE_REPLICA_URL",
        ),
    ],
)
def test_what_is_missing_is_named(environ, says):
    with pytest.raises(ImproperlyConfigured) as caught:
        databases(environ)

    assert says in str(caught.value)


def test_a_service_needs_no_database():
    default = databases({"DATABASE_URL": "postgresql:///?service=mine"})["default"]

    assert (default["NAME"], default["OPTIONS"]) == ("", {"service": "mine"})


def test_two_calls_share_nothing():
    first = databases({"DATABASE_URL": POOLED})
    first["default"]["OPTIONS"]["x"] = 1
    first["direct"]["TEST"]["y"] = 1

    assert "x" not in databases({"DATABASE_URL": POOLED})["default"]["OPTIONS"]
    assert "y" not in databases({"DATABASE_URL": POOLED})["direct"]["TEST"]


def test_a_pooler_under_another_name_is_told_by_a_key():
    url = "postgresql://u@127.0.0.1:6432/d?pooled=true&lock_timeout=1s"

    alone = databases({"DATABASE_URL": url})
    found = databases({"DATABASE_URL": url, "DATABASE_URL_UNPOOLED": "postgresql://u@127.0.0.1/d"})

    assert list(alone) == ["default"]
    assert alone["default"]["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert alone["default"]["DORMOUSE"] == {"POOLED": True, "DROPPED_OPTIONS": "-c lock_timeout=1s"}
    assert found["direct"]["DORMOUSE"] == {"DIRECT_OF": "default"}
    assert "DISABLE_SERVER_SIDE_CURSORS" not in found["direct"]
