"""Replicas that fail, lag, sleep, or do not have it yet: no page fails, and nobody is shown older data than
before."""

from typing import Any

import psycopg
import pytest
from tests.integration.django_dormouse.conftest import wait_for_replay


def pages(count: int) -> Any:
    import logging

    from django.test import Client

    told = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.action)  # type: ignore[attr-defined,method-assign]
    logging.getLogger("django_dormouse.replicas").addHandler(handler)
    return {"from": sorted({Client().get("/only_looks/").json()["from"] for _ in range(count)}), "told": told}


def test_who_has_waited_for_one_replica_in_vain_waits_for_no_other(project):
    """So failing over costs one deadline, however many replicas answer nothing."""
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        url = f"postgresql://owner@127.0.0.1:{deaf.getsockname()[1]}/app"
        found = project.with_environment(DATABASE_REPLICA_URL=" ".join([url] * 3)).run(pages, 1)

    assert found == {"from": ["default"], "told": ["replica_left_out"]}


def test_all_gone_is_told_once(project, standby):
    standby.stop()
    found = project.run(pages, 20)

    assert found == {"from": ["default"], "told": ["replica_left_out", "no_replica"]}


def a_replica_that_is_left_out() -> Any:
    import time
    from dataclasses import replace

    from django.test import Client

    from django_dormouse.replicas import health as module
    from django_dormouse.replicas import replica_metrics
    from django_dormouse.replicas.watching import leave_out

    def page() -> str:
        return str(Client().get("/read/").json()["from"])

    seen = [page()]
    # So that its time is over when the test says so.
    module._FIRST_S = module._LONGEST_S = 3600.0
    leave_out("replica", "for the test")
    [metric] = replica_metrics()
    seen += [metric.why_left_out, page()]
    records = module.health._records
    records["replica"] = replace(records["replica"], left_out_until=0.0)
    deadline = time.monotonic() + 60
    while page() != "replica":
        assert time.monotonic() < deadline, "never used again"
        time.sleep(0.05)
    return seen


def test_one_that_is_left_out_is_tried_again_and_used(project):
    assert project.run(a_replica_that_is_left_out) == ["replica", "for the test", "default"]


# Reads that fail there


def a_recovery_conflict() -> Any:
    import threading
    import time

    from django.db import connections, models

    from django_dormouse.replicas import at_least, read_counts

    class Slow(models.Model):
        title = models.CharField(max_length=50)

        class Meta:
            managed = False
            app_label = "library"

    def conflict() -> None:
        with connections["replica"].cursor() as replica, connections["default"].cursor() as primary:
            deadline = time.monotonic() + 60
            while True:
                replica.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%library_slow%' AND "
                    "wait_event = 'PgSleep'"
                )
                if replica.fetchone()[0]:
                    break
                assert time.monotonic() < deadline
                time.sleep(0.01)
            primary.execute("BEGIN")
            primary.execute("LOCK TABLE library_note IN ACCESS EXCLUSIVE MODE")
            primary.execute("COMMIT")
        connections.close_all()

    thread = threading.Thread(target=conflict)
    thread.start()
    with at_least():
        titles = [slow.title for slow in Slow.objects.all()]
        then = Slow.objects.all().db
    thread.join()
    return {
        "titles": titles,
        "then": then,
        "counts": sorted([count.alias, count.reason.name] for count in read_counts()),
    }


