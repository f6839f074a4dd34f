"""Positions: taken with COMMIT, carried by cookies, headers and tasks, and believed by replicas alone."""

from typing import Any

import pytest

INCARNATION = "0123456789abcdef"

UNWATCHED = {"DORMOUSE": {"LAG_CHECK_S": 0}}
"""What is sent is counted, and the thread that looks after the replicas asks questions too."""


def writing_requests() -> Any:
    from django.test import Client

    from django_dormouse.replicas import tokens

    client = Client()
    client.get("/read/")
    client.post("/write_in_atomic/?title=a")
    first = tokens.unsign(client.cookies["dormouse_position"].value)
    client.post("/write_in_atomic/?title=b")
    second = tokens.unsign(client.cookies["dormouse_position"].value)
    on_commit = [tokens.unsign(told) for told in client.get("/told/").json()["positions"]]
    client.post("/write/?title=c")
    third = tokens.unsign(client.cookies["dormouse_position"].value)
    return {
        "incarnations": sorted({token.needs.incarnation for token in (first, second, third)}),
        "rises": first.needs.lsn < second.needs.lsn < third.needs.lsn,
        "known to hooks": on_commit == [first, second],
    }


def test_commit_and_position_are_one_round_trip(project, relay):
    seen = project.with_environment(DATABASE_URL=relay.url()).run(writing_requests, settings=UNWATCHED)

    assert seen == {"incarnations": [INCARNATION], "rises": True, "known to hooks": True}
    asked = [message for message in relay.sent if b"pg_current_wal" in message]
    assert [b"COMMIT" in message for message in asked] == [True, True, False]
    assert sum(b"COMMIT" in message for message in relay.sent) == 2


def reading_requests(count: int) -> Any:
    from django.test import Client

    client = Client()
    return [client.get("/read/").json()["from"] for _ in range(count)] + list(client.cookies)


def test_who_did_not_write_costs_the_primary_nothing(project, relay):
    seen = project.with_environment(DATABASE_URL=relay.url()).run(reading_requests, 3, settings=UNWATCHED)

    assert seen == ["replica"] * 3
    assert relay.accepted == 0


def an_asynchronous_commit() -> Any:
    from django.db import connection
    from django.test import Client

    from django_dormouse.replicas import tokens

    with connection.cursor() as cursor:
        # So that hardly anybody else flushes what this commit left unflushed.
        cursor.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        cursor.execute("SELECT pg_reload_conf()")
        cursor.execute("SELECT pg_sleep(0.3)")
        client = Client()

        def is_ahead_of_the_flush(query: str) -> bool:
            client.post(f"/write_in_atomic/?{query}")
            cursor.execute("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")
            needs = tokens.unsign(client.cookies["dormouse_position"].value).needs
            return needs.lsn > cursor.fetchone()[0]

        # A checkpoint, or the WAL writer's last turn, may come between commit and question; not twenty times.
        seen = [
            any(is_ahead_of_the_flush("title=a") for _ in range(20)),
            any(is_ahead_of_the_flush("title=b&asynchronously") for _ in range(20)),
        ]
        cursor.execute("ALTER SYSTEM RESET wal_writer_delay")
        cursor.execute("SELECT pg_reload_conf()")
    return seen


def test_a_commit_that_waits_for_no_flush_gets_a_position_that_is_not_flushed_yet(project):
    assert project.run(an_asynchronous_commit) == [False, True]


def what_ends_in_an_error() -> Any:
    import django.db
    from django.db import connection, transaction
    from library.models import Label, Note

    from django_dormouse.replicas import at_least, context

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_label DROP CONSTRAINT library_label_name_key")
        cursor.execute(
            "ALTER TABLE library_label ADD CONSTRAINT later UNIQUE (name) DEFERRABLE INITIALLY DEFERRED"
        )
    seen = {}
    with at_least():
        try:
            with transaction.atomic():
                Label.objects.create(name="x")
                Label.objects.create(name="x")
        except django.db.IntegrityError:
            seen["at COMMIT"] = [Label.objects.count(), context.current().position is None]
        try:
            with transaction.atomic():
                Note.objects.create(title="a")
                raise ZeroDivisionError
        except ZeroDivisionError:
            seen["rolled back"] = [Note.objects.count(), context.current().position is None]
        with transaction.atomic():
            Note.objects.create(title="b")
        seen["then"] = [Note.objects.count(), context.current().position is None]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_label DROP CONSTRAINT later")
        cursor.execute("ALTER TABLE library_label ADD CONSTRAINT library_label_name_key UNIQUE (name)")
    return seen


