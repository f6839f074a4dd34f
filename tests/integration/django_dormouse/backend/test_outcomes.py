"""What is known of a write, or a read, whose connection died under way: a relay cuts at the chosen statement."""

import contextlib
import signal
from collections.abc import Iterator

import psycopg
import pytest
from django.db import InternalError, OperationalError, models, transaction
from django.db.models import Func, Value
from fix_platform import wait_until

from django_dormouse.errors import (
    CommitOutcomeUnknown,
    IdleInTransactionTimeout,
    ReadOnlyServer,
    TransactionLost,
)
from django_dormouse.transactions import meaning_of, retry_transaction, transaction_status
from fix_connections import wait_for_news


@pytest.fixture(autouse=True)
def table(primary) -> Iterator[None]:
    for statement in ("CREATE TABLE outcome (n int PRIMARY KEY)", "DROP TABLE outcome"):
        # Not kept open: tests end every session.
        with psycopg.connect(primary.url(), autocommit=True) as admin:
            admin.execute("SET lock_timeout = '5s'")
            admin.execute(statement)
        if statement.startswith("CREATE"):
            yield


def insert(connection, number):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO outcome VALUES (%s)", [number])


def numbers(primary):
    with psycopg.connect(primary.url(), autocommit=True) as admin:
        return [number for (number,) in admin.execute("SELECT n FROM outcome ORDER BY n")]


def test_a_commit_without_its_answer_tells_the_transaction(primary, relay, connect):
    connection = connect(relay.url())

    with pytest.raises(CommitOutcomeUnknown, match="may have been applied or not") as caught, transaction.atomic():
        insert(connection, 1)
        relay.cut_after = b"COMMIT"

    assert numbers(primary) == [1]
    assert caught.value.transaction_id is not None
    assert transaction_status(caught.value.transaction_id) == "committed"


def test_a_commit_that_never_arrived_was_undone(primary, relay, connect):
    connection = connect(relay.url())

    with pytest.raises(CommitOutcomeUnknown) as caught, transaction.atomic():
        insert(connection, 1)
        relay.cut_at = b"COMMIT"

    known = caught.value.transaction_id
    assert known is not None
    wait_until(lambda: transaction_status(known) != "in progress", "the server notices")
    assert transaction_status(known) == "aborted"
    assert numbers(primary) == []


def test_each_transaction_has_its_own_id(primary, connect):
    connection = connect(primary.url())
    seen = []
    for number in range(2):
        with transaction.atomic():
            insert(connection, number)
            seen.append(connection.transaction_id)
            with transaction.atomic():
                insert(connection, number + 10)
            assert connection.transaction_id == seen[-1]
        assert connection.transaction_id is None

    assert len(set(seen)) == 2
    assert [transaction_status(known) for known in seen] == ["committed", "committed"]
    with pytest.raises(ValueError, match="no id"):
        transaction_status("none")


def test_a_number_that_went_to_another_transaction_says_nothing(primary, connect):
    """What a crash loses is written nowhere, and so is its number: the next transaction gets it."""
    connection, lost = connect(primary.url()), []
    for _ in range(5):
        with contextlib.suppress(OperationalError), transaction.atomic():
            insert(connection, 1000 + len(lost))
            lost.append(connection.transaction_id)
            primary.restart(signal.SIGKILL)
        connection.close()
        # More of them than were lost: one has the number.
        for number in numbers(primary)[-1:] or [0]:
            for more in range(3):
                insert(connection, number + 1 + more)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_xact_status(n::xid8) FROM unnest(%s::text[]) n", [[each.partition("@")[0] for each in lost]]
        )
        assert ("committed",) in cursor.fetchall(), "no number was given twice"

    assert {transaction_status(each) for each in lost} <= {"aborted", None}


@pytest.mark.parametrize(
    ("status", "has_crashed", "meaning"),
    [
        ("committed", False, "committed"),
        ("committed", True, None),
        ("aborted", False, "aborted"),
        ("aborted", True, "aborted"),
        ("in progress", False, "in progress"),
        ("in progress", True, "aborted"),
        (None, False, None),
        (None, True, None),
    ],
)
def test_what_the_servers_word_means(status, has_crashed, meaning):
    assert meaning_of(status, has_crashed=has_crashed) == meaning


