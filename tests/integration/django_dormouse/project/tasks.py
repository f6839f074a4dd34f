"""The project's tasks for a real Celery worker, whose parent has used the database before it forks."""

import os

import celery
import served
from django.db import connection
from library.models import Note

app = celery.Celery("tasks")
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options=dict.fromkeys(
        ("data_folder_in", "data_folder_out", "control_folder"), os.environ["QUEUE"]
    ),
    task_ignore_result=True,
    worker_hijack_root_logger=False,
)


@app.task
def note() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone()
    Note.objects.create(title=f"{os.getpid()} {backend} {served.BACKEND_OF_THE_PARENT}")
