"""Where the pin and the connections of a git checkout lie: `.neon` and `.env`, side by side, two in each worktree.

The folder is the one that has a `.neon` already, here or above; else the one that the hook was installed for; else
that of the main worktree's `.neon`, in this one; else the top. A new worktree, in which neither file is, since git
leaves out both, belongs to the project of the main one.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from dormouse.cli.git import Checkout
from dormouse.cli.gitignore import keep_out, with_entry
from dormouse.cli.hook_script import FOLDER_KEY
from dormouse.cli.pinned import Pinned, find_file, read_pinned
from dormouse.errors import UserError

__all__ = ["ENV_FILE_KEY", "CheckoutFiles", "exclude", "find_files"]

ENV_FILE_KEY = "dormouse.envfile"
"""The repository's own setting of another file than `.env`, seen from the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutFiles:
    """What is written in a checkout, and what is read there before."""

    pinned: Pinned
    """Where the pin goes, and what is known of project and branch."""
    env: Path
    older_env: Path
    """The same file of the main worktree: how somebody wants to connect, where this one does not say it yet."""


def find_files(checkout: Checkout, folder: Path, home: Path, env_file: Path | None = None) -> CheckoutFiles:
    """The files of a checkout, for somebody who works in `folder`. `env_file` is another file than `.env`.

    Raises UserError where git cannot be asked.
    """
    here = find_file(folder, home)
    top, main_top = checkout.top, checkout.main_top
    if here.exists() and here.is_relative_to(top):
        inside = here.parent.relative_to(top)
    elif (asked := checkout.setting(FOLDER_KEY)) is not None and (top / asked).is_dir():
        inside = Path(asked)
    else:
        inside = _as_in(main_top, folder.relative_to(top) if folder.is_relative_to(top) else Path())
    own = top / inside / here.name
    known = next((each for each in (own, main_top / inside / here.name) if each.exists()), here)
    pinned = read_pinned(known.parent, home) if known.exists() else Pinned(path=own)
    if env_file is None:
        kept = checkout.setting(ENV_FILE_KEY)
        env_file = top / (kept if kept is not None else inside / ".env")
    env = folder / env_file
    older = main_top / env.relative_to(top) if env.is_relative_to(top) else env
    # The branch that another worktree has pinned is not this one's.
    return CheckoutFiles(
        pinned=replace(pinned, path=own, branch=pinned.branch if known == own else None), env=env, older_env=older
    )


def exclude(checkout: Checkout, path: Path, *, quietly: bool) -> bool:
    """Have git pass a file over, if it does not; whether anything was written that people see.

    `quietly` writes to `.git/info/exclude`: after a checkout, `.gitignore` is the one of this git branch, and a
    change of it would be in the way of the next checkout.
    """
    if not path.is_relative_to(checkout.top) or checkout.ignores(path) or checkout.tracks(path):
        return False
    if not quietly:
        return keep_out(path)
    file = checkout.common_dir / "info" / "exclude"
    try:
        file.parent.mkdir(exist_ok=True)
        before = file.read_text("utf-8") if file.exists() else ""
        file.write_text(with_entry(before, path.name), "utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be written: {error}") from error
    return False


def _as_in(main_top: Path, inside: Path) -> Path:
    """The folder with the nearest `.neon` of the main worktree, seen from its top; the top if it has none."""
    found = find_file(main_top / inside, main_top.parent)
    return found.parent.relative_to(main_top) if found.exists() else Path()
