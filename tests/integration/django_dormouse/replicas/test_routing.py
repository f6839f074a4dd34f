"""Where reads really go, with a real primary and a real standby. Each story runs in a process of its own."""

from typing import Any

import psutil


def reads_of_a_block() -> Any:
    import asyncio

    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from library.models import Note, Shelf

    from django_dormouse.replicas import at_least, using_primary

    async def asked_in_a_loop() -> str:
        return Note.objects.all().db

    seen = {"unannounced": Note.objects.all().db}
    opened = at_least()
    opened.__enter__()
    seen |= {"plain": Note.objects.all().db, "users": User.objects.all().db}
    seen["locking"] = Note.objects.select_for_update().db
    seen["raw"] = Note.objects.raw("SELECT * FROM library_note").db
    seen["raw that writes"] = Note.objects.raw("INSERT INTO library_note (title) VALUES ('g') RETURNING *").db
    seen["in an event loop"] = asyncio.run(asked_in_a_loop())
    with using_primary():
        seen["pinned"] = Note.objects.all().db
    with transaction.atomic():
        seen["in atomic"] = Note.objects.all().db
    connection.set_autocommit(False)
    seen["in a transaction by hand"] = Note.objects.all().db
    connection.set_autocommit(True)
    seen["after reading all this"] = Note.objects.all().db
    seen["counted"] = Note.objects.count()
    shelf = Shelf.objects.create(name="new")
    seen["after a write"] = Note.objects.all().db
    seen["related"] = shelf.notes.all().db
    seen["read back"] = Shelf.objects.get().name
    return seen


def test_reads_of_a_block(project):
    assert project.run(reads_of_a_block) == {
        "unannounced": "default",
        "plain": "replica",
        "users": "default",
        "locking": "default",
        "raw": "replica",
        "raw that writes": "default",
        "in an event loop": "default",
        "pinned": "default",
        "in atomic": "default",
        "in a transaction by hand": "default",
        "after reading all this": "replica",
        "counted": 0,
        "after a write": "default",
        "related": "default",
        "read back": "new",
    }


def instances() -> Any:
    from library.models import Label, Note, Shelf

    from django_dormouse.replicas import context

    shelf = Shelf.objects.create(name="new")
    Note.objects.create(title="a", shelf=shelf)
    context.begin(context.Unit())
    seen = {"of a written object": shelf.notes.all().db}
    context.begin(context.Unit())
    on_primary = Shelf.objects.using("default").get()
    seen["of an object from the primary"] = on_primary.notes.all().db
    import time

    while not Shelf.objects.using("replica").exists():
        time.sleep(0.01)
    from_replica = Shelf.objects.get()
    seen["object"] = from_replica._state.db
    seen["of an object from the replica"] = from_replica.notes.all().db
    label = Label.objects.using("default").create(name="x")
    context.begin(context.Unit())
    note = Note.objects.get()
    note.labels.add(label)  # a primary's object to a replica's: same rows, no ValueError
    note.shelf = on_primary
    note.save()
    seen["saved to"] = note._state.db
    return seen


def test_objects_keep_to_where_they_came_from(project):
    assert project.run(instances) == {
        "of a written object": "default",
        "of an object from the primary": "default",
        "object": "replica",
        "of an object from the replica": "replica",
        "saved to": "default",
    }


def other_threads_and_tasks() -> Any:
    import asyncio
    import threading

    from asgiref.sync import sync_to_async
    from library.models import Note

    from django_dormouse.replicas import context

    Note.objects.create(title="a")
    seen = {"this thread": Note.objects.all().db}

    def look() -> None:
        seen["another thread"] = Note.objects.all().db

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    async def two_tasks() -> None:
        async def writes() -> str:
            await Note.objects.acreate(title="b")
            return await sync_to_async(lambda: Note.objects.all().db)()

        async def reads() -> str:
            context.begin(context.Unit())
            await asyncio.sleep(0.05)
            return await sync_to_async(lambda: Note.objects.all().db)()

        seen["the task that wrote"], seen["its neighbour"] = await asyncio.gather(writes(), reads())
        seen["async code of unknown origin"] = await sync_to_async(lambda: Note.objects.all().db)()
        seen["inside the event loop"] = Note.objects.all().db

    loop_thread = threading.Thread(target=lambda: asyncio.run(two_tasks()))
    loop_thread.start()
    loop_thread.join()
    return seen


