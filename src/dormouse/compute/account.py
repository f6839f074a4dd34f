"""Who Postgres runs as. It refuses to be root, so as root it gets a user of its own."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dormouse.errors import HomeError

__all__ = ["Account", "can_enter", "server_account"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def owner(self) -> tuple[int, int]:
        """As `chown` wants it."""
        return self.uid, self.gid


def server_account() -> Account | None:
    """The user for Postgres: `postgres` or else `nobody` when we are root; None when we are somebody already.

    Raises HomeError when we are root and the machine has neither.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise HomeError(
        "running as root, and this machine has neither a user 'postgres' nor 'nobody' for Postgres to run as",
        "create one (useradd --system postgres) or run as an ordinary user",
    )


def can_enter(account: Account, folder: Path) -> bool:
    """Whether `account` may enter `folder`, asked of the system: modes, ACLs and mounts all count."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0
