"""What code can ask for: blocks that are decorators too, for functions of both kinds.

with using_primary(): …            async with using_replica(): …
@fresh()                           @using_primary()
def report(request): …             async def page(request): …
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from django_dormouse.replicas import context, tokens
from django_dormouse.replicas.context import Block, Unit
from django_dormouse.replicas.position import Token, furthest

__all__ = ["Opening", "ReadsFromMixin", "at_least", "fresh", "using_primary", "using_replica"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Opening:
    """A block to be opened once, by `with` or `async with`; as a decorator, at each call anew."""

    def __init__(self, make: Callable[[], AbstractContextManager[None]]) -> None:
        self._make = make
        self._opened: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        self._opened = self._make()
        self._opened.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        assert self._opened is not None
        return self._opened.__exit__(kind, error, traceback)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """`function`, inside this block each time it is called. Raises TypeError for a generator."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator, whose body runs after the call: open the block in it."
            )
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
                with self._make():
                    return await function(*args, **kwargs)

            return cast("Callable[Arguments, Result]", awaited)

        @wraps(function)
        def called(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            with self._make():
                return function(*args, **kwargs)

        return called


def using_primary() -> Opening:
    """Read from the primary inside."""
    return Opening(lambda: _inside(Block(from_primary=True)))


def using_replica() -> Opening:
    """Read from a replica inside, also after a write and in an unsafe request: what is read may be old.

    Where no replica can be used the primary serves. A write raises WriteInReplicaBlock before anything is sent.
    """
    return Opening(lambda: _inside(Block(from_replica=True)))


def fresh() -> Opening:
    """See inside whatever anybody had committed when the first read begins; from a replica, once it has that.

    One round trip to the primary, and none if nothing is read or the reads go to the primary anyway.
    """
    return Opening(_fresh)


def at_least(position: str = "") -> Opening:
    """See inside what `position()` said elsewhere, or newer: for tasks, jobs, and consumers of websockets.

    Outside of requests and tasks it says that one begins: what is read inside may come from a replica, as in a
    request. `""` asks for nothing more than that. A text that is no position is taken for one that no replica has.
    """
    return Opening(lambda: _at_least(tokens.unsign(position)))


class ReadsFromMixin:
    """A class-based view whose reads come from where `reads_from` says: `"primary"`, `"replica"` or `"fresh"`.

    To be named first among the bases. For views of both kinds.
    """

    reads_from: str = "primary"

    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        """The view's, inside the block. Raises ValueError for another word."""
        if self.reads_from not in _BLOCKS:
            raise ValueError(f"reads_from is {self.reads_from!r}; expected one of {', '.join(_BLOCKS)}")
        block = _BLOCKS[self.reads_from]
        dispatch = super().dispatch  # type: ignore[misc]
        if getattr(self, "view_is_async", False):

            async def awaited() -> Any:
                with block():
                    return _rendering_inside(block, await dispatch(*args, **kwargs))

            return awaited()
        with block():
            return _rendering_inside(block, dispatch(*args, **kwargs))


_BLOCKS = {"primary": using_primary, "replica": using_replica, "fresh": fresh}


def _rendering_inside(block: Callable[[], Opening], response: Any) -> Any:
    # A TemplateResponse is rendered after the view has returned, and reads then.
    if hasattr(response, "render") and not response.is_rendered:
        response.render = block()(response.render)
        # Not kept: a rendered response may be pickled for a cache.
        response.add_post_render_callback(lambda rendered: rendered.__dict__.pop("render", None))
    return response


@contextmanager
def _inside(block: Block) -> Iterator[None]:
    before = context.enter(block)
    try:
        yield
    finally:
        context.enter(before)


@contextmanager
def _fresh() -> Iterator[None]:
    context.current().wants_fresh = True
    with _inside(Block()):
        yield


@contextmanager
def _at_least(token: Token) -> Iterator[None]:
    outer = context.current()
    if outer.is_announced:
        outer.require(token)
        yield
        return
    # What this thread did before nobody announced it is still its own.
    inner = Unit(came_with=token, wants_fresh=bool(outer.uncovered))
    inner.require(Token(needs=outer.position))
    context.begin(inner)
    try:
        yield
    finally:
        outer.has_written |= inner.has_written
        outer.uncovered |= inner.uncovered
        outer.position = furthest(outer.position, inner.position)
        context.begin(outer)
