"""Positions in the queues that others make: Celery, and Django's own tasks."""

from typing import Any

import django
import pytest


def celerys_tasks() -> Any:
    import time

    from celery import Celery
    from celery.contrib.testing.worker import start_worker
    from django.db import connections, transaction
    from library.models import Note

    from django_dormouse.replicas import context
    from django_dormouse.replicas.celery import carry_positions

    app = Celery("tests", broker="memory://", backend="cache+memory://")
    app.conf.task_always_eager = False
    carry_positions()
    carry_positions()

    @app.task
    def titles() -> Any:
        found = Note.objects.order_by("id")
        return [note.title for note in found] + [str(found.db)]

    @app.task
    def writes() -> Any:
        Note.objects.create(title="by a task")
        return [str(Note.objects.all().db)]

    def pause(verb: str) -> None:
        with connections["replica"].cursor() as cursor:
            cursor.execute(f"SELECT pg_wal_replay_{verb}()")

    def as_a_request(work: Any) -> Any:
        context.begin(context.Unit())
        return work()

    def writes_and_asks() -> Any:
        told = []
        with transaction.atomic():
            Note.objects.create(title="a")
            transaction.on_commit(lambda: told.append(titles.delay()))
        return told[0].get(timeout=60)

    seen = {}
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        seen["of nobody"] = as_a_request(lambda: titles.delay().get(timeout=60))
        seen["that writes"] = writes.delay().get(timeout=60)
        deadline = time.monotonic() + 60
        while "by a task" not in as_a_request(lambda: titles.delay().get(timeout=60)):
            assert time.monotonic() < deadline
        seen["the next one of nobody"] = as_a_request(lambda: titles.delay().get(timeout=60))
        pause("pause")
        seen["of one who wrote"] = as_a_request(writes_and_asks)
        seen["the next one"] = as_a_request(lambda: titles.delay().get(timeout=60))
        pause("resume")

        def writes_and_runs_it_here() -> Any:
            Note.objects.create(title="b")
            return titles.apply().get()

        seen["eager"] = as_a_request(writes_and_runs_it_here)
    return seen


def test_celery(project):
    assert project.run(celerys_tasks) == {
        "of nobody": ["replica"],
        "that writes": ["default"],
        "the next one of nobody": ["by a task", "replica"],
        "of one who wrote": ["by a task", "a", "default"],
        "the next one": ["by a task", "replica"],
        "eager": ["by a task", "a", "b", "default"],
    }


def djangos_tasks() -> Any:
    from django.db import connections
    from library.background import atitles, titles
    from library.models import Note

    from django_dormouse.replicas import at_least

    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    with at_least():
        seen = {"of nobody": titles.enqueue("a").return_value}
        Note.objects.create(title="a")
        result = titles.enqueue("a")
        seen["of one who wrote"] = result.return_value
        seen["carried"] = list(result.kwargs)
        seen["async"] = atitles.enqueue().return_value
    # As a worker does that is another process.
    seen["elsewhere"] = titles.call(*result.args, **result.kwargs)
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_resume()")
    return seen


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has tasks since 6.0")
def test_djangos_tasks(project):
    tasks = {"default": {"BACKEND": "library.background.Backend"}}

    assert project.run(djangos_tasks, settings={"TASKS": tasks}) == {
        "of nobody": ["replica"],
        "of one who wrote": ["a", "default"],
        "carried": ["dormouse_position"],
        "async": ["a"],
        "elsewhere": ["a", "default"],
    }
