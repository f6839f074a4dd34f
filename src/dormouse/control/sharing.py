"""Many who read, or one who removes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Sharing"]


class Sharing:
    """A lock that readers share, and that one who removes things has alone.

    Whoever wants it alone waits for the readers that are there; readers that come meanwhile wait for it.
    """

    def __init__(self) -> None:
        self._readers = 0
        self._none = asyncio.Condition()
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """With other readers, for the length of a block."""
        async with self._alone:
            self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            async with self._none:
                self._none.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Without any, for the length of a block."""
        async with self._alone:
            async with self._none:
                await self._none.wait_for(lambda: self._readers == 0)
            yield