def test_what_fails_at_commit_fails_as_it_did(project):
    assert project.run(what_ends_in_an_error) == {
        "at COMMIT": [0, True],
        "rolled back": [0, True],
        "then": [1, False],
    }


def a_commit_whose_answer_is_lost() -> Any:
    from django.db import transaction
    from library.models import Note

    from django_dormouse.errors import CommitOutcomeUnknown
    from django_dormouse.replicas import at_least, position
    from django_dormouse.transactions import transaction_status

    with at_least():
        try:
            with transaction.atomic():
                Note.objects.create(title="a")
        except CommitOutcomeUnknown as error:
            seen = [transaction_status(error.transaction_id or "")]
        seen += [Note.objects.count(), position().startswith("0123")]
    return seen


def test_a_lost_answer_to_commit_and_question_is_an_unknown_outcome_and_the_position_is_asked_for(project, relay):
    relay.cut_after = b"COMMIT"

    seen = project.with_environment(DATABASE_URL=relay.url()).run(
        a_commit_whose_answer_is_lost, settings=UNWATCHED
    )

    assert seen == ["committed", 1, True]


def a_plain_postgres() -> Any:
    import time

    from django.db import connection
    from django.test import Client

    from django_dormouse.replicas import tokens

    def incarnation_after(path: str) -> str:
        client = Client()
        client.post(path)
        deadline = time.monotonic() + 60
        while client.get("/only_looks/").json()["from"] != "replica":
            assert time.monotonic() < deadline, "never caught up"
            time.sleep(0.01)
        return tokens.unsign(client.cookies["dormouse_position"].value).needs.incarnation

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_hex(system_identifier) FROM pg_control_system()")
        [identifier] = cursor.fetchone()
    seen = [
        incarnation_after(f"/{path}/?title=a").removeprefix(identifier) for path in ("write", "write_in_atomic")
    ]
    with connection.cursor() as cursor:
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
        cursor.execute("CREATE ROLE restricted LOGIN IN ROLE pg_read_all_data, pg_write_all_data")
        cursor.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO restricted")
    return seen


def incarnations_without_rights() -> Any:
    import time

    from django.test import Client

    from django_dormouse.replicas import tokens

    seen = []
    for path in ("write_in_atomic", "write"):
        client = Client()
        client.post(f"/{path}/?title=b")
        deadline = time.monotonic() + 60
        while client.get("/only_looks/").json()["from"] != "replica":
            assert time.monotonic() < deadline, "never caught up"
            time.sleep(0.01)
        seen.append(tokens.unsign(client.cookies["dormouse_position"].value).needs.incarnation)
    return seen


def test_the_incarnation_of_a_plain_postgres(project, primary, standby):
    """System identifier and timeline; where these may not be read, one for ever."""
    plain = "options=-c%20neon.timeline_id%3D"
    urls = {"DATABASE_URL": primary.url(plain), "DATABASE_REPLICA_URL": standby.url(plain)}
    restricted = {
        "DATABASE_URL": primary.url(plain, user="restricted"),
        "DATABASE_REPLICA_URL": standby.url(plain, user="restricted"),
    }

    try:
        assert project.with_environment(**urls).run(a_plain_postgres) == ["-00000001", "-00000001"]
        assert project.with_environment(**restricted).run(incarnations_without_rights) == ["", ""]
    finally:
        import psycopg

        with psycopg.connect(primary.url(), autocommit=True) as connection:
            connection.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO public")
            connection.execute("DROP OWNED BY restricted")
            connection.execute("DROP ROLE restricted")


