"""Pages, jobs and threads of one process while the server cuts its connections."""

from typing import Any


def pages_across_a_cut(url: str) -> Any:
    import psycopg
    from django.db import connections
    from django.test import Client

    cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
    cut += "WHERE datname = 'app' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    client = Client()
    seen = []
    for title in "abc":
        seen.append(client.post(f"/write/?title={title}").status_code)
        seen.append(len(client.get("/read/").json()["titles"]))
        with psycopg.connect(url, autocommit=True) as connection:
            seen.append(connection.execute(cut).fetchone()[0])
    seen.append(connections["default"].connection is not None)
    return seen


def test_kept_connections_survive_a_cut_between_requests(project, primary):
    seen = project.run(pages_across_a_cut, primary.url(), overrides={"conn_max_age": None})

    assert seen == [200, 1, 1, 200, 2, 1, 200, 3, 1, True]


def test_kept_connections_survive_a_cut_under_atomic_requests(project, primary):
    seen = project.run(
        pages_across_a_cut, primary.url(), overrides={"conn_max_age": None, "atomic_requests": True}
    )

    assert seen == [200, 1, 1, 200, 2, 1, 200, 3, 1, True]


def threads_across_a_cut(url: str) -> Any:
    import threading

    import psycopg
    from django.db import connection, connections
    from library.models import Note

    cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
    cut += "WHERE datname = 'app' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    before, after = threading.Barrier(9), threading.Barrier(9)
    seen = []

    def work(number: int) -> None:
        Note.objects.create(title=str(number))
        before.wait(20)
        after.wait(20)
        Note.objects.create(title=str(number))
        seen.append(connection.connection.info.backend_pid)
        connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    before.wait(20)
    with psycopg.connect(url, autocommit=True) as admin:
        gone = admin.execute(cut).fetchone()[0]
    after.wait(20)
    for thread in threads:
        thread.join()
    # By name: this thread has written nothing, so it might read from a replica that is a moment behind.
    return [gone, len(set(seen)), Note.objects.using("default").count()]


def test_each_thread_reopens_its_own(project, primary):
    assert project.run(threads_across_a_cut, primary.url()) == [8, 8, 16]


def with_psycopg2(primary_url: str) -> Any:
    import time

    import psycopg2
    from django.db import connection, transaction
    from library.models import Note

    def cut() -> None:
        with psycopg2.connect(primary_url) as admin, admin.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE datname = 'app' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        admin.close()

    seen = [connection.Database.__name__]
    Note.objects.create(title="a")
    with connection.cursor() as cursor:
        cursor.execute("LISTEN bell")
        cursor.execute("NOTIFY bell")
    pid = connection.connection.info.backend_pid
    time.sleep(0.05)
    seen.append(Note.objects.using("default").count())
    seen.append(connection.connection.info.backend_pid == pid)
    cut()
    seen.append(Note.objects.using("default").count())
    with transaction.atomic():
        cut()
        Note.objects.create(title="b")
    try:
        with transaction.atomic():
            Note.objects.create(title="c")
            cut()
            Note.objects.create(title="d")
    except Exception as error:
        seen.append(type(error).__name__)
    seen.append(Note.objects.using("default").count())
    return seen


def test_with_psycopg2_alone(project, primary, tmp_path):
    # As if psycopg were not installed: Django and we then take psycopg2.
    (tmp_path / "psycopg.py").write_text("raise ImportError('not installed')\n")
    elsewhere = project.with_environment(PYTHONPATH=f"{tmp_path}:{project.folder}")

    seen = elsewhere.run(with_psycopg2, primary.url())

    assert seen == ["psycopg2", 1, True, 1, "TransactionLost", 2]