def test_state_stays_in_its_thread_and_task(project):
    assert project.run(other_threads_and_tasks) == {
        "this thread": "default",
        "another thread": "default",
        "the task that wrote": "default",
        "its neighbour": "replica",
        "async code of unknown origin": "default",
        "inside the event loop": "default",
    }


def one_user() -> Any:
    from django.test import Client

    client = Client()
    seen = {"first": client.get("/only_looks/").json()["from"]}
    seen["post"] = client.post("/write/?title=a").json()
    cookie = client.cookies["dormouse_position"]
    seen["cookie"] = [cookie["httponly"], cookie["samesite"], cookie["secure"]]
    seen["next"] = client.get("/read/").json()["titles"]
    seen["another user"] = "dormouse_position" in Client().get("/read/").cookies
    # Before its write a GET may read from the replica, if that has caught up.
    seen["get that writes"] = client.get("/write_by_hand/?title=b").json()["after"]
    seen["then"] = client.get("/read/").json()["titles"]
    return seen


def test_a_user_sees_what_they_wrote(project):
    assert project.run(one_user) == {
        "first": "replica",
        "post": {"before": "default", "after": "default"},
        "cookie": [True, "Lax", ""],
        "next": ["a"],
        "another user": False,
        "get that writes": "default",
        "then": ["a", "b"],
    }


def user_of_a_lagging_replica() -> Any:
    from django.db import connections
    from django.test import Client

    client = Client()
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    client.post("/write/?title=a")
    seen = {"lagging": client.get("/read/").json(), "others": Client().get("/read/").json()}
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_resume()")
    import time

    deadline = time.monotonic() + 10
    while client.get("/only_looks/").json()["from"] != "replica" and time.monotonic() < deadline:
        time.sleep(0.01)
    seen["caught up"] = client.get("/read/").json()
    return seen


def test_a_lagging_replica_is_passed_over_for_the_one_who_wrote_and_used_again_when_it_caught_up(project):
    assert project.run(user_of_a_lagging_replica) == {
        "lagging": {"titles": ["a"], "from": "default"},
        "others": {"titles": [], "from": "replica"},
        "caught up": {"titles": ["a"], "from": "replica"},
    }


def an_idle_primary_after_a_segment_switch() -> Any:
    import time

    from django.db import connection
    from django.test import Client

    client = Client()
    for number in range(10):
        client.post(f"/write/?title={number}")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_switch_wal()")
            cursor.execute("SELECT pg_current_wal_insert_lsn()::text")
            position = cursor.fetchone()[0]
        # The server writes by itself now and then, just now perhaps.
        if position.endswith("28"):
            break
    # A position at the very start of the new segment, which nothing has been written to.
    from django.core.signing import Signer

    from django_dormouse.replicas.position import Position, parse_lsn

    token = Position(incarnation="0123456789abcdef", lsn=parse_lsn(position)).text()
    client.cookies["dormouse_position"] = Signer(salt="django_dormouse.replicas.position").sign(token)
    deadline = time.monotonic() + 15
    while client.get("/only_looks/").json()["from"] != "replica":
        if time.monotonic() > deadline:
            return [position, "never caught up"]
        time.sleep(0.01)
    return [position[-2:], "caught up"]


def test_catches_up_with_an_idle_primary_whose_segment_was_switched(project):
    assert project.run(an_idle_primary_after_a_segment_switch) == ["28", "caught up"]


def odd_cookies() -> Any:
    from django.core.signing import Signer
    from django.test import Client

    signer = Signer(salt="django_dormouse.replicas.position")
    seen = {}
    for name, value in {
        "forged": "0123456789abcdef_0:forged",
        "no position": signer.sign("nonsense!"),
        "of a restored branch": signer.sign("fedcba_1000"),
    }.items():
        client = Client()
        client.cookies["dormouse_position"] = value
        response = client.get("/only_looks/")
        new = client.cookies["dormouse_position"].value
        client.cookies["dormouse_position"] = new
        seen[name] = [response.json()["from"], signer.unsign(new).split("_")[0]]
    return seen


