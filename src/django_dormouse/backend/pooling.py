"""The pool of psycopg_pool, for a server that sleeps and a process that forks.

What is different from Django's use of it:

- Each connection is looked at before it is handed out, at its socket and without a round trip. When one is dead
  none of its age is trusted any more: a server that goes away takes them all, if not in the same moment. With
  psycopg_pool alone each costs a failed check, and between two of them a pause of 1, 2, 4, 8 s.
- A forked process forgets its parent's pools at first use, closing nothing, and opens its own (see `forking`).
- Idle connections beyond the smallest number go after two minutes, before a compute would be put to sleep (at Neon
  after five), so that they do not die of it.
"""

import atexit
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from psycopg import Connection, Error, OperationalError
from psycopg_pool import ConnectionPool

from django_dormouse.backend import forking
from django_dormouse.backend.liveness import PsycopgLink, is_alive

__all__ = ["MAX_IDLE_S", "Pool", "pool_of"]

MAX_IDLE_S: Final = 120.0
"""When an idle connection is closed, where the project's options do not say."""


class Pool(ConnectionPool[Connection[Any]]):
    """A pool that hands out no connection whose server is going away."""

    def __init__(
        self,
        *,
        kwargs: Mapping[str, Any],
        configure: Callable[[Connection[Any]], None],
        options: Mapping[str, Any],
    ) -> None:
        def make_link(connection: Connection[Any]) -> None:
            PsycopgLink.of(connection, Error)
            configure(connection)

        self._distrusted_at = 0.0
        merged = {"max_idle": MAX_IDLE_S, **options}
        super().__init__(kwargs=dict(kwargs), configure=make_link, open=False, **merged)

    def getconn(self, timeout: float | None = None) -> Connection[Any]:
        """A connection that lives, as far as its socket tells. Raises PoolTimeout after `timeout` seconds."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            connection = super().getconn(max(0.0, deadline - time.monotonic()))
            link = PsycopgLink.of(connection, Error)
            if is_alive(link):
                return connection
            self.give_up(connection)

    def give_up(self, connection: Connection[Any]) -> None:
        """Take back one that died, and replace all that were made before its death was noticed.

        While a server shuts down its sessions end one after the other. The next in the pool may look alive, and
        die under the statement that is sent again.
        """
        link = PsycopgLink.of(connection, Error)
        # What heard its server's last word looks idle to the driver, and would be put back.
        connection.close()
        self.putconn(connection)
        # Many threads lose theirs at once; one drain is for all of them.
        if link.made_at > self._distrusted_at:
            self._distrusted_at = time.monotonic()
            self.drain()

    @staticmethod
    def check_connection(conn: Connection[Any]) -> None:
        """Return quietly if `conn` lives, as far as its socket tells; else close it and raise OperationalError."""
        if not is_alive(PsycopgLink.of(conn, Error)):
            conn.close()
            raise OperationalError("the server has ended this connection")


def pool_of(alias: str, pools: dict[str, Any], make: Callable[[], Pool]) -> Pool:
    """This process's pool for an alias, among `pools`; made, and not yet opened, if there is none."""
    if _owner.generation != forking.generation():
        forking.set_aside(dict(pools))
        pools.clear()
        _owner.generation = forking.generation()
    pool = pools.get(alias)
    if pool is None:
        # Several threads may each make one; the first to come wins, and the others were never opened.
        pool = pools.setdefault(alias, make())
        atexit.register(pool.close)
    return cast("Pool", pool)


class _Owner:
    generation = forking.generation()


_owner = _Owner()