def test_asking_for_the_id_costs_no_round_trip(primary, relay, connect):
    connection = connect(relay.url())
    insert(connection, 1)
    relay.sent.clear()

    with transaction.atomic():
        insert(connection, 2)
        assert connection.transaction_id is not None

    # BEGIN, the write with its question, COMMIT: as many as with Django's own backend.
    assert len(relay.sent) == 3, relay.sent


def test_an_error_of_the_first_write_is_the_writes_own(primary, connect):
    connection = connect(primary.url())
    insert(connection, 1)

    from django.db import IntegrityError

    with pytest.raises(IntegrityError, match="duplicate key"), transaction.atomic():
        insert(connection, 1)

    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            insert(connection, 1)
        insert(connection, 2)
    assert numbers(primary) == [1, 2]


def test_a_write_outside_of_transactions_whose_answer_is_lost_is_told_and_not_repeated(primary, relay, connect):
    connection = connect(relay.url())
    insert(connection, 1)
    relay.cut_after = b"INSERT"

    with pytest.raises(CommitOutcomeUnknown) as caught:
        insert(connection, 2)

    assert caught.value.transaction_id is None
    assert numbers(primary) == [1, 2]
    assert relay.accepted == 1, "nothing was sent again"
    insert(connection, 3)


def test_a_connection_lost_before_commit_is_a_transaction_undone(primary, connect):
    connection = connect(primary.url())

    with pytest.raises(TransactionLost, match="nothing of the transaction was kept"), transaction.atomic():
        insert(connection, 1)
        primary.cut_all()

    with pytest.raises(TransactionLost), transaction.atomic():
        insert(connection, 1)
        primary.cut_all()
        insert(connection, 2)

    insert(connection, 3)
    assert numbers(primary) == [3]


class Outcome(models.Model):
    n = models.IntegerField(primary_key=True)

    class Meta:
        app_label = "outcomes"
        db_table = "outcome"
        managed = False


@pytest.mark.parametrize("cut", ["cut_at", "cut_after"])
def test_a_plain_read_of_the_orm_is_sent_once_more(primary, relay, connect, cut):
    connection = connect(relay.url())
    insert(connection, 1)

    setattr(relay, cut, b"SELECT")
    assert list(Outcome.objects.values_list("n", flat=True)) == [1]
    setattr(relay, cut, b"SELECT")
    assert Outcome.objects.count() == 1
    setattr(relay, cut, b"SELECT")
    assert Outcome.objects.filter(n__in=Outcome.objects.filter(n__gt=0)).exists()
    setattr(relay, cut, b"SELECT")
    assert Outcome.objects.aggregate(most=models.Max("n")) == {"most": 1}
    assert relay.accepted == 5


def test_a_read_is_sent_once_more_and_not_twice(primary, relay, connect):
    connection = connect(relay.url())
    insert(connection, 1)
    relay.sent.clear()
    passes = relay._passes

    def never(data, client, server):
        if b"COUNT" in data:
            relay.cut_at = b"COUNT"
        return passes(data, client, server)

    relay._passes = never
    with pytest.raises(OperationalError):
        Outcome.objects.count()
    assert sum(b"COUNT" in data for data in relay.sent) == 2


@pytest.mark.parametrize(
    "read",
    [
        lambda: list(Outcome.objects.annotate(x=Func(Value(1), function="pg_sleep"))),
        lambda: list(Outcome.objects.extra(select={"x": "1"})),
        lambda: list(Outcome.objects.raw("SELECT n FROM outcome")),
    ],
)
def test_what_may_do_more_than_read_is_not_sent_again(primary, relay, connect, read):
    connection = connect(relay.url())
    insert(connection, 1)
    relay.cut_after = b"SELECT"

    with pytest.raises(OperationalError):
        read()
    assert relay.accepted == 1


def test_a_read_inside_a_transaction_is_not_sent_again(primary, relay, connect):
    connection = connect(relay.url())

    with pytest.raises(TransactionLost), transaction.atomic():
        insert(connection, 1)
        relay.cut_at = b"SELECT"
        Outcome.objects.count()
    assert Outcome.objects.count() == 0


def test_a_read_that_was_cancelled_is_no_lost_connection(primary, connect):
    connection = connect(primary.url("options=-cstatement_timeout%3D500"))

    with pytest.raises(OperationalError, match="statement timeout") as caught, connection.cursor() as cursor:
        cursor.execute("UPDATE outcome SET n = 1 FROM pg_sleep(60)")
    assert type(caught.value) is OperationalError