def an_api_client() -> Any:
    from django.db import connections
    from django.test import Client

    def visit(path: str, method: str = "get", **headers: str) -> Any:
        return getattr(Client(headers=headers), method)(path)

    told = visit("/write/?title=a", "post").headers["Dormouse-Position"]
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    later = visit("/write/?title=b", "post").headers["Dormouse-Position"]
    seen = {
        "nothing": "Dormouse-Position" in visit("/read/").headers,
        "later": visit("/read/", **{"Dormouse-Position": later}).json(),
        "made up": visit("/only_looks/", **{"Dormouse-Position": told + "x"}).json()["from"],
    }
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_resume()")
    return seen


def test_clients_without_cookies_bring_the_position_back_in_a_header(project):
    assert project.run(an_api_client) == {
        "nothing": False,
        "later": {"titles": ["a", "b"], "from": "default"},
        "made up": "default",
    }


def work_that_is_handed_on() -> Any:
    import asyncio

    from django.db import connections, transaction
    from library.models import Note

    from django_dormouse.replicas import aposition, at_least, fresh, position, position_argument, takes_position

    @takes_position
    def titles(prefix: str) -> Any:
        found = Note.objects.filter(title__startswith=prefix)
        return [note.title for note in found] + [str(found.db)]

    @takes_position
    async def atitles() -> Any:
        return [note.title async for note in Note.objects.all()]

    async def from_async_code() -> Any:
        await Note.objects.acreate(title="async")
        # Nobody can be asked here, so it says that no replica will do.
        seen = [position().startswith("_:")]
        return seen + await atitles(dormouse_position=await aposition())

    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    seen = {"nothing to say": position()}
    with transaction.atomic():
        Note.objects.create(title="a")
        seen["in a transaction"] = titles("a", **position_argument())
    told = position_argument()
    with at_least():
        seen["not told"] = titles("a")
        seen["told"] = titles("a", **told)
        with fresh():
            seen["fresh"] = [note.title for note in Note.objects.all()]
    seen["async"] = asyncio.run(from_async_code())
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_resume()")
    return seen


def test_work_that_is_handed_on_sees_what_its_caller_wrote(project):
    assert project.run(work_that_is_handed_on) == {
        "nothing to say": "",
        "in a transaction": ["a", "default"],
        # The story wrote before `at_least()`, which counts.
        "not told": ["a", "default"],
        "told": ["a", "default"],
        "fresh": ["a"],
        "async": [True, "a", "async"],
    }


def questions_of_a_session(keeps: bool) -> Any:
    from django.db import connections
    from django.test import Client

    client = Client()
    client.post("/write/?title=a")
    seen = []
    for _ in range(4):
        seen.append(client.get("/read/").json())
        if not keeps:
            connections["replica"].close()
    return seen


@pytest.mark.parametrize(("keeps", "questions"), [(True, 1), (False, 4)])
def test_a_replica_is_asked_once_per_session_that_is_kept(project, standby, relay, keeps, questions):
    """Another session may be one of another server, or of one that has restarted and is less far."""
    relay.server = standby
    through = project.with_environment(DATABASE_REPLICA_URL=relay.url())

    pages = through.run(
        questions_of_a_session, keeps, settings={"DORMOUSE": {"REPLICA_WAIT_MS": 30000, "LAG_CHECK_S": 0}}
    )

    assert pages == [{"titles": ["a"], "from": "replica"}] * 4
    assert sum(b"pg_last_wal_replay_lsn" in message for message in relay.sent) == questions


def waits(resumes: bool) -> Any:
    import threading

    from django.db import connections
    from django.test import Client

    def pause(verb: str) -> None:
        with connections["replica"].cursor() as cursor:
            cursor.execute(f"SELECT pg_wal_replay_{verb}()")

    client = Client()
    client.get("/read/")
    pause("pause")
    client.post("/write/?title=a")
    if resumes:
        threading.Timer(0.3, lambda: (pause("resume"), connections.close_all())).start()
    return client.get("/read/").json()


def test_a_read_waits_for_a_replica_that_is_nearly_there(project):
    page = project.run(waits, True, settings={"DORMOUSE": {"REPLICA_WAIT_MS": 60000}})

    assert page == {"titles": ["a"], "from": "replica"}


def test_a_read_does_not_wait_longer_than_the_setting_says(project):
    page = project.run(waits, False, settings={"DORMOUSE": {"REPLICA_WAIT_MS": 5}})

    assert page == {"titles": ["a"], "from": "default"}
