"""The pool of psycopg_pool, for a server that sleeps and a process that forks.

What is different from Django's use of it:

- Each connection is looked at before it is handed out, at its socket and without a round trip. When one is dead
all   idle ones are looked at, because a server that went away took them all: the dead ones are replaced
together. With   psycopg_pool alone each costs a failed check, and between two of them a pause of 1, 2, 4, 8 s.
- A forked process forgets its parent's pools at first use, closing nothing, and opens its own (see `forking`).
- Idle connections beyond the smallest number go after two minutes, before a compute would be put to sleep (at Neon
  after five), so that they do not die of it.
"""

import atexit
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
    """A pool that is looked through when one of its connections turns out to be dead."""

    def __init__(self, *, kwargs: Mapping[str, Any], configure: Any, options: Mapping[str, Any]) -> None:
        merged = {"max_idle": MAX_IDLE_S, "check": _look_through, **options}
        super().__init__(kwargs=dict(kwargs), configure=configure, open=False, **merged)

    @staticmethod
    def check_connection(conn: Connection[Any]) -> None:
        """Return quietly if `conn` lives, as far as its socket tells; raise OperationalError, and close it, "
        "if not."""
        if not is_alive(PsycopgLink.of(conn, Error)):
            # What heard its server's last word looks idle to the driver, and would be put back.
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


def _look_through(connection: Connection[Any]) -> None:
    try:
        Pool.check_connection(connection)
    except OperationalError:
        pool = cast("Pool | None", connection._pool)
        if pool is not None:
            pool.check()
        raise
