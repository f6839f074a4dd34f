"""What stands in the way of a deletion. Pure."""

from collections.abc import Iterable

from dormouse.api.records import Branch

__all__ = ["obstacles"]


def obstacles(branch: Branch, branches: Iterable[Branch]) -> tuple[str, str] | None:
    """Why the platform would refuse to delete a branch, and what to do about it; None if it would not."""
    if branch.default:
        return "it is the default branch", "make another one that: `dormouse branch set-default NAME`"
    if branch.protected:
        return "it is protected", f"`dormouse branch unprotect {branch.name}`"
    if children := [each.name for each in branches if each.parent_id == branch.id]:
        return f"it has children: {', '.join(children)}", "delete them first"
    return None
