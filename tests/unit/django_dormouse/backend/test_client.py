"""What psql is told."""

from django_dormouse import databases
from django_dormouse.backend.client import DatabaseClient, lacks_tls


def test_all_that_libpq_reads_from_its_environment_is_passed_on():
    url = "postgresql://u:p@ep-a-1.no-such.dormouse.localhost:2/d?channel_binding=require&options=-c%20a%3Db"

    arguments, environment = DatabaseClient.settings_to_cmd_args_env(
        databases({"DATABASE_URL": url})["default"], ["-x"]
    )

    assert arguments == ["psql", "-U", "u", "-h", "ep-a-1.no-such.dormouse.localhost", "-p", "2", "-x", "d"]
    assert environment == {
        "PGPASSWORD": "p",
        "PGSSLMODE": "require",
        "PGHOSTADDR": "127.0.0.1",
        "PGCHANNELBINDING": "require",
        "PGOPTIONS": "-c a=b",
    }


def test_an_address_in_the_environment_is_overruled():
    settings = databases({"DATABASE_URL": "postgresql://u@/d?host=/tmp", "PGHOSTADDR": "192.0.2.1"})["default"]

    assert DatabaseClient.settings_to_cmd_args_env(settings, [])[1] == {"PGHOSTADDR": ""}


def test_a_libpq_without_tls_says_so():
    assert lacks_tls('psql: error: sslmode value "require" invalid when SSL support is not compiled in\n')
    assert not lacks_tls('psql: error: connection to server on socket "/nonexistent/.s.PGSQL.5432" failed: …')
