"""A task that reads what the request before it has saved, in a thread and a context of its own.

It writes down what it saw: a line for each task in the file that `RECEIPTS` names.
"""

import os
import queue
import threading
from contextlib import nullcontext

from django.conf import settings
from django.db import close_old_connections

from hunted.models import Entry

_waiting = queue.SimpleQueue()
_lock = threading.Lock()
_worker = None


def enqueue(owner, version):
    """Run it soon, with the position of what was written before."""
    global _worker
    position = None
    if settings.ROUTER == "dormouse":
        from django_dormouse.replicas import position as position_of_this_unit

        position = position_of_this_unit()
    with _lock:
        if _worker is None:
            _worker = threading.Thread(target=_work, daemon=True)
            _worker.start()
    _waiting.put((owner, version, position))


def _work():
    while True:
        _look(*_waiting.get())


def _look(owner, version, position):
    close_old_connections()
    try:
        with _at_least(position):
            entry = Entry.objects.filter(owner=owner).first()
        seen = str(entry.version if entry else 0)
    except Exception as error:
        seen = f"failed: {type(error).__name__}: {error}".replace("\n", " ")
    with open(os.environ["RECEIPTS"], "a") as receipts:
        receipts.write(f"{owner} {version} {seen}\n")


def _at_least(position):
    if position is None:
        return nullcontext()
    from django_dormouse.replicas import at_least

    return at_least(position)
