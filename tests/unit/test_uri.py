from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from dormouse.uri import ConnectionParameters

# No NUL: neither an environment nor a C string can hold one.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
PARAMETERS = st.builds(
    ConnectionParameters,
    role=TEXTS,
    password=st.none() | TEXTS,
    host=st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True),
    database=TEXTS,
    port=st.none() | st.integers(1, 65535),
    options=st.dictionaries(st.sampled_from(["sslmode", "hostaddr", "options", "sslrootcert"]), TEXTS).map(
        MappingProxyType
    ),
)


def parameters(**changes: object) -> ConnectionParameters:
    given: dict[str, object] = {"role": "anna", "password": "secret", "host": "ep-a.test", "database": "shop"}
    return ConnectionParameters(**(given | changes))  # type: ignore[arg-type]


@given(PARAMETERS)
def test_what_is_written_is_read_back(written: ConnectionParameters) -> None:
    assert ConnectionParameters.from_url(written.url()) == written


@given(PARAMETERS)
def test_libpq_reads_the_same(written: ConnectionParameters) -> None:
    found = conninfo_to_dict(written.url())

    expected = {
        "user": written.role,
        "password": written.password,
        "host": written.host,
        "port": None if written.port is None else str(written.port),
        "dbname": written.database,
        **written.options,
    }
    assert found == {key: value for key, value in expected.items() if value is not None}


def test_url_in_full() -> None:
    options = MappingProxyType({"sslmode": "require", "hostaddr": "127.0.0.1"})

    url = parameters(port=55432, options=options).url()
    assert url == "postgresql://anna:secret@ep-a.test:55432/shop?sslmode=require&hostaddr=127.0.0.1"


@pytest.mark.parametrize(
    ("password", "written"),
    [
        (None, "anna@"),
        ("", "anna:@"),
        ("a b", "anna:a%20b@"),
        ("@:/?#%", "anna:%40%3A%2F%3F%23%25@"),
        ("it's", "anna:it%27s@"),
        ("☃", "anna:%E2%98%83@"),
    ],
)
def test_password_is_percent_encoded(password: str | None, written: str) -> None:
    made = parameters(password=password)

    assert made.url() == f"postgresql://{written}ep-a.test/shop"
    assert ConnectionParameters.from_url(made.url()).password == password


def test_redacted_hides_the_password_alone() -> None:
    assert parameters().redacted() == "postgresql://anna:****@ep-a.test/shop"
    assert parameters(password=None).redacted() == "postgresql://anna@ep-a.test/shop"


def test_representation_hides_the_password() -> None:
    assert "secret" not in repr(parameters())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "secret",
        "secret@host/db",
        "mysql://anna:secret@host/db",
        "postgresql://host/secret",
        "postgresql://anna:secret@/db",
        "postgresql://:secret@host/db",
        "postgresql://anna:secret@host:x/db",
        "postgresql://anna:pass@host:secret#/db",
        "postgresql://anna:secret@host:65536/db",
        "postgresql://anna:secret@[host/db",
        "postgresql://anna:secret℀@host/db",
    ],
)
def test_other_urls_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="expected postgresql://") as caught:
        ConnectionParameters.from_url(url)

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.text())
def test_noise_is_parameters_or_a_value_error(text: str) -> None:
    try:
        found = ConnectionParameters.from_url(f"postgresql://{text}")
    except ValueError:
        return

    assert found.role
    assert found.host


def test_pg_variables_are_those_of_libpq() -> None:
    options = MappingProxyType({"sslmode": "require", "hostaddr": "::1", "application_name": "dormouse"})

    assert parameters(port=55432, options=options).pg_variables() == {
        "PGHOST": "ep-a.test",
        "PGPORT": "55432",
        "PGUSER": "anna",
        "PGPASSWORD": "secret",
        "PGDATABASE": "shop",
        "PGSSLMODE": "require",
        "PGHOSTADDR": "::1",
    }


def test_pg_variables_without_port_and_password() -> None:
    variables = parameters(password=None).pg_variables()

    assert variables["PGPORT"] == "5432"
    assert "PGPASSWORD" not in variables


def test_an_empty_option_stays() -> None:
    made = parameters(options=MappingProxyType({"options": ""}))

    assert ConnectionParameters.from_url(made.url()) == made


def test_verified_names_who_vouches() -> None:
    made = parameters(options=MappingProxyType({"sslmode": "require", "hostaddr": "::1"})).verified("/ca.pem")

    assert made.options == {"sslmode": "verify-full", "hostaddr": "::1", "sslrootcert": "/ca.pem"}


def test_without_hostaddr_the_compute_is_in_the_options() -> None:
    made = parameters(options=MappingProxyType({"hostaddr": "127.0.0.1"})).without_hostaddr("ep-a")

    assert (made.host, dict(made.options)) == ("localhost", {"sslmode": "require", "options": "endpoint=ep-a"})
