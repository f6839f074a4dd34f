"""Servers and workers that fork after their parent used the database: gunicorn --preload, Celery's prefork."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def test_tasks_of_celery_survive_the_fork_and_a_cut(project, primary, tmp_path, queue):
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DB_", "DATABASE_"))}
    variables |= project.environment | {
        "DATABASE_REPLICA_URL": "", "OVERRIDES": POOL, "QUEUE": str(queue),
        "PYTHONPATH": str(PROJECT), "DJANGO_SETTINGS_MODULE": "project_settings",
    }  # fmt: skip
    log = tmp_path / "celery.log"

    def send(count: int) -> None:
        code = f"import tasks\nfor _ in range({count}): tasks.note.delay()"
        subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=variables, check=True, timeout=60)

    def titles() -> list[str]:
        return [title for (title,) in primary.execute("SELECT title FROM library_note", database="app")]

    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "tasks", "worker", "--pool", "prefork", "--concurrency", "2",
             "--loglevel", "info", "--without-gossip", "--without-mingle", "--without-heartbeat"],
            cwd=PROJECT, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            for wanted in (20, 40):
                send(20)
                wait_until(lambda wanted=wanted: len(titles()) == wanted, f"{wanted} tasks are done: {log}", 60)
                primary.cut_all()
        finally:
            worker.terminate()
            worker.wait(30)

    seen = [title.split() for title in titles()]
    sessions = {process: {backend for each, backend, _ in seen if each == process} for process, _, _ in seen}
    assert seen[0][2] not in set().union(*sessions.values())
    assert sum(map(len, sessions.values())) == len(set().union(*sessions.values())), (
        "two processes share a session"
    )
    assert "Traceback" not in log.read_text()
