"""Who is let in, and that nobody else wakes a compute."""

import logging
from typing import Any

import psycopg
import pytest

from dormouse.errors import RequestError, StartFailed
from dormouse.wire.scram import check_password, parse_verifier

from .conftest import DISABLED, ENDPOINT, PASSWORD, ROLE, Postgres, Proxy, SmallDirectory


def refusal(proxy: Proxy, endpoint: str | None = ENDPOINT, **parameters: Any) -> str:
    """What the client is told."""
    with pytest.raises(psycopg.OperationalError) as caught:
        proxy.connect(endpoint, **parameters)
    return str(caught.value)


CLEARTEXT = {"host": "127.0.0.1", "channel_binding": "disable"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"password": "wrong"},
        {"password": "wrong", "channel_binding": "disable"},
        {"user": "stranger"},
        CLEARTEXT | {"password": f"endpoint={ENDPOINT};wrong"},
        CLEARTEXT | {"password": f"endpoint={ENDPOINT};{PASSWORD}", "user": "stranger"},
    ],
)
def test_a_wrong_password_and_an_unknown_role_are_the_same_and_wake_nothing(
    proxy: Proxy, directory: SmallDirectory, parameters: dict[str, Any]
) -> None:
    said = refusal(proxy, **parameters)

    user = parameters.get("user", ROLE)
    assert f"FATAL:  password authentication failed for user '{user}'" in said
    assert directory.locate_calls == []


def test_a_right_password_wakes_once(proxy: Proxy, directory: SmallDirectory) -> None:
    proxy.connect().close()

    assert directory.locate_calls == [(ENDPOINT, ROLE, False)]


def test_a_pooler_host_asks_for_the_pooler(proxy: Proxy, directory: SmallDirectory) -> None:
    proxy.connect(f"{ENDPOINT}-pooler").close()

    assert directory.locate_calls == [(ENDPOINT, ROLE, True)]


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("ep-nowhere", "FATAL:  The requested endpoint could not be found, or you don't have access to it."),
        (DISABLED, "FATAL:  The endpoint has been disabled. Enable it using the API and retry."),
    ],
)
def test_an_endpoint_that_is_not_to_be_had(proxy: Proxy, endpoint: str, text: str) -> None:
    assert text in refusal(proxy, endpoint)


def test_the_profile_neon_says_error(start: Any) -> None:
    proxy = start(errors="neon")

    assert "ERROR:  password authentication failed" in refusal(proxy, password="wrong")
    assert 'ERROR:  database "missing" does not exist' in refusal(proxy, dbname="missing")


def test_a_missing_database_is_told_in_postgres_words(proxy: Proxy) -> None:
    assert 'FATAL:  database "missing" does not exist' in refusal(proxy, dbname="missing")


def test_a_compute_that_does_not_start(proxy: Proxy, directory: SmallDirectory) -> None:
    def fail() -> None:
        raise StartFailed("the disk is full", log_tail="SECRET LOG")

    directory.before_locate = fail

    said = refusal(proxy)

    assert "FATAL:  Couldn't connect to compute node\nDETAIL:  the disk is full" in said
    assert "SECRET" not in said


def test_a_password_that_was_changed_in_between(proxy: Proxy, directory: SmallDirectory) -> None:
    def fail() -> None:
        raise RequestError("the verifier has changed")

    directory.before_locate = fail

    assert "password authentication failed" in refusal(proxy)


def test_a_fault_of_the_directory_is_logged_and_not_told(
    proxy: Proxy, directory: SmallDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("INTERNAL")

    directory.before_locate = fail

    said = refusal(proxy)

    assert "Control plane request failed" in said
    assert "INTERNAL" not in said
    assert "An errand failed" in caplog.messages


@pytest.mark.parametrize(
    "password",
    [
        "pencil",
        "a b;c$d'e\"f\\g",
        "\N{SNOWMAN}",
        "I\u00adX",
        "\u2168",
        "\u00aa\u00a0",
        "\u06271",
        "\u2168\u0221",
        "\u0627\u0628",
    ],
)
def test_odd_passwords_mean_the_same_to_postgres_to_libpq_and_to_us(
    proxy: Proxy, postgres: Postgres, directory: SmallDirectory, password: str
) -> None:
    with postgres.connect() as admin:
        admin.execute(psycopg.sql.SQL("ALTER ROLE simple PASSWORD {}").format(password))
        row = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'simple'").fetchone()
    assert row is not None
    directory.verifiers["simple"] = row[0]

    assert check_password(parse_verifier(row[0]), password)
    with proxy.connect(user="simple", password=password) as connection:
        assert connection.execute("select current_user").fetchone() == ("simple",)


def test_a_guesser_is_slowed_and_the_owner_is_not(proxy: Proxy) -> None:
    import time

    for _ in range(5):
        refusal(proxy, password="wrong")
    began = time.monotonic()
    refusal(proxy, password="wrong")
    slow = time.monotonic() - began
    proxy.connect().close()

    assert slow > 0.19
    assert len(proxy.listener.penalties._failures) == 0


def test_no_secret_is_logged(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="dormouse.proxy")

    refusal(proxy, password="geheim")
    refusal(proxy, **CLEARTEXT, password=f"endpoint={ENDPOINT};geheim")
    proxy.connect().close()
    proxy.stop()

    actions = [record.__dict__.get("action") for record in caplog.records if record.name == "dormouse.proxy"]
    assert actions == [
        "connection_refused", "connection_refused", "session_begins", "session_ended", "proxy_stopped",
    ]  # fmt: skip
    everything = "\n".join(str(record.__dict__) for record in caplog.records)
    assert "geheim" not in everything
    assert PASSWORD not in everything
