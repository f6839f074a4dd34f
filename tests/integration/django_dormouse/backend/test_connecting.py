"""Connecting: errors that pass are waited for, others are told at once."""

import logging
import socket
import threading
import time

import pytest
from django.db import OperationalError

from fix_connections import wait_for_news


def one(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone()[0]


def test_waits_for_a_server_that_starts(primary, connect, caplog):
    caplog.set_level(logging.INFO, "django_dormouse.backend")
    primary.stop()
    late = threading.Timer(0.5, primary.start)
    late.start()

    assert one(connect(primary.url())) == 1
    late.join()

    retries = [record for record in caplog.records if record.action == "connect_retry"]
    assert retries
    assert retries[0].alias == "default"
    assert "refused" in retries[0].reason


@pytest.mark.parametrize(
    "message",
    [
        b"Couldn't connect to compute node",
        b"remaining connection slots are reserved for roles with the SUPERUSER attribute",
        b"the database system is starting up",
        b"Control plane request failed",
    ],
)
def test_waits_out_what_a_proxy_says_without_a_code_of_its_own(relay, connect, message):
    relay.refusals = [message, message]

    assert one(connect(relay.url())) == 1
    assert relay.accepted == 3


@pytest.mark.parametrize(
    ("message", "tries"),
    [
        (b"password authentication failed for user 'owner'", 1),
        (b"The endpoint has been disabled. Enable it using the API and retry.", 1),
        (b"Your account or project has exceeded the compute time quota.", 1),
        (b"Control plane request failed", 3),
    ],
)
def test_tells_at_once_what_does_not_pass(relay, connect, message, tries):
    relay.refusals = [message] * 10

    with pytest.raises(OperationalError, match=message.decode().rstrip(".")):
        one(connect(relay.url()))
    assert relay.accepted == tries


@pytest.mark.parametrize(
    ("user", "database", "says"),
    [
        ("guarded", "app", "password authentication failed"),
        ("nobody", "app", "not exist"),
        ("owner", "no", "not exist"),
    ],
)
def test_what_postgres_refuses_is_told_at_once(primary, connect, caplog, user, database, says):
    caplog.set_level(logging.INFO, "django_dormouse.backend")

    with pytest.raises(OperationalError, match=says) as caught:
        one(connect(f"postgresql://{user}:wr0ng-one@127.0.0.1:{primary.port}/{database}"))

    assert [record.action for record in caplog.records] == []
    assert "wr0ng-one" not in str(caught.value)
    assert "\nHint: " in str(caught.value)


def test_a_server_that_says_nothing_is_left_at_the_deadline(connect):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgresql://owner@127.0.0.1:{deaf.getsockname()[1]}/app"
        started = time.monotonic()

        with pytest.raises(OperationalError, match="timeout"):
            one(connect(url, connect_deadline=2.0))

    assert 1.5 < time.monotonic() - started < 15


def test_a_shorter_timeout_of_the_user_holds_for_each_try(connect):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgresql://owner@127.0.0.1:{deaf.getsockname()[1]}/app?connect_timeout=2"
        started = time.monotonic()

        with pytest.raises(OperationalError):
            one(connect(url, connect_deadline=3.0))

    assert 2.0 < time.monotonic() - started < 15


def test_one_deadline_holds_for_all_addresses(primary, connect):
    """Two hosts that say nothing before one that answers: each gets its share."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as other:
        ports = f"{first.getsockname()[1]},{other.getsockname()[1]},{primary.port}"
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports.split(","))
        started = time.monotonic()

        assert one(connect(f"postgresql://owner@{hosts}/app", connect_deadline=6.0)) == 1

    assert time.monotonic() - started > 3.5


def test_the_last_word_is_heard_before_the_end_arrives(primary, relay, connect):
    """The trap of a single read: a FATAL is there, the end of the stream is not yet."""
    relay.passes_on_the_end = False
    connection = connect(relay.url())
    assert one(connection) == 1

    primary.cut_all()
    wait_for_news(connection)

    assert one(connection) == 1
    assert relay.accepted == 2


def test_the_end_without_a_last_word_is_noticed(relay, connect):
    connection = connect(relay.url())
    assert one(connection) == 1

    relay.hang_up()
    wait_for_news(connection)

    assert one(connection) == 1
    assert relay.accepted == 2
