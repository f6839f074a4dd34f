"""Positions that travel with background work.

Any queue whose jobs take keyword arguments:

    @takes_position
    def rebuild(shelf_id): ...

    transaction.on_commit(lambda: queue.enqueue(rebuild, shelf.pk, **position_argument()))

Django's tasks (6.0 and later), with no change to tasks or callers; the backend is the one that is used anyway:

    class Backend(CarriesPosition, ImmediateBackend): ...

    TASKS = {"default": {"BACKEND": "mysite.tasks.Backend"}}
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast

from django_dormouse.replicas.blocks import at_least
from django_dormouse.replicas.settling import position

__all__ = ["ARGUMENT", "CarriesPosition", "position_argument", "takes_position"]

Function = TypeVar("Function", bound=Callable[..., Any])

ARGUMENT: Final = "dormouse_position"
"""The keyword argument in which a position travels."""


def position_argument() -> dict[str, str]:
    """`{"dormouse_position": position()}`, to be handed on with a job's own keyword arguments."""
    return {ARGUMENT: position()}


def takes_position(function: Function) -> Function:
    """`function`, which sees whatever its caller had written and seen.

    It takes `dormouse_position` besides its own arguments, and does not need it. Each call is a unit of its own.
    """
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            async with at_least(kwargs.pop(ARGUMENT, "")):
                return await function(*args, **kwargs)

        return cast("Function", awaited)

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with at_least(kwargs.pop(ARGUMENT, "")):
            return function(*args, **kwargs)

    return cast("Function", called)


class CarriesPosition:
    """A task backend that hands positions on: to be named before the backend that does the rest."""

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """The backend's, with the position of whoever enqueues."""
        return super().enqueue(task, args, {**kwargs, **position_argument()})  # type: ignore[misc]

    @property
    def task_class(self) -> Any:
        """The backend's own, whose function takes a position."""
        return _positioned(super().task_class)  # type: ignore[misc]


def _positioned(task_class: Any) -> Any:
    def task(*, func: Callable[..., Any], **options: Any) -> Any:
        return task_class(func=takes_position(func), **options)

    return task
