"""Keeping a file out of a git checkout: whether `.gitignore` covers it, and the line that does."""

from fnmatch import fnmatchcase
from pathlib import Path

__all__ = ["covers", "in_checkout", "keep_out", "with_entry"]


def covers(line: str, name: str) -> bool:
    """Whether a line of `.gitignore` ignores a file of that name beside it.

    Only plain names and plain patterns count: to add a line too many is harmless, one too few is not.
    """
    pattern = line.strip()
    if not pattern or pattern[0] in "#!":
        return False
    pattern = pattern.removeprefix("/")
    return "/" not in pattern and "[" not in pattern and fnmatchcase(name, pattern)


def with_entry(text: str, name: str) -> str:
    """The content of a `.gitignore`, with a line for `name` if none covers it."""
    if any(covers(line, name) for line in text.splitlines()):
        return text
    return text + ("\n" if text and not text.endswith("\n") else "") + f"{name}\n"


def in_checkout(folder: Path) -> bool:
    """Whether the folder belongs to a git checkout; a worktree's `.git` is a file."""
    return any((each / ".git").exists() for each in (folder, *folder.parents))


def keep_out(path: Path) -> bool:
    """Have the `.gitignore` beside `path` cover it, in a checkout; whether a line was written.

    A `.gitignore` that cannot be written is left: that is no reason not to do what was asked.
    """
    if not in_checkout(path.parent):
        return False
    ignored = path.with_name(".gitignore")
    try:
        before = ignored.read_text("utf-8") if ignored.exists() else ""
        after = with_entry(before, path.name)
        if after == before:
            return False
        ignored.write_text(after, "utf-8")
    except (OSError, ValueError):
        return False
    return True
