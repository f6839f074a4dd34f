"""Looks after the replicas from a thread of its own, so that no request pays for it.

It tries again those that are left out, and sees how far the others are behind. Only requests make it look: where
nobody reads, nobody is asked, and a compute may fall asleep.
"""

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from django_dormouse import alias as aliases
from django_dormouse import hosts, settings
from django_dormouse.backend import forking
from django_dormouse.replicas import asking, metrics, stuck
from django_dormouse.replicas.health import health
from django_dormouse.replicas.lag import Limits
from django_dormouse.replicas.position import Position
from django_dormouse.replicas.stuck import waits

__all__ = ["Watcher", "leave_out", "use_again", "watcher"]

logger = logging.getLogger("django_dormouse.replicas")

_PRIMARY_IS_AWAKE_S: Final = 60.0
"""A primary that can sleep is asked only if somebody wrote in the last minute: then it is awake anyway."""
_WAKES_EACH_S: Final = 1.0
_TELLS_EACH_S: Final = 60.0
_WAITS_S: Final = 5.0
"""Who waits longer for an answer may wait for nobody."""
_ANSWERS_WITHIN_S: Final = 2 * aliases.REPLICA_CONNECT_DEADLINE_S
"""A compute that wakes, and then says how far it is."""
_REFUSES_WITHIN_S: Final = 1.5
"""libpq waits for two seconds at least before it says that nothing came."""
_NEVER: Final = float("-inf")


def leave_out(alias: str, why: str) -> None:
    """Leave a replica out from now on; one warning at its first failure, and one if it was the last."""
    was_in_use = health.is_in_use(alias)
    record = health.failed(alias, time.monotonic(), why)
    if not was_in_use:
        return
    logger.warning(
        "A replica is left out; reads go elsewhere",
        extra={"action": "replica_left_out", "alias": alias, "failures": record.failures, "reason": why},
    )
    if not any(map(health.is_in_use, aliases.replicas_of(DEFAULT_DB_ALIAS, connections.settings))):
        logger.warning("No replica is left; the primary serves all reads", extra={"action": "no_replica"})


def use_again(alias: str, asked_at: float) -> None:
    """Use a replica from now on, if it was left out before it was asked and answered."""
    if health.succeeded(alias, asked_at):
        logger.info("A replica is back", extra={"action": "replica_back", "alias": alias})


class Watcher:
    """One thread for each process, begun when there is something to look at."""

    def __init__(self) -> None:
        self._generation = -1
        self._looked: dict[str, float] = {}
        self._told = 0.0

    def nudge(self, alias: str, now: float) -> None:
        """Called while a request reads: have the replica looked at, if it is time. Does not wait."""
        every_s = settings.current().lag_check_s
        if every_s and now - self._looked.get(alias, _NEVER) >= every_s:
            self._look(alias, now)

    def nudge_left_out(self, alias: str, now: float) -> None:
        """The same for a replica that is left out: have it tried again, if its wait is over."""
        if health.take_try(alias, now):
            self._look(alias, now)

    def wake(self, alias: str, now: float) -> None:
        """Have a replica woken that sleeps. Does not wait."""
        if now - self._looked.get(alias, _NEVER) > _WAKES_EACH_S:
            self._look(alias, now)

    def _look(self, alias: str, now: float) -> None:
        self._looked[alias] = now
        self._begin()
        self._wanted.put(alias)

    def _begin(self) -> None:
        # A forked child has the parent's memory and none of its threads.
        if self._generation != forking.generation():
            self._generation = forking.generation()
            self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
            threading.Thread(target=self._run, args=(self._wanted,), name="dormouse-replicas", daemon=True).start()

    def _run(self, wanted: "queue.SimpleQueue[str]") -> None:
        waiting = waits.waiting()
        while True:
            try:
                due = [wanted.get(timeout=_WAITS_S)]
            except queue.Empty:
                # Who waits for a replica that is frozen cannot ask that it be looked at, and may be alone.
                before, waiting = waiting, waits.waiting()
                due = sorted({alias for alias, _ in waiting & before})
            for alias in due:
                try:
                    _look(alias)
                except Exception:
                    # A thread that ended would never take a replica back: it tells, and goes on.
                    logger.exception("A replica could not be looked at", extra={"action": "look", "alias": alias})
            if due:
                self._tell()

    def _tell(self) -> None:
        if time.monotonic() - self._told > _TELLS_EACH_S:
            self._told = time.monotonic()
            counts = {f"{count.alias}: {count.reason.value}": count.count for count in metrics.read_counts()}
            logger.info("Where reads went until now", extra={"action": "reads", "counts": counts})


