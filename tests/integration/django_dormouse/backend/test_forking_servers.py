"""Servers and workers that fork after their parent used the database: gunicorn --preload, Celery's prefork."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fix_platform import wait_until

from fix_site import PROJECT, site_behind

# Kept connections across a fork: test_pool.py.
POOL = '{"pool": {"min_size": 1, "max_size": 4}}'


def test_workers_of_gunicorn_share_no_session_with_their_parent(project, primary, tmp_path):
    environment = project.environment | {"DATABASE_REPLICA_URL": "", "OVERRIDES": POOL}
    with site_behind("gunicorn", tmp_path, environment) as site, ThreadPoolExecutor(8) as clients:
        seen = [page for status, page in clients.map(site.get, ["/who/"] * 200) if status == 200]
        assert len(seen) == 200
        processes = {page["process"] for page in seen}
        sessions = {
            process: {page["backend"] for page in seen if page["process"] == process} for process in processes
        }
        primary.cut_all()
        again = [status for status, _ in clients.map(site.get, ["/who/"] * 50)]

    assert again == [200] * 50
    assert seen[0]["parent's"] not in set().union(*sessions.values())
    assert sum(map(len, sessions.values())) == len(set().union(*sessions.values())), (
        "two processes share a session"
    )


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Path]:
    """A folder for messages: a broker that needs no server."""
    made = tmp_path / "queue"
    made.mkdir()
    yield made


@contextmanager
def worker(project, tmp_path: Path, queue: Path, **more: str) -> Iterator[Callable[[str], None]]:
    """A worker of Celery in processes of its own; and who runs code in yet another one, as a site would."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DB_", "DATABASE_"))}
    variables |= project.environment | {
        "QUEUE": str(queue), "PYTHONPATH": str(PROJECT), "DJANGO_SETTINGS_MODULE": "project_settings", **more
    }  # fmt: skip
    log = tmp_path / "celery.log"

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=variables, check=True, timeout=60)

    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "tasks", "worker", "--pool", "prefork", "--concurrency", "2",
             "--loglevel", "info", "--without-gossip", "--without-mingle", "--without-heartbeat"],
            cwd=PROJECT, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            yield run
        finally:
            process.terminate()
            process.wait(30)
    assert "Traceback" not in log.read_text()


def test_tasks_of_celery_survive_the_fork_and_a_cut(project, primary, tmp_path, queue):
    def titles() -> list[str]:
        return [title for (title,) in primary.execute("SELECT title FROM library_note", database="app")]

    with worker(project, tmp_path, queue, DATABASE_REPLICA_URL="", OVERRIDES=POOL) as run:
        for wanted in (20, 40):
            run("import tasks\nfor _ in range(20): tasks.note.delay()")
            wait_until(lambda wanted=wanted: len(titles()) == wanted, f"{wanted} tasks are done", 60)
            primary.cut_all()

    seen = [title.split() for title in titles()]
    sessions = {process: {backend for each, backend, _ in seen if each == process} for process, _, _ in seen}
    assert seen[0][2] not in set().union(*sessions.values())
    assert sum(map(len, sessions.values())) == len(set().union(*sessions.values())), (
        "two processes share a session"
    )


LOOK = "import tasks; tasks.look.delay({title!r}, {receipt!r})"
WRITE_AND_LOOK = """
import tasks
from django.db import transaction
from library.models import Note

with transaction.atomic():
    Note.objects.create(title={title!r})
    transaction.on_commit(lambda: tasks.look.delay({title!r}, {receipt!r}))
"""


def test_a_task_in_another_process_sees_what_its_caller_wrote(project, standby, tmp_path, queue):
    def told(code: str, title: str) -> Any:
        receipt = tmp_path / title
        run(code.format(title=title, receipt=str(receipt)))
        wait_until(receipt.exists, f"the task about {title!r} is done", 60)
        return json.loads(receipt.read_text())

    with worker(project, tmp_path, queue) as run:
        assert told(LOOK, "nothing") == [False, "replica"]
        standby.execute("SELECT pg_wal_replay_pause()")
        assert told(WRITE_AND_LOOK, "new") == [True, "default"]
        standby.execute("SELECT pg_wal_replay_resume()")
        # Waited for by who asks, not by us: the replica answers as soon as it has come so far.
        wait_until(lambda: standby.execute("SELECT 1 FROM library_note", database="app"), "it has replayed")
        assert told(WRITE_AND_LOOK, "newer")[0] is True
