"""Whether a compute may sleep. Pure: times come in as loop seconds, what the server does as a record.

Clients that are connected and idle do not keep a compute awake; a running query, an open transaction, a
walsender that is not our own replica's, a subscription and an autovacuum worker do (as at Neon), and so does a
query that ended a while ago, although its client has said nothing since. Bytes from clients are seen by the relay,
so the server is asked one question, at the deadline, and not polled.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["BUSY_RECHECK_S", "Ask", "Busy", "Sleep", "Wait", "at_deadline", "before_asking"]

BUSY_RECHECK_S: Final = 15.0
"""How long after a busy answer the server is asked again, at the most: a long transaction that ends without
a word from its client is then found asleep that much later."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again at `until`, in loop seconds."""

    until: float


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the server what it does, then `at_deadline`."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Nothing happens: put it to sleep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """What the server says of itself."""

    backends: int
    """Client backends that are not idle; idle in a transaction counts, our own connection does not."""
    walsenders: int
    """Other than those of our own replicas."""
    autovacuum_workers: int
    subscriptions: int = 0
    """Workers that apply what another server publishes."""
    idle_for_s: float | None = None
    """Since the last of the idle client backends became so; None if there are none."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing keeps it awake."""
        return not (self.backends or self.walsenders or self.autovacuum_workers or self.subscriptions)


def before_asking(now: float, last_activity: float, timeout_s: float | None) -> Wait | Ask | None:
    """Whether it is time to ask the server; None for a compute that never sleeps."""
    if timeout_s is None:
        return None
    deadline = last_activity + timeout_s
    return Wait(deadline) if now < deadline else Ask()


def at_deadline(now: float, busy: Busy, timeout_s: float) -> Sleep | Wait:
    """What follows from the server's answer."""
    if not busy.is_idle:
        return Wait(now + min(timeout_s, BUSY_RECHECK_S))
    if busy.idle_for_s is not None and busy.idle_for_s < timeout_s:
        return Wait(now + timeout_s - busy.idle_for_s)
    return Sleep()
