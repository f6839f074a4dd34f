"""Who waits for a place at a compute that has no more to give.

A Postgres refuses the connection after its last; each that it could take costs memory, whether it comes or not. So
the proxy lets in as many as there are places, and the others wait for one to leave, in the order in which they
came, for as long as somebody does leave now and then.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

__all__ = ["Queues"]


@dataclass(slots=True)
class _Queue:
    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    moved_at: float = 0.0
    """When a place was last passed on."""


class Queues:
    """By the socket of the compute."""

    def __init__(self, places: int, patience_s: float) -> None:
        self._places = places
        self._patience_s = patience_s
        self._queues: dict[str, _Queue] = {}

    def waiting(self, socket_path: str) -> int:
        """How many wait."""
        queue = self._queues.get(socket_path)
        return 0 if queue is None else len(queue.waiting)

    async def enter(self, socket_path: str) -> None:
        """Return with a place, which is to be left. Raises TimeoutError when nobody left one for too long."""
        queue = self._queues.setdefault(socket_path, _Queue())
        if queue.taken < self._places:
            queue.taken += 1
            return
        loop = asyncio.get_running_loop()
        came_at, place = loop.time(), loop.create_future()
        queue.waiting.append(place)
        try:
            while not place.done():
                until = max(came_at, queue.moved_at) + self._patience_s
                if loop.time() >= until:
                    raise TimeoutError
                await asyncio.wait([place], timeout=until - loop.time())
        except BaseException:
            if place.done():  # it was given one at the very moment in which it was told to stop
                self.leave(socket_path)
            else:
                queue.waiting.remove(place)
            raise

    def leave(self, socket_path: str) -> None:
        """Give a place to whoever came first, or back."""
        queue = self._queues[socket_path]
        queue.moved_at = asyncio.get_running_loop().time()
        if queue.waiting:
            queue.waiting.popleft().set_result(None)
            return
        queue.taken -= 1
        if not queue.taken:
            del self._queues[socket_path]
