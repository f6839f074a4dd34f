"""Who Postgres runs as. It refuses to be root, so as root it gets a user of its own."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from dormouse.errors import HomeError

__all__ = ["Account", "RunAs", "can_enter", "run_as", "server_account"]


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


class RunAs(TypedDict, total=False):
    """What `subprocess` is told so that a program runs as somebody."""

    args: Sequence[str]
    user: int
    group: int
    extra_groups: Iterable[int]


def run_as(account: Account | None, command: Sequence[str]) -> RunAs:
    """How to run `command`, an absolute path and its arguments, as `account`; as ourselves if that is None.

    By `setpriv` where the machine has it (util-linux). `subprocess` can do it as well, but then has to fork: our
    page tables are copied, 18 ms for a platform of 80 MB, in which it does nothing else; without, it takes 0.3.
    A program that is not there is left to `subprocess`, whose OSError tells more than setpriv's exit code.
    """
    if account is None:
        return {"args": command}
    if (words := _setpriv(account)) and Path(command[0]).is_file():
        return {"args": [*words, *command]}
    return {"args": command, "user": account.uid, "group": account.gid, "extra_groups": []}


def can_enter(account: Account, folder: Path) -> bool:
    """Whether `account` may enter `folder`, asked of the system: modes, ACLs and mounts all count."""
    done = subprocess.run(
        **run_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]),
        cwd="/",
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


@cache
def _setpriv(account: Account) -> tuple[str, ...]:
    """The words to put before a command; none where it does not do what we ask of it, as that of busybox."""
    program = shutil.which("setpriv")
    if program is None:
        return ()
    words = (program, f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--")
    tried = subprocess.run([*words, "/bin/sh", "-c", "id -u"], cwd="/", capture_output=True, check=False)
    return words if tried.stdout.strip() == str(account.uid).encode() else ()