def test_a_read_that_replay_had_to_cancel_is_repeated(project, primary, standby):
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        connection.execute("INSERT INTO library_note (title) VALUES ('a')")
        connection.execute(
            "CREATE VIEW library_slow AS SELECT id, title FROM library_note "
            "WHERE NOT pg_is_in_recovery() OR pg_sleep(60)::text IS NOT NULL"
        )
    standby.execute("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    standby.execute("SELECT pg_reload_conf()")
    wait_for_replay(primary, standby)

    try:
        seen = project.run(a_recovery_conflict)
    finally:
        standby.execute("ALTER SYSTEM RESET max_standby_streaming_delay")
        standby.execute("SELECT pg_reload_conf()")
        with psycopg.connect(primary.url(), autocommit=True) as connection:
            connection.execute("DROP VIEW library_slow")

    assert seen == {
        "titles": ["a"],
        "then": "default",
        "counts": [["default", "FAILED"], ["replica", "REPLICA"]],
    }


def a_table_that_is_not_there_yet() -> Any:
    from django.db import ProgrammingError, connection, models

    from django_dormouse.replicas import at_least

    class New(models.Model):
        class Meta:
            managed = False
            app_label = "library"

    class Nowhere(models.Model):
        class Meta:
            managed = False
            app_label = "library"

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE library_new (id bigint)")
    try:
        with at_least():
            from django_dormouse.replicas import context

            # As somebody else, who knows nothing of the migration.
            context.begin(context.Unit())
            seen = [New.objects.count(), len(New.objects.all())]
        context.begin(context.Unit())
        try:
            Nowhere.objects.count()
        except ProgrammingError:
            seen.append("no such table")
    finally:
        context.end()
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE library_new")
    return seen


def test_a_table_that_the_replica_does_not_have_yet(project, standby):
    standby.execute("SELECT pg_wal_replay_pause()")

    assert project.run(a_table_that_is_not_there_yet) == [0, 0, "no such table"]


def links_to_something_new() -> Any:
    from django.test import Client
    from library.models import Note, Shelf

    note = Note.objects.create(title="new", shelf=Shelf.objects.create(name="new too"))
    old = Client().get("/note/404404/")
    page = Client().get(f"/note/{note.pk}/")
    return {
        "status": [old.status_code, page.status_code],
        "page": page.json() if page.status_code == 200 else None,
        "remembers": "dormouse_position" in page.cookies,
        "a list": Client().get("/read/").json()["titles"],
    }


def test_an_object_that_is_too_new_for_the_replica_is_found_by_its_key(project, standby):
    standby.execute("SELECT pg_wal_replay_pause()")

    assert project.run(links_to_something_new) == {
        "status": [404, 200],
        # Its shelf is as new, and is read where it was found.
        "page": {"title": "new", "shelf": "new too", "then": "default"},
        "remembers": True,
        "a list": [],
    }


def test_a_missing_object_may_be_believed_at_once(project, standby):
    standby.execute("SELECT pg_wal_replay_pause()")

    seen = project.run(links_to_something_new, settings={"DORMOUSE": {"LOOK_AGAIN": False}})

    assert seen["status"] == [404, 404]


# Lag


def pages_of_one_that_lags(statement: str) -> Any:
    import time

    from django.db import connections
    from django.test import Client

    from django_dormouse.replicas import replica_metrics

    def until(expected: str) -> None:
        deadline = time.monotonic() + 60
        while Client().get("/only_looks/").json()["from"] != expected:
            assert time.monotonic() < deadline, f"never {expected}"
            time.sleep(0.02)

    until("replica")
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)
    until("default")
    [metric] = replica_metrics()
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_resume()")
    until("replica")
    return [metric.is_in_use, metric.lag_bytes > 0, metric.lag_s > 0]


@pytest.mark.parametrize(
    ("limits", "statement"),
    [
        (
            {"MAX_LAG_BYTES": 500_000},
            "INSERT INTO library_label (name) SELECT 'l' || n FROM generate_series(1, 10000) AS n",
        ),
        ({"MAX_LAG_S": 0.5}, "INSERT INTO library_note (title) VALUES ('a')"),
    ],
)
def test_one_that_is_too_far_behind_is_left_out_until_it_is_not(project, limits, statement):
    seen = project.run(pages_of_one_that_lags, statement, settings={"DORMOUSE": {"LAG_CHECK_S": 0.1, **limits}})

    assert seen == [False, True, True]


# Never back


