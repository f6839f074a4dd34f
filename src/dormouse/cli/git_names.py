"""What the database branch of a git branch is called. Pure.

The same git branch always gets the same name, on every machine, and no two get one: most keep theirs. A name that
could be taken for something else (an id, a position in the WAL, `branch@time`), or that holds what a shell or an
API might trip over, gets a part of its hash instead, and so do those that end like one.
"""

import hashlib
import re
from collections.abc import Container
from typing import Final

from dormouse.cli.points import LSN

__all__ = ["database_name", "usual_default"]

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_HASHED: Final = re.compile(r".*-[0-9a-f]{8}")
_LONGEST_HINT: Final = 60
"""What is kept of a name before its hash, to recognise it by."""


def database_name(git_branch: str, *, not_to_be: Container[str] = ()) -> str:
    """The name for a git branch. One of `not_to_be` is a branch that no git branch is to get."""
    is_plain = (
        _PLAIN.fullmatch(git_branch)
        and not _HASHED.fullmatch(git_branch)
        and not git_branch.startswith("br-")
        and not LSN.fullmatch(git_branch)
    )
    if is_plain and git_branch not in not_to_be:
        return git_branch
    digest = hashlib.sha256(git_branch.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    hint = re.sub(r"[^A-Za-z0-9._/]+", "-", git_branch)[:_LONGEST_HINT].strip("-./")
    return f"{re.sub('^(br(-|$))+', '', hint) or 'git'}-{digest}"


def usual_default(git_branch: str) -> bool:
    """Whether a git branch is the main one by its name, whatever git itself knows of that."""
    return git_branch in ("main", "master")
