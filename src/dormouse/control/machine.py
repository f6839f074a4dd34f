"""What a platform stands on: its folders, the Postgres of this machine, and a way to clone."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dormouse.compute.account import Account
from dormouse.compute.binaries import Postgres
from dormouse.names import EndpointId
from dormouse.storage.driver import Driver
from dormouse.storage.layout import Layout

__all__ = ["Machine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Chosen once, when the platform starts."""

    layout: Layout
    installed: tuple[Postgres, ...]
    account: Account | None
    """Who Postgres runs as; None is ourselves."""
    driver: Driver
    sockets: Path
    """A short folder: a unix socket's path must stay under 100 bytes."""
    chance: random.Random
    now: Callable[[], datetime]
    pgbouncer: Path | None = None
    """The PgBouncer to use; None is the one that is found."""
    start_timeout_s: float = 60.0
    """Without a sign of progress; a long recovery may take longer."""

    @property
    def owner(self) -> tuple[int, int] | None:
        """The uid and gid of what Postgres reads and writes."""
        return None if self.account is None else self.account.owner

    def socket_dir(self, endpoint: EndpointId) -> Path:
        """Where a compute listens: the random part of its id, which is unique by itself."""
        return self.sockets / endpoint.rpartition("-")[2]