def test_a_cookie_that_means_nothing_is_answered_by_the_primary_and_replaced(project):
    renewed = ["default", "0123456789abcdef"]

    assert project.run(odd_cookies) == dict.fromkeys(("forged", "no position", "of a restored branch"), renewed)


def reads_of_a_page(method: str, path: str) -> Any:
    from django.test import Client

    return getattr(Client(), method)(path).json()


def test_a_request_with_an_unsafe_method_reads_from_the_primary(project):
    assert project.run(reads_of_a_page, "post", "/only_looks/") == {"from": "default"}
    assert project.run(reads_of_a_page, "get", "/only_looks/") == {"from": "replica"}


def test_a_transaction_in_a_page_reads_from_the_primary(project):
    assert project.run(reads_of_a_page, "get", "/in_atomic/") == {"inside": "default", "outside": "replica"}


def test_atomic_requests_read_from_the_primary_and_leave_the_replica_alone(project):
    page = project.run(reads_of_a_page, "get", "/only_looks/", overrides={"atomic_requests": True})

    assert page == {"from": "default"}


def test_without_the_middleware_no_request_reads_from_a_replica(project):
    page = project.run(reads_of_a_page, "get", "/only_looks/", settings={"MIDDLEWARE": []})

    assert page == {"from": "default"}


def an_async_page(path: str) -> Any:
    import asyncio

    from django.test import AsyncClient
    from library.models import Note

    Note.objects.create(title="a")

    async def visit() -> Any:
        return (await AsyncClient().get(path)).json()["from"]

    return asyncio.run(visit())


def test_without_the_middleware_no_async_page_reads_from_a_replica(project):
    assert project.run(an_async_page, "/aread/", settings={"MIDDLEWARE": []}) == "default"


def test_without_a_replica_everything_is_the_primary(project):
    alone = project.with_environment(DATABASE_REPLICA_URL="")

    assert alone.run(reads_of_a_page, "get", "/only_looks/") == {"from": "default"}


def test_models_declared_primary_only_stay_there(project):
    for label in ("library", "library.note"):
        page = project.run(
            reads_of_a_page, "get", "/only_looks/", settings={"DORMOUSE": {"PRIMARY_ONLY": [label]}}
        )
        assert page == {"from": "default"}


def a_streamed_answer() -> Any:
    from django.test import Client

    return b"".join(Client().get("/streams/").streaming_content).decode()


def test_what_is_read_while_streaming_knows_what_the_view_wrote(project):
    assert project.run(a_streamed_answer) == "default"


def async_pages() -> Any:
    import asyncio

    from django.test import AsyncClient
    from library.models import Note

    Note.objects.create(title="a")
    from django_dormouse.replicas import context

    context.end()
    import time

    while not Note.objects.using("replica").exists():
        time.sleep(0.01)

    async def visit() -> Any:
        client = AsyncClient()
        seen = {"read": (await client.get("/aread/")).json(), "gathered": (await client.get("/gathered/")).json()}
        seen["write"] = (await client.post("/awrite/?title=b")).json()
        seen["then"] = (await client.get("/aread/")).json()["titles"]
        pages = await asyncio.gather(*(AsyncClient().get("/aread/") for _ in range(10)))
        seen["others"] = sorted({page.json()["from"] for page in pages})
        return seen

    return asyncio.run(visit())


def test_async_views(project):
    assert project.run(async_pages) == {
        "read": {"titles": ["a"], "from": "replica"},
        "gathered": {"from": ["replica"]},
        "write": {"before": "default", "after": "default"},
        "then": ["a", "b"],
        "others": ["replica"],
    }


def pages_of_a_dead_replica(count: int) -> Any:
    import logging
    import time

    from django.test import Client

    warnings = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.action)  # type: ignore[attr-defined,method-assign]
    logging.getLogger("django_dormouse.replicas").addHandler(handler)
    started = time.monotonic()
    pages = [Client().get("/only_looks/").json()["from"] for _ in range(count)]
    return {"from": sorted(set(pages)), "warnings": warnings, "took_s": time.monotonic() - started}


