"""Putting the hook into a repository, and taking it out."""

from dataclasses import dataclass
from pathlib import Path

from dormouse.cli.git import Checkout
from dormouse.cli.hook_script import FOLDER_KEY, KEPT, NAME, hook_script, is_ours
from dormouse.errors import UserError
from dormouse.storage.durable import write_atomically

__all__ = ["Hooked", "install_hook", "uninstall_hook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooked:
    """What was done."""

    path: Path
    """The hook."""
    other: Path | None
    """The hook that was there before: kept, or put back."""
    changed: bool
    """False where there was nothing to do."""


def install_hook(checkout: Checkout, folder: str, python: str) -> Hooked:
    """Have git call us after every checkout; a hook that is there is kept, and called first. May be called twice.

    `folder` is where `.neon` lies, seen from the top. Raises UserError where the hooks cannot be written, or where
    there are two of somebody else.
    """
    hooks = checkout.hooks()
    path, kept = hooks / NAME, hooks / KEPT
    try:
        hooks.mkdir(parents=True, exist_ok=True)
        there = _text(path)
        if there is not None and not is_ours(there):
            if kept.exists():
                raise UserError(
                    f"{path} is a hook of somebody else, and so is {kept}, which was there before",
                    "put the two into one, as post-checkout, and remove the other",
                )
            path.rename(kept)
        script = hook_script(python)
        changed = there != script or checkout.setting(FOLDER_KEY) != folder
        write_atomically(path, script, mode=0o755)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    checkout.set(FOLDER_KEY, folder)
    return Hooked(path=path, other=kept if kept.exists() else None, changed=changed)


def uninstall_hook(checkout: Checkout) -> Hooked:
    """Take the hook away, and put back what was there before. May be called twice.

    One that is not ours any more stays. Raises UserError where the hooks cannot be written.
    """
    hooks = checkout.hooks()
    path, kept = hooks / NAME, hooks / KEPT
    asked = checkout.setting(FOLDER_KEY) is not None
    checkout.set(FOLDER_KEY, None)
    try:
        there = _text(path)
        if there is None or not is_ours(there):
            return Hooked(path=path, other=None, changed=asked)
        path.unlink()
        if not kept.exists():
            return Hooked(path=path, other=None, changed=True)
        kept.rename(path)
    except OSError as error:
        raise UserError(f"{path} cannot be removed: {error.strerror or error}") from error
    return Hooked(path=path, other=path, changed=True)


def _text(path: Path) -> str | None:
    """What a hook says; one that is no text is somebody's program. None if there is none."""
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