def who_has_seen_more() -> Any:
    from django.db import connections
    from django.test import Client
    from library.models import Note

    from django_dormouse.replicas import health
    from django_dormouse.replicas.watching import leave_out

    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    Note.objects.using("default").create(title="a")

    def read(client: Client) -> Any:
        return [
            len(client.get("/read/").json()["titles"]),
            client.cookies["dormouse_position"].value.split(":")[0],
        ]

    # Two users come, and each goes to a replica of its own.
    one, other = sorted((Client(), Client()), key=lambda client: -read(client)[0])
    seen = {"each": [read(one), read(other)], "again": [read(one), read(other)]}
    health._FIRST_S = health._LONGEST_S = 3600.0
    leave_out("replica2", "for the test")
    seen["its replica is gone"] = len(one.get("/read/").json()["titles"])
    seen["remembers"] = one.cookies["dormouse_position"].value[:3]
    return seen


def test_a_user_of_two_replicas_is_not_sent_to_the_older_one(project, primary, standby):
    """The second "replica" is the primary itself under another name, and so never behind."""
    urls = f"{standby.url()} {primary.url()}"

    seen = project.with_environment(DATABASE_REPLICA_URL=urls).run(who_has_seen_more)

    assert seen == {
        "each": [[1, "@replica2"], [0, "@replica"]],
        "again": [[1, "@replica2"], [0, "@replica"]],
        "its replica is gone": 1,
        # Where the primary stood.
        "remembers": "012",
    }


def who_has_seen_the_primary() -> Any:
    from django.db import connections
    from django.test import Client
    from library.models import Note

    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    Note.objects.using("default").create(title="a")
    client = Client()
    seen = [len(client.get("/read/").json()["titles"])]
    client.get("/in_atomic/")
    seen.append(len(client.get("/read/").json()["titles"]))
    return seen


@pytest.mark.parametrize(("monotonic", "titles"), [(True, [0, 1]), (False, [0, 0])])
def test_a_user_who_has_read_from_the_primary_is_shown_nothing_older(project, monotonic, titles):
    seen = project.run(who_has_seen_the_primary, settings={"DORMOUSE": {"MONOTONIC": monotonic}})

    assert seen == titles


# Sleep


@pytest.fixture
def endpoint(project, standby, relay):
    """The project, with its replica behind a name of those that can sleep."""
    relay.server = standby
    url = f"postgresql://owner@ep-old-tree-123456.dormouse.localhost:{relay.port}/app?hostaddr=127.0.0.1"
    return project.with_environment(DATABASE_REPLICA_URL=f"{url}&sslmode=disable")


def pages_of_one_that_sleeps(is_woken: bool) -> Any:
    import time

    from django.test import Client
    from library.models import Note

    from django_dormouse.replicas import using_replica

    def page() -> str:
        return str(Client().get("/only_looks/").json()["from"])

    seen = [page()]
    deadline = time.monotonic() + 60
    while is_woken and page() != "replica":
        assert time.monotonic() < deadline, "never woken"
        time.sleep(0.02)
    seen.append(page())
    with using_replica():
        Note.objects.count()
    return [*seen, page()]


@pytest.mark.parametrize(
    ("waking", "is_woken", "expected"),
    [
        ("at-once", True, ["replica", "replica", "replica"]),
        ("background", True, ["default", "replica", "replica"]),
        ("never", False, ["default", "default", "replica"]),
    ],
)
def test_a_replica_that_sleeps(endpoint, waking, is_woken, expected):
    settings = {"DORMOUSE": {"WAKE_REPLICAS": waking}}

    assert endpoint.run(pages_of_one_that_sleeps, is_woken, settings=settings) == expected


# Weights


def replicas_of_pages(count: int) -> Any:
    from django.test import Client

    return [Client().get("/only_looks/").json()["from"] for _ in range(count)]


def test_weights(project, standby):
    urls = f"{standby.url('weight=3')} {standby.url('weight=1')}"

    pages = project.with_environment(DATABASE_REPLICA_URL=urls).run(replicas_of_pages, 8)

    assert sorted(pages) == ["replica"] * 6 + ["replica2"] * 2
