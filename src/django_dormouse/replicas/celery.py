"""Positions that travel with Celery's tasks, in the headers of their messages.

In the module that makes the Celery application, which callers and workers import:

    from django_dormouse.replicas.celery import carry_positions

    app = Celery("mysite")
    carry_positions()

A task then sees whatever its caller had written and seen, from a replica once that has it. Without this tasks read
from the primary. Celery has to be 5.0 or later, and its message protocol 2, which is its own choice too.
"""

from typing import Any, Final

from celery.signals import before_task_publish, task_postrun, task_prerun

from django_dormouse.replicas import context, tokens
from django_dormouse.replicas.context import Unit
from django_dormouse.replicas.settling import position

__all__ = ["HEADER", "carry_positions"]

HEADER: Final = "dormouse_position"

_UID: Final = "django_dormouse.replicas"


def carry_positions() -> None:
    """Connect to Celery's signals. May be called twice."""
    before_task_publish.connect(_put, weak=False, dispatch_uid=_UID)
    task_prerun.connect(_begin, weak=False, dispatch_uid=_UID)
    task_postrun.connect(_end, weak=False, dispatch_uid=_UID)


def _put(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        headers[HEADER] = position()


def _begin(task: Any = None, **_: Any) -> None:
    # An eager task runs inside of its caller, and knows what that knows.
    if not task.request.is_eager:
        context.begin(Unit(came_with=tokens.unsign(task.request.get(HEADER) or "")))


def _end(task: Any = None, **_: Any) -> None:
    if not task.request.is_eager:
        context.end()