def test_a_dead_replica_does_not_fail_a_page(project, standby):
    standby.stop()

    pages = project.run(pages_of_a_dead_replica, 20)

    assert pages["from"] == ["default"]
    assert pages["warnings"] == ["replica_left_out", "no_replica"]
    # Twenty waits for a deadline of seconds would show.
    assert pages["took_s"] < 15


def pages_while_the_replica_dies(postmaster: int) -> Any:
    import os
    import select
    import signal
    import time

    import psycopg
    from django.db import connections
    from django.test import Client

    seen = [Client().get("/read/").json()["from"]]
    kept = connections["replica"].connection
    os.kill(postmaster, signal.SIGQUIT)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            psycopg.connect(kept.info.dsn).close()
        except psycopg.OperationalError:
            break
    select.select([kept], [], [], 10)
    seen += [Client().get("/read/").json()["from"] for _ in range(3)]
    return seen


def test_a_replica_that_dies_under_a_kept_connection_does_not_fail_a_page(project, standby):
    seen = project.run(pages_while_the_replica_dies, standby.process.pid, overrides={"conn_max_age": None})
    standby.stop()

    assert seen == ["replica", "default", "default", "default"]


def pages_while_the_replica_freezes(postmaster: int) -> Any:
    import psutil
    from django.db import connections
    from django.test import Client

    from django_dormouse.replicas import watching

    watching._WAITS_S = 0.5

    def page() -> str:
        return str(Client().get("/read/").json()["from"])

    def freezing(execute: Any, *statement: Any) -> Any:
        # Only now: the router has just seen that this connection lives.
        server = psutil.Process(postmaster)
        for process in (server, *server.children(recursive=True)):
            process.suspend()
        return execute(*statement)

    seen = [page()]
    with connections["replica"].execute_wrapper(freezing):
        seen.append(page())
    return [*seen, page()]


def test_a_replica_that_freezes_under_a_read_does_not_fail_a_page(project, standby):
    """Its sockets stay open, and its kernel acknowledges what they get."""
    try:
        seen = project.run(pages_while_the_replica_freezes, standby.process.pid, overrides={"conn_max_age": None})
    finally:
        server = psutil.Process(standby.process.pid)
        for process in (*server.children(recursive=True), server):
            process.resume()

    assert seen == ["replica", "default", "default"]


def a_report_that_takes_long() -> Any:
    from django.db import connections
    from django.test import Client

    from django_dormouse.replicas import watching

    watching._WAITS_S = 0.2
    looks = []
    look = watching._look
    watching._look = lambda alias: looks.append(alias) or look(alias)  # type: ignore[func-returns-value]
    Client().get("/read/")
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_sleep(3), 7")
        return {"found": cursor.fetchone()[1], "looks": len(looks) > 3}


def test_a_report_that_takes_long_is_left_alone(project):
    assert project.run(a_report_that_takes_long) == {"found": 7, "looks": True}


def test_a_replica_that_answers_nothing_costs_one_deadline(project):
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        url = f"postgresql://owner@127.0.0.1:{deaf.getsockname()[1]}/app"
        pages = project.with_environment(DATABASE_REPLICA_URL=url).run(pages_of_a_dead_replica, 5)

    assert pages["from"] == ["default"]
    assert pages["took_s"] < 6


def test_of_two_replicas_the_dead_one_is_passed_over(project, standby):
    urls = f"postgresql://owner@127.0.0.1:1/app {standby.url()}"

    pages = project.with_environment(DATABASE_REPLICA_URL=urls).run(pages_of_a_dead_replica, 10)

    assert pages["from"] == ["replica2"]
    assert pages["warnings"] == ["replica_left_out"]


def test_two_replicas_take_turns(project, standby):
    urls = f"{standby.url()} {standby.url()}"

    pages = project.with_environment(DATABASE_REPLICA_URL=urls).run(pages_of_a_dead_replica, 4)

    assert pages["from"] == ["replica", "replica2"]