def test_a_write_to_a_standby_is_called_what_it_is(standby, connect):
    connection = connect(standby.url())

    with pytest.raises(ReadOnlyServer, match="only reads") as caught, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE never (n int)")

    assert isinstance(caught.value, OperationalError)
    assert isinstance(caught.value, InternalError)


def test_an_idle_transaction_that_was_ended_is_called_what_it_is(primary, connect):
    connection = connect(primary.url("options=-cidle_in_transaction_session_timeout%3D50"))

    with pytest.raises(TransactionLost) as caught, transaction.atomic():
        insert(connection, 1)
        wait_for_news(connection)
        insert(connection, 2)

    assert isinstance(caught.value, IdleInTransactionTimeout)
    assert numbers(primary) == []


def test_a_lost_transaction_is_run_again(primary, connect):
    connection = connect(primary.url())
    tries, hooks = [], []

    @retry_transaction
    def work():
        tries.append(1)
        transaction.on_commit(lambda: hooks.append(1))
        insert(connection, len(tries))
        if len(tries) == 1:
            primary.cut_all()
        insert(connection, 10 + len(tries))
        return "done"

    assert work() == "done"
    assert numbers(primary) == [2, 12]
    assert hooks == [1]


def test_what_was_lost_just_before_its_commit_is_run_again(primary, connect):
    connection = connect(primary.url())
    tries = []

    @retry_transaction
    def work():
        tries.append(1)
        insert(connection, len(tries))
        if len(tries) == 1:
            primary.cut_all()
        return len(tries)

    assert work() == 2
    assert numbers(primary) == [2]


def a_lost_transaction_awaited():
    import asyncio

    from django.db import connection
    from library.models import Note

    from django_dormouse.errors import TransactionLost
    from django_dormouse.transactions import retry_transaction

    tries = []

    @retry_transaction
    def work(title):
        tries.append(connection.in_atomic_block)
        Note.objects.create(title=title)
        if len(tries) == 1:
            raise TransactionLost("as the backend would")
        return Note.objects.using("default").count()

    return [asyncio.run(work.acall("a")), tries]


def test_async_code_awaits_one_that_is_run_again(project):
    assert project.run(a_lost_transaction_awaited) == [1, [True, True]]


def test_a_lost_commit_is_run_again_only_if_it_was_undone(primary, relay, connect):
    connection = connect(relay.url())

    @retry_transaction
    def work(number):
        insert(connection, number)

    insert(connection, 0)
    relay.cut_after = b"COMMIT"
    with pytest.raises(CommitOutcomeUnknown):
        work(1)
    assert numbers(primary) == [0, 1]


def test_a_serialization_failure_is_run_again(primary, connect):
    one = connect(primary.url(), isolation_level="serializable")
    other = connect(primary.url(), alias="other", isolation_level="serializable")
    insert(one, 1)
    tries = []
    for attempt in retry_transaction():
        with attempt:
            tries.append(1)
            with one.cursor() as cursor:
                cursor.execute("SELECT n FROM outcome")
            if len(tries) == 1:
                with other.cursor() as cursor:
                    cursor.execute("UPDATE outcome SET n = n + 100")
            with one.cursor() as cursor:
                cursor.execute("UPDATE outcome SET n = n + 1")

    assert len(tries) == 2
    assert numbers(primary) == [102]


def test_gives_up_after_its_attempts(primary, connect):
    connection = connect(primary.url())
    tries = []

    @retry_transaction(attempts=2)
    def work():
        tries.append(1)
        insert(connection, 1)
        primary.cut_all()

    with pytest.raises(TransactionLost):
        work()
    assert len(tries) == 2


def test_an_error_of_the_code_is_not_run_again(primary, connect):
    connect(primary.url())
    tries = []

    @retry_transaction
    def work():
        tries.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert len(tries) == 1


def test_refuses_to_repeat_a_part_of_a_transaction(primary, connect):
    connect(primary.url())

    with pytest.raises(transaction.TransactionManagementError, match="outermost"), transaction.atomic():
        retry_transaction(lambda: None)()


def test_refuses_async_functions_and_offers_a_way():
    with pytest.raises(TypeError, match="acall"):

        @retry_transaction
        async def work():
            pass