watcher: Final = Watcher()
"""Of this process."""


def _look(alias: str, *, is_second_try: bool = False) -> None:
    if alias not in connections.settings:
        return
    # The primary first: what a replica replays between the two questions only brings it closer.
    _note_primary(time.monotonic())
    waiting = [link for of, link in waits.waiting() if of == alias]
    asked_at = time.monotonic()
    try:
        with _own(alias) as connection:
            replayed, received = asking.progress(connection)
    except (DatabaseError, InterfaceError, ImproperlyConfigured) as error:
        leave_out(alias, " ".join(str(error).split()))
        # One that refuses has not frozen, and once may be a hiccup: a report of an hour is not to be lost to that.
        if waiting and time.monotonic() - asked_at > _REFUSES_WITHIN_S:
            if is_second_try:
                stuck.end(waiting)
            else:
                _look(alias, is_second_try=True)
        return
    now = time.monotonic()
    health.answered(alias, now)
    if received is not None:
        position = Position(incarnation=replayed.incarnation, lsn=received)
        health.ledger.note(position, asked_at, from_primary=False)
    lag = health.ledger.lag_of(replayed, now)
    health.lags(alias, lag)
    ours = settings.current()
    if lag is None or Limits(size_bytes=ours.max_lag_bytes, age_s=ours.max_lag_s).are_kept(lag):
        use_again(alias, asked_at)
    else:
        leave_out(alias, f"it is {lag.size_bytes} bytes and {lag.age_s:.1f} s behind")


def _note_primary(now: float) -> None:
    last = health.ledger.last_noted()
    can_sleep = hosts.endpoint_of(connections.settings[DEFAULT_DB_ALIAS]["HOST"]) is not None
    if can_sleep and (last is None or now - last > _PRIMARY_IS_AWAKE_S):
        return
    with suppress(DatabaseError, InterfaceError, ImproperlyConfigured), _own(DEFAULT_DB_ALIAS) as connection:
        # Of its errors, whoever needs the primary will be told by it.
        health.ledger.note(asking.position(connection), now, from_primary=True)


@contextmanager
def _own(alias: str) -> Iterator[Any]:
    """A connection for one question, which waits for nobody's pool, and not for ever."""
    given = connections.settings[alias]
    options = {key: value for key, value in given["OPTIONS"].items() if key != "pool"}
    ours = dict(given.get("DORMOUSE", {}))
    ours["CONNECT_DEADLINE"] = min(
        aliases.REPLICA_CONNECT_DEADLINE_S, ours.get("CONNECT_DEADLINE", aliases.REPLICA_CONNECT_DEADLINE_S)
    )
    # In Django's own way of making one, which knows the engine; then on settings of its own.
    made: Any = connections.create_connection(alias)
    made.settings_dict = {**given, "OPTIONS": options, "DORMOUSE": ours}
    # Whoever accepts connections and then freezes would have this thread wait, and it is the only one.
    limit = threading.Timer(_ANSWERS_WITHIN_S, lambda: stuck.end(filter(None, [getattr(made, "link", None)])))
    limit.daemon = True
    limit.start()
    try:
        yield made
    finally:
        limit.cancel()
        made.close()
