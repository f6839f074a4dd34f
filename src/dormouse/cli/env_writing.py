"""Writing the connections to a branch into a `.env` file: whole or not at all, for its owner's eyes only."""

import os
from collections.abc import Callable
from pathlib import Path

from dormouse.cli.git import Checkout
from dormouse.errors import UserError
from dormouse.storage.durable import write_atomically

__all__ = ["change_env", "read_env"]


def read_env(path: Path) -> str:
    """The text of the file; empty if there is none. Raises UserError where it cannot be read."""
    try:
        # Not read_text, which would turn CRLF into LF.
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8", "convert it, or say another file with --env-file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def change_env(path: Path, change: Callable[[str], str], checkout: Checkout | None) -> bool:
    """Change the text of the file, if it changes; whether it did. Its mode is 0600 afterwards in any case.

    Raises UserError where it cannot be written, and for a file that git tracks: its passwords would go into the
    history.
    """
    if checkout is not None and path.is_relative_to(checkout.top) and checkout.tracks(path):
        raise UserError(
            f"{path} is tracked by git: a password would get into the history",
            f"`git rm --cached {path.name}`, or say another file with --env-file",
        )
    before = read_env(path)
    after = change(before)
    # Behind a symbolic link, what it leads to is replaced, not the link.
    real = path.resolve()
    try:
        there = real.stat() if real.exists() else None
        if after != before or there is None:
            # Root may be working in somebody's folder: the file stays that one's.
            owner = (there.st_uid, there.st_gid) if there is not None and os.geteuid() == 0 else None
            write_atomically(real, after, owner=owner)
        elif there.st_mode & 0o077:
            real.chmod(0o600)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    return after != before
