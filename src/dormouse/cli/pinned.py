"""The current project and branch, in the file `.neon` that Neon's own command line shares.

    {"orgId": "org-…", "projectId": "cold-sea-12345678", "branch": "dev"}

All are optional; `branch` is a name or an id, and older files call it `branchId`. The file is looked for in the
working folder and those above it, up to the home folder or the root, without these two: so read and written by
neonctl 5.0.1. Where there is none, `use` makes one in the working folder.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from dormouse.cli.gitignore import keep_out
from dormouse.errors import UserError

__all__ = ["Pinned", "find_file", "parse", "read_pinned", "text_of", "write_pinned"]

FILE = ".neon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """What is pinned, and in which file; None is not pinned."""

    path: Path
    project: str | None = None
    branch: str | None = None
    """Of that project. A name or an id."""
    organization: str | None = None


def find_file(folder: Path, home: Path) -> Path:
    """The nearest `.neon`, or where it would be."""
    for each in (folder, *folder.parents):
        if each in (home, Path(each.anchor)):
            break
        if (each / FILE).exists():
            return each / FILE
    return folder / FILE


def parse(path: Path, text: str) -> Pinned:
    """What a file says. Like neonctl, takes one that is no JSON object for an empty one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    given = found if isinstance(found, dict) else {}

    def said(*names: str) -> str | None:
        values = (given.get(name) for name in names)
        return next((value for value in values if isinstance(value, str) and value), None)

    return Pinned(
        path=path, project=said("projectId"), branch=said("branch", "branchId"), organization=said("orgId")
    )


def text_of(pinned: Pinned) -> str:
    """The content of the file; what is not pinned is left out."""
    values = {"orgId": pinned.organization, "projectId": pinned.project, "branch": pinned.branch}
    return json.dumps({name: value for name, value in values.items() if value}, indent=2, ensure_ascii=False)


def read_pinned(folder: Path, home: Path) -> Pinned:
    """What is pinned for a working folder; nothing if there is no file, or none that can be read."""
    path = find_file(folder, home)
    try:
        return parse(path, path.read_text("utf-8"))
    except (OSError, ValueError):
        return Pinned(path=path)


def write_pinned(pinned: Pinned, *, ignore: bool = True) -> bool:
    """Write the file; a new one in a git checkout is kept out of it, if `ignore`. Whether `.gitignore` got a line.

    Who took `.neon` out of `.gitignore`, to share it, is not contradicted: that is why only a new one.
    """
    new = not pinned.path.exists()
    try:
        pinned.path.write_text(text_of(pinned), "utf-8")
    except OSError as error:
        raise UserError(f"{pinned.path} cannot be written: {error.strerror or error}") from error
    return new and ignore and keep_out(pinned.path)
