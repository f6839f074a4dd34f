"""The project's tasks for a real Celery worker, whose parent has used the database before it forks."""

import json
import os
from pathlib import Path

import celery
import served
from django.db import connection
from library.models import Note

from django_dormouse.replicas.celery import carry_positions

app = celery.Celery("tasks")
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options=dict.fromkeys(
        ("data_folder_in", "data_folder_out", "control_folder"), os.environ["QUEUE"]
    ),
    task_ignore_result=True,
    worker_hijack_root_logger=False,
)

carry_positions()


@app.task
def look(title: str, receipt: str) -> None:
    """Whether there is such a note, and which database was asked."""
    found = Note.objects.filter(title=title)
    beside = Path(f"{receipt}.new")
    beside.write_text(json.dumps([found.exists(), str(found.db)]))
    beside.rename(receipt)


@app.task
def note() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone()
    Note.objects.create(title=f"{os.getpid()} {backend} {served.BACKEND_OF_THE_PARENT}")
