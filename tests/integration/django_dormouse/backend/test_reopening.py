"""A connection that died while idle is replaced; one whose transaction had begun is not."""

import signal
import threading
import time
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, transaction
from django.db.backends.signals import connection_created
from django.db.transaction import TransactionManagementError

from fix_connections import wait_for_news


def ask(connection: Any, question: str = "SELECT pg_backend_pid()") -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def test_reopens_after_the_server_cut_an_idle_connection(primary, connect):
    connection = connect(primary.url())
    before = ask(connection)

    assert primary.cut_all() == 1

    assert ask(connection) != before


def test_reopens_after_a_restart_of_the_server(primary, connect):
    connection = connect(primary.url())
    ask(connection)

    primary.restart()

    assert ask(connection, "SELECT 1") == 1


def test_reopens_after_a_crash_of_the_server(primary, connect):
    connection = connect(primary.url())
    ask(connection)

    primary.restart(signal.SIGQUIT)

    assert ask(connection, "SELECT 1") == 1


def test_waits_for_a_server_that_is_still_down(primary, connect):
    connection = connect(primary.url())
    ask(connection)
    primary.stop()

    late = threading.Timer(0.7, primary.start)
    late.start()

    assert ask(connection, "SELECT 1") == 1
    late.join()


def test_reopens_at_the_first_statement_of_atomic_and_keeps_its_hooks(primary, connect):
    connection = connect(primary.url())
    ask(connection)
    committed = []

    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(True))
        primary.cut_all()
        ask(connection, "SELECT 1")
        assert connection.in_atomic_block
        assert not connection.get_autocommit()
        assert connection.connection.info.transaction_status.name == "INTRANS"
        assert not committed

    assert committed == [True]


def test_a_reopened_atomic_block_still_rolls_back(primary, connect):
    connection = connect(primary.url())
    ask(connection, "SELECT 1")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS rolled (n int)")

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        primary.cut_all()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO rolled VALUES (1)")
        raise ZeroDivisionError

    assert ask(connection, "SELECT count(*) FROM rolled") == 0


def test_reopens_at_a_nested_block_before_anything_was_sent(primary, connect):
    connection = connect(primary.url())
    ask(connection)

    with transaction.atomic():
        primary.cut_all()
        with transaction.atomic():
            assert ask(connection, "SELECT 1") == 1


def test_never_reopens_inside_a_begun_transaction(primary, connect):
    connection = connect(primary.url())

    with pytest.raises(DatabaseError), transaction.atomic():
        before = ask(connection)
        primary.cut_all()
        ask(connection)

    assert ask(connection) != before, "after the block the connection is usable again"


def test_stays_broken_until_the_block_ends_also_when_the_error_is_swallowed(primary, connect):
    connection = connect(primary.url())
    hooks = []

    with pytest.raises(DatabaseError), transaction.atomic():
        transaction.on_commit(lambda: hooks.append(True))
        ask(connection)
        primary.cut_all()
        for _ in range(2):
            with pytest.raises((DatabaseError, TransactionManagementError)):
                ask(connection)

    assert hooks == []
    assert ask(connection, "SELECT 1") == 1


def test_a_connection_that_broke_in_a_statement_is_replaced_at_the_next(primary, connect):
    connection = connect(primary.url())
    ask(connection)
    cutter = primary.cut_in("pg_sleep")
    with pytest.raises(OperationalError):
        ask(connection, "SELECT pg_sleep(10)")
    cutter.join()

    assert ask(connection, "SELECT 1") == 1


def test_a_connection_that_broke_in_a_statement_does_not_fail_the_next_atomic(primary, connect):
    connection = connect(primary.url())
    ask(connection)
    cutter = primary.cut_in("pg_sleep")
    with pytest.raises(OperationalError):
        ask(connection, "SELECT pg_sleep(10)")
    cutter.join()

    with transaction.atomic():
        assert ask(connection, "SELECT 1") == 1


