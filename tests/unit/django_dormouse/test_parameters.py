"""libpq's parameters, checked before anything connects."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dormouse import config, databases, libpq
from django_dormouse.config import Overrides
from django_dormouse.keys import KEYS
from django_dormouse.parameters import PARAMETERS, WHERE, combination, counts

SECRET = "s3cret-2718"


def test_arguments_are_the_keys_and_the_parameters():
    assert Overrides.__annotations__.keys() == KEYS.keys() | PARAMETERS.keys() | {"default"}
    assert not PARAMETERS.keys() & (KEYS.keys() | WHERE)


GOOD = {
    "application_name": "007",
    "fallback_application_name": "1e5",
    "client_encoding": "auto",
    "connect_timeout": "0",
    "tcp_user_timeout": "20000",
    "keepalives": "1",
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "sslmode": "verify-full",
    "sslrootcert": "true",
    "sslcert": "c.pem",
    "sslkey": "k.pem",
    "sslpassword": "123",
    "sslsni": "1",
    "channel_binding": "prefer",
    "require_auth": "!password,!md5",
    "gssencmode": "disable",
    "target_session_attrs": "read-write",
    "load_balance_hosts": "random",
}


def test_every_parameter_in_the_query_as_an_argument_and_as_a_plain_variable():
    query = "&".join(f"{name}={value}" for name, value in GOOD.items())
    by_name = {f"DB_{name.upper()}": value for name, value in GOOD.items()} | {"DB_NAME": "d", "DB_HOST": "h"}

    assert databases({"DATABASE_URL": f"postgresql://h/d?{query}"})["default"]["OPTIONS"] == GOOD
    assert databases({"DATABASE_URL": "postgresql://h/d"}, **GOOD)["default"]["OPTIONS"] == GOOD
    assert databases(by_name)["default"]["OPTIONS"] == GOOD


BAD = [
    ("connect_timeout", "soon"),
    ("connect_timeout", "-1"),
    ("connect_timeout", "1.5"),
    ("connect_timeout", "2147483648"),
    ("tcp_user_timeout", "20s"),
    ("keepalives", "2"),
    ("keepalives", "true"),
    ("keepalives_idle", "٣"),
    ("keepalives_interval", "-1"),
    ("keepalives_count", "many"),
    ("sslmode", "required"),
    ("sslnegotiation", "indirect"),
    ("sslsni", "yes"),
    ("ssl_min_protocol_version", "1.2"),
    ("channel_binding", "required"),
    ("require_auth", "scram-sha-256,!md5"),
    ("require_auth", "scram"),
    ("target_session_attrs", "primary-only"),
    ("load_balance_hosts", "round-robin"),
    ("statement_timeout", "30 seconds"),
    ("lock_timeout", "25d"),
    ("idle_in_transaction_session_timeout", "-1"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_is_wrong_is_named_wherever_it_stands(name, value):
    for environ, overrides in (
        ({"DATABASE_URL": f"postgresql://u:{SECRET}@h/d?{name}={value.replace(' ', '%20')}"}, {}),
        ({"DATABASE_URL": f"postgresql://u:{SECRET}@h/d"}, {name: value}),
        ({"DB_NAME": "d", "DB_PASSWORD": SECRET, f"DB_{name.upper()}": value}, {}),
    ):
        with pytest.raises(ImproperlyConfigured) as caught:
            databases(environ, **overrides)
        assert f"{name} is {value!r}, expected" in str(caught.value).replace("DB_" + name.upper() + ": ", "")
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://u@h/d", ""])
def test_libpq_s_own_variables_are_checked_beside_a_url_too(url):
    environ = {"DATABASE_URL": url, "PGDATABASE": "d", "PGCONNECT_TIMEOUT": "soon"}

    with pytest.raises(ImproperlyConfigured, match="PGCONNECT_TIMEOUT: connect_timeout is 'soon'"):
        databases(environ)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"host": "a,b", "port": "1,2"}, None),
        ({"host": "a,b", "port": "1"}, None),
        ({"host": "a,b", "port": ",2"}, None),
        ({"host": "a,b", "port": "1,2,3"}, "there are 3 ports for 2 hosts"),
        ({"host": "a", "port": "1,2"}, "there are 2 ports for 1 hosts"),
        ({"hostaddr": "::1,127.0.0.1", "port": "1,2"}, None),
        ({"host": "a", "hostaddr": "fe80::1%eth0"}, None),
        ({"host": "a,b", "hostaddr": "127.0.0.1"}, "there are 1 hostaddr for 2 hosts"),
        ({"hostaddr": "db.x"}, "holds what is no IP address"),
        ({"port": "0"}, "not a number from 1 to 65535"),
        ({"port": "65536"}, "not a number from 1 to 65535"),
        ({"port": "-1"}, "not a number from 1 to 65535"),
        ({"port": "x"}, "or the password is not percent-encoded"),
    ],
)
def test_hosts_addresses_and_ports_are_counted(parameters, says):
    found = counts(parameters)

    assert found is None if says is None else found is not None and says in found


@pytest.mark.parametrize(
    ("parameters", "version", "says"),
    [
        ({"sslrootcert": "system"}, 160000, None),
        ({"sslrootcert": "system", "sslmode": "require"}, 160000, "goes with sslmode=verify-full alone"),
        ({"sslrootcert": "system"}, 150000, "needs libpq 16, and this one is 15"),
        ({"sslnegotiation": "direct", "sslmode": "require"}, 170000, None),
        ({"sslnegotiation": "direct"}, 170000, "needs sslmode=require or stronger, and sslmode is not given"),
        ({"sslnegotiation": "direct", "sslmode": "require"}, 160000, "sslnegotiation needs libpq 17"),
        ({"target_session_attrs": "standby"}, 130000, "needs libpq 14"),
        ({"target_session_attrs": "read-write"}, 130000, None),
        ({"channel_binding": "require", "sslmode": "disable"}, 170000, "needs TLS"),
    ],
)
def test_what_does_not_go_together_is_told(parameters, version, says):
    found = combination(parameters, version)

    assert found is None if says is None else found is not None and says in found


def test_timeouts_go_into_the_startup_options_after_those_of_the_url():
    url = "postgresql://h/d?options=-c%20lock_timeout%3D1&statement_timeout=30s"

    found = databases({"DATABASE_URL": url}, lock_timeout=5000, idle_in_transaction_session_timeout="1min")

    assert found["default"]["OPTIONS"]["options"] == (
        "-c lock_timeout=1 -c statement_timeout=30s -c lock_timeout=5000 "
        "-c idle_in_transaction_session_timeout=1min"
    )


def test_timeouts_of_a_pooled_host_are_remembered_for_the_role():
    found = databases({"DATABASE_URL": "postgresql://a-pooler.x/d"}, statement_timeout="30s")

    assert "options" not in found["default"]["OPTIONS"]
    assert found["default"]["DORMOUSE"]["DROPPED_OPTIONS"] == "-c statement_timeout=30s"
    assert found["direct"]["OPTIONS"]["options"] == "-c statement_timeout=30s"


def test_blanks_and_backslashes_of_a_setting_are_escaped():
    options = databases({"DATABASE_URL": "postgresql:///d"}, search_path='a, "b\\c"')["default"]["OPTIONS"]

    assert options["options"] == '-c search_path=a,\\ "b\\\\c"'


def test_a_libpq_without_server_name_gets_the_endpoint_by_itself(monkeypatch):
    monkeypatch.setattr(libpq, "version", lambda: 130005)

    found = config.databases({"DATABASE_URL": "postgresql://u@ep-a-1-pooler.eu.neon.tech/d"}, lock_timeout="1s")

    assert found["default"]["OPTIONS"]["options"] == "endpoint=ep-a-1-pooler"
    assert found["direct"]["OPTIONS"]["options"] == "endpoint=ep-a-1 -c lock_timeout=1s"


def test_a_secret_is_not_shown():
    with pytest.raises(ImproperlyConfigured) as caught:
        databases({"DB_NAME": "d", "DB_SSLPASSWORD": f"{SECRET}\0"})

    assert SECRET not in str(caught.value)
