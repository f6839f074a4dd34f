"""Who is in: one-time links and the sessions that they open. Pure: the clock and the making of secrets are given.

    issue ──▶ a link, for ten minutes ──▶ redeem, once ──▶ a session ──▶ twelve hours without a request, or leave

All of it is in memory, and ends with the platform's process: nothing on disk lets anyone in, and to lock everybody
out is to start the platform again. What is kept of a link or a session is its SHA-256.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

__all__ = ["IDLE_S", "LINK_S", "Asked", "Doors", "Flash", "Session"]

LINK_S: Final = 600.0
"""From the terminal to the browser, by way of a slow start of it, or of another window."""
IDLE_S: Final = 12 * 3600.0
"""A working day with its lunch; a console that was left open is closed by the next morning."""
_MOST_LINKS: Final = 20
_MOST_SESSIONS: Final = 100
"""Of each, the oldest goes. Only who has the API's key can make one more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flash:
    """What the next page says, once."""

    text: str
    is_bad: bool = False
    secret: str = field(default="", repr=False)
    """Shown this once, to be copied: a new key, a new password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A statement that was run in the SQL editor. It may hold a password, so that it is nowhere but here."""

    number: int
    """By which it is recalled."""
    text: str = field(repr=False)
    branch: str
    database: str
    at: datetime
    outcome: str
    """`3 rows`, `ERROR 42703`"""


@dataclass(slots=True, kw_only=True)
class Session:
    """A browser that came by a link."""

    csrf: str = field(repr=False)
    """What every form of this session brings along."""
    used_at: float
    flashes: list[Flash] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    """Oldest first."""

    def is_ours(self, offered: str) -> bool:
        """Whether a form brought this session's token."""
        return hmac.compare_digest(offered.encode("utf-8", "surrogatepass"), self.csrf.encode())

    def take_flashes(self) -> tuple[Flash, ...]:
        """What is to be said now; the next call has nothing of it."""
        said = tuple(self.flashes)
        self.flashes.clear()
        return said


class Doors:
    """All links and sessions. `now` is a clock that only goes forward, in seconds."""

    def __init__(self, new_secret: Callable[[], str]) -> None:
        """`new_secret` makes texts that nobody can guess."""
        self._new_secret = new_secret
        self._links: dict[str, float] = {}
        self._sessions: dict[str, Session] = {}

    def issue(self, now: float) -> str:
        """The secret of a new one-time link."""
        secret = self._new_secret()
        self._links = {digest: ends for digest, ends in self._links.items() if ends > now}
        self._links[_digest(secret)] = now + LINK_S
        _drop_oldest(self._links, _MOST_LINKS)
        return secret

    def redeem(self, link: str, now: float) -> str | None:
        """The secret of a new session; None for a link that is unknown, used, or too old."""
        if self._links.pop(_digest(link), 0.0) <= now:
            return None
        secret = self._new_secret()
        self._sessions = {key: each for key, each in self._sessions.items() if not _is_over(each, now)}
        self._sessions[_digest(secret)] = Session(csrf=self._new_secret(), used_at=now)
        _drop_oldest(self._sessions, _MOST_SESSIONS)
        return secret

    def find(self, secret: str, now: float) -> Session | None:
        """The session of that secret, used now; None if there is none any more."""
        found = self._sessions.get(_digest(secret))
        if found is None or _is_over(found, now):
            return None
        found.used_at = now
        return found

    def leave(self, secret: str) -> None:
        """End a session. One that is over already may be left again."""
        self._sessions.pop(_digest(secret), None)


def _is_over(session: Session, now: float) -> bool:
    return session.used_at + IDLE_S <= now


def _digest(secret: str) -> str:
    # Looked up by its digest, a secret cannot be guessed byte by byte from how long a comparison takes.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _drop_oldest(kept: dict[str, float] | dict[str, Session], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]