def test_manual_transactions_are_reopened_before_they_begin(primary, connect):
    connection = connect(primary.url())
    connection.set_autocommit(False)
    primary.cut_all()

    assert ask(connection, "SELECT 1") == 1
    assert not connection.get_autocommit()
    connection.rollback()
    connection.set_autocommit(True)


def test_session_state_is_set_again(primary, connect):
    connection = connect(primary.url(), time_zone="Europe/Madrid")

    def on_created(sender: Any, connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path TO somewhere, public")

    connection_created.connect(on_created)
    try:
        ask(connection)
        with transaction.atomic():
            primary.cut_all()
            assert ask(connection, "SHOW timezone") == "Europe/Madrid"
            assert ask(connection, "SHOW search_path") == "somewhere, public"
            transaction.set_rollback(True)
        assert ask(connection, "SHOW search_path") == "somewhere, public"
    finally:
        connection_created.disconnect(on_created)


def test_a_notice_or_a_notification_is_not_death(primary, connect):
    connection = connect(primary.url())
    before = ask(connection)
    with connection.cursor() as cursor:
        cursor.execute("LISTEN bell")

    other = connect(primary.url(), alias="other")
    for _ in range(50):
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_notify('bell', repeat('x', 7000))")
    wait_for_news(connection)

    assert ask(connection) == before
    assert len(list(connection.connection.notifies(timeout=15, stop_after=50))) == 50


def test_a_live_connection_costs_no_round_trip(primary, connect):
    connection = connect(primary.url())
    ask(connection)
    sent_before = primary.execute(
        "SELECT query_start FROM pg_stat_activity WHERE application_name = '' AND datname = 'app'"
    )

    for _ in range(100):
        connection.reopen_if_dead()

    assert sent_before == primary.execute(
        "SELECT query_start FROM pg_stat_activity WHERE application_name = '' AND datname = 'app'"
    )


def test_gives_up_at_the_deadline_and_is_usable_later(primary, connect):
    connection = connect(primary.url(), connect_deadline=1.0)
    ask(connection)
    primary.stop()

    started = time.monotonic()
    with pytest.raises(OperationalError):
        ask(connection)
    assert 0.4 < time.monotonic() - started < 15

    primary.start()
    assert ask(connection, "SELECT 1") == 1


def test_a_failed_reopening_inside_atomic_leaves_a_usable_connection_behind(primary, connect):
    connection = connect(primary.url(), connect_deadline=0.3)
    ask(connection)
    with pytest.raises(OperationalError), transaction.atomic():
        primary.stop()
        ask(connection)

    primary.start()
    assert ask(connection, "SELECT 1") == 1
    with transaction.atomic():
        assert ask(connection, "SELECT 1") == 1


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_sees_through_tls_what_is_death_and_what_is_not(primary, tls, connect, version):
    """A TLS 1.3 server sends tickets after the handshake: readable, and no death."""
    connection = connect(primary.url(f"sslmode=require&ssl_min_protocol_version={version}"))
    before = ask(connection)
    assert connection.connection.pgconn.ssl_in_use
    assert ask(connection) == before

    primary.cut_all()

    assert ask(connection) != before
    with transaction.atomic():
        primary.cut_all()
        assert ask(connection, "SELECT 1") == 1


def test_the_assumed_role_and_the_time_zone_are_set_again(primary, connect):
    primary.execute("DO $$ BEGIN CREATE ROLE assumed; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    connection = connect(primary.url(), assume_role="assumed", time_zone="Asia/Tokyo")
    before = ask(connection)
    primary.cut_all()

    with transaction.atomic():
        assert ask(connection, "SELECT current_user") == "assumed"
        assert ask(connection, "SHOW timezone") == "Asia/Tokyo"
    assert ask(connection) != before


def test_a_server_side_cursor_of_a_lost_transaction_ends_and_a_new_one_works(primary, connect):
    connection = connect(primary.url())

    with pytest.raises(OperationalError), transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT generate_series(1, 1000)")
        assert len(cursor.fetchmany(10)) == 10
        primary.cut_all()
        cursor.fetchmany(10)

    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT generate_series(1, 1000)")
        assert len(cursor.fetchall()) == 1000
